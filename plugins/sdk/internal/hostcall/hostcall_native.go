//go:build !wasip1

package hostcall

import "sync"

// Host answers the calls of a plugin that runs natively.
type Host interface {
	Log(level int32, text string)
	Payload() []byte
}

var (
	mu      sync.Mutex
	current Host
)

// Set makes h the host of this process until the returned function is called.
// Native plugins know no instance that could carry it.
func Set(h Host) (restore func()) {
	mu.Lock()
	defer mu.Unlock()
	before := current
	current = h
	return func() {
		mu.Lock()
		defer mu.Unlock()
		current = before
	}
}

func get() Host {
	mu.Lock()
	defer mu.Unlock()
	return current
}

// Log writes a line to the host's log.
func Log(level int32, text string) {
	if h := get(); h != nil {
		h.Log(level, text)
	}
}

// Payload returns the data of the present message, in buf if it fits.
func Payload(buf []byte) []byte {
	if h := get(); h != nil {
		return append(buf[:0], h.Payload()...)
	}
	return nil
}
