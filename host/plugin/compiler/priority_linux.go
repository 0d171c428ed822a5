package compiler

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	// niceness is how much less of a processor than others the compiler gets.
	niceness = 10
	// slice is how long in nanoseconds others that have something to do wait for it, on
	// systems that can be told (Linux 6.12 and later); they wait some milliseconds
	// elsewhere.
	slice = 100_000
)

// start starts a process that lets others go first from its first moment: it is as
// the thread that starts it, which ends with its goroutine. What it may not it
// leaves as it is.
func start(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: niceness, Runtime: slice}, 0)
		started <- cmd.Start()
	}()
	return <-started
}

// yieldToOthers has nothing to do: see start.
func yieldToOthers() {}
