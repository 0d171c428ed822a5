//go:build unix && !linux

package compiler

import (
	"os/exec"
	"syscall"
)

func start(cmd *exec.Cmd) error { return cmd.Start() }

// yieldToOthers lets other processes go first.
func yieldToOthers() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) } // if it may not, it goes on as it is
