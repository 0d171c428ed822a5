// Package ledger remembers what operators did to plugins by command, over restarts:
// which are disabled, and which canaries were rolled back and are not tried again.
//
// It imports nothing but the standard library.
package ledger
