package pipeline

import (
	"sync"
	"time"
)

// faultPause is how often at most the log says that a layer failed.
const faultPause = time.Second

// faults remembers what the log was told of the failures of layers: one that fails
// on every message would fill it.
type faults struct {
	mu sync.Mutex
	of map[string]fault // by the names of layers
}

type fault struct {
	told time.Time
	more int // failures since
}

// due counts a failure, and reports whether the log is to be told of it, and of
// how many it was not told before.
func (f *faults) due(layer string, now time.Time) (more int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, known := f.of[layer]
	if known && now.Sub(last.told) < faultPause {
		last.more++
		f.of[layer] = last
		return 0, false
	}
	if f.of == nil {
		f.of = map[string]fault{}
	}
	f.of[layer] = fault{told: now}
	return last.more, true
}
