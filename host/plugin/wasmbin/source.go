package wasmbin

import "embed"

// source is the code of this package, whose sum is its version.
//
//go:embed *.go
var source embed.FS

// Source returns the code of this package. What is kept of its work is kept by that: other
// code may do something else.
func Source() embed.FS { return source }
