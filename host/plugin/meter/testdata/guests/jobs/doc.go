// Package jobs is what guests are measured with: four jobs that plugins do.
// They are written again in C and in AssemblyScript; each returns a number that
// depends on all of its work, the same in every language.
//
// It imports the standard library, and is part of the guest in Go.
package jobs
