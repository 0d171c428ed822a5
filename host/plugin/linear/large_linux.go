package linear

import "syscall"

// preferLarge asks for large pages. Without them, or where the system has none to
// give, memory is mapped in small ones.
func preferLarge(space []byte) { _ = syscall.Madvise(space, syscall.MADV_HUGEPAGE) }
