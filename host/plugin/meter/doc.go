// Package meter rewrites a WebAssembly module so that it can be stopped. It
// makes the module count down a fuel counter at the head of every loop and at
// the entry of every function, and before operations whose cost depends on an
// operand; when the counter falls below zero the module calls the host, which
// gives another slice of fuel or ends the call. So a busy guest comes by in Go
// code at bounded intervals: its time limit is kept, and Go's collector and
// scheduler, which cannot interrupt wazero's machine code, never wait long for
// it.
//
// Nothing goes on for ever without coming by a check: going on takes loops or
// calls; every loop begins with a check, and so does every function that loops or
// calls, before anything that could lead past it. The tests prove that of each
// module of the specification's suite, with a decoder of their own, and that
// without its checks the module is what it was.
//
// Code that costs nothing to skip is not trusted: an instruction that this
// package does not know makes it refuse the module, and so does an index that
// means nothing in it.
//
// It imports host/plugin/wasmbin and the standard library.
package meter
