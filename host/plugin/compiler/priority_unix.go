//go:build unix

package compiler

import "syscall"

// yieldToOthers lets other processes go first.
func yieldToOthers() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) } // if it may not, it goes on as it is
