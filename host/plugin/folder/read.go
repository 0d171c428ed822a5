package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrChanging says that a file was written to while it was read.
var ErrChanging = errors.New("the file is being written to; it is read again when it is quiet")

// TooLargeError says that a file is too large, in bytes.
type TooLargeError struct{ Size, Most int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d bytes, over the limit of %d", e.Size, e.Most)
}

// Read reads a regular file, or one that a symbolic link leads to, of at
// most maxBytes.
func Read(path string, maxBytes int64) ([]byte, error) {
	before, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if before.Size() > maxBytes {
		return nil, &TooLargeError{Size: before.Size(), Most: maxBytes}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if int64(len(content)) != before.Size() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return nil, ErrChanging
	}
	return content, nil
}
