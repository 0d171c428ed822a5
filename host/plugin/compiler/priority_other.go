//go:build !unix

package compiler

import "os/exec"

func start(cmd *exec.Cmd) error { return cmd.Start() }

// yieldToOthers does nothing where the standard library has no priorities.
func yieldToOthers() {}
