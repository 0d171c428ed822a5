// Package compiler makes machine code of a module in a process of its own, so that a
// module which was made for the compiler to choke on costs the host nothing: the
// process has a bound of memory, is ended when its time is over, and lets everybody
// else go first. The machine code is left in the folder where wazero looks for it.
//
// Command is the host's side of it, Main that of the process.
//
// It imports wazero and the standard library.
package compiler
