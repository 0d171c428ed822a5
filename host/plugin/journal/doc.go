// Package journal keeps the last lines of the log of one plugin: what happened to it,
// and what it wrote itself.
//
// It imports nothing but the standard library.
package journal
