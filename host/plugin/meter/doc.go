// Package meter rewrites a WebAssembly module so that it can be stopped. It
// makes the module count down a fuel counter at the entry of every function and
// before every branch back to the head of a loop, and before operations whose cost
// depends on an operand; when the counter falls below zero the module calls the host, which
// gives another slice of fuel or ends the call. So a busy guest comes by in Go
// code at bounded intervals: its time limit is kept, and Go's collector and
// scheduler, which cannot interrupt wazero's machine code, never wait long for
// it.
//
// Nothing goes on for ever without coming by a check: going on takes calls, or branches
// that lead back in the code. Every function that calls anything begins with a check,
// which pays for the dearest way through its code that goes forward only, and every branch back has one, which pays for
// what lies between. The tests prove that of each module of the specification's suite,
// with a decoder of their own, and that without its checks the module is what it was.
//
// Branches that go through the head of a loop to go forward, as those of Go's compiler
// do, are made to go there themselves.
//
// Code that costs nothing to skip is not trusted: an instruction that this
// package does not know makes it refuse the module, and so does an index that
// means nothing in it.
//
// It imports host/plugin/wasmbin and the standard library.
package meter
