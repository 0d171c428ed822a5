//go:build darwin || linux

package linear

import (
	"syscall"
	"unsafe"
)

// reserve takes address space that cannot be touched yet, and returns it as it
// is to be released, and from where a large page can begin.
func reserve(most int) (mapped, space []byte) {
	size := most
	if most >= large {
		size = (most+large-1)&^(large-1) + large
	}
	mapped, err := syscall.Mmap(-1, 0, size, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil
	}
	skip := 0
	if most >= large {
		skip = -int(uintptr(unsafe.Pointer(unsafe.SliceData(mapped)))) & (large - 1)
	}
	end := size
	if most >= large {
		end = skip + (most+large-1)&^(large-1)
		preferLarge(mapped[skip:end])
	}
	return mapped, mapped[skip:end:end]
}

// commit lets memory be touched.
func commit(space []byte) error {
	return syscall.Mprotect(space, syscall.PROT_READ|syscall.PROT_WRITE)
}

func release(mapped []byte) { _ = syscall.Munmap(mapped) }
