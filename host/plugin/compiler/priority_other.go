//go:build !unix

package compiler

// yieldToOthers does nothing where the standard library has no priorities.
func yieldToOthers() {}
