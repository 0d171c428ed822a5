package loki

import "fmt"

// Error says where a file is not what it should be.
type Error struct {
	Line   int   // from 1
	Offset int64 // bytes from the start of the file
	Err    error // what is wrong there
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("line %d, byte %d: %v", e.Line, e.Offset, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }
