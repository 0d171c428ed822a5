//go:build !darwin && !linux

package linear

// reserve reports that there is no address space to be had in advance.
func reserve(int) (mapped, space []byte) { return nil, nil }

func commit([]byte) error { return nil }

func release([]byte) {}
