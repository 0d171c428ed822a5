package pipeline

import (
	"sync"
	"time"
)

// How often at most the log says that a layer failed: of the same failure once in
// a pause, and of different ones so many times in it.
const (
	faultPause = time.Second
	faultLines = 10
)

// faults remembers what the log was told of the failures of layers: one that fails
// on every message would fill it.
type faults struct {
	mu sync.Mutex
	of map[string]fault // by the names of layers
}

// fault is what was told of a layer since begun.
type fault struct {
	layer Layer
	begun time.Time
	lines int
	last  string
	more  int // failures that were not told
}

// due counts a failure, and reports whether the log is to be told of it, and of
// how many it was not told before.
func (f *faults) due(layer Layer, what string, now time.Time) (more int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := layer.Name()
	was := f.of[name]
	if was.layer != layer { // another one, of the same name
		was = fault{}
	}
	if now.Sub(was.begun) >= faultPause {
		was = fault{begun: now, more: was.more}
	} else if what == was.last || was.lines == faultLines {
		was.more++
		f.of[name] = was
		return 0, false
	}
	if f.of == nil {
		f.of = map[string]fault{}
	}
	f.of[name] = fault{layer: layer, begun: was.begun, lines: was.lines + 1, last: what}
	return was.more, true
}
