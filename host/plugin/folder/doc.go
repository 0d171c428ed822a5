// Package folder says what lies in a folder of plugins: modules, the operator's file and
// the canary beside each, by their names. It reads files that others may be writing to.
//
// It imports nothing but the standard library.
package folder
