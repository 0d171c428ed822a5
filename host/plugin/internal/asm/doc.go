// Package asm writes small WebAssembly modules for tests, so that no compiled
// module needs to be kept in the repository. It does not check what it writes:
// broken modules are wanted too.
package asm
