package heapfloor

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// usual is the percentage that Go has by itself: collect when the heap has doubled.
	usual = 100
	// minimum is the heap below which Go does not collect, with that percentage.
	minimum = 4 << 20
)

// floor sets the percentage anew after each collection.
type floor struct {
	bytes uint64

	mu      sync.Mutex
	stopped bool
	percent int
	before  int // what was set when it began
}

// Set has the process collect no garbage before its heap has so many bytes, unless
// runtime/debug.SetMemoryLimit asks for it sooner. It counts for the whole process, so it
// is for a command to call, once; stop gives back the percentage that was set before.
func Set(bytes uint64) (stop func()) {
	f := &floor{bytes: bytes, percent: max(usual, int(bytes*usual/minimum))}
	f.before = debug.SetGCPercent(f.percent)
	f.arm(&mark{of: f})
	return f.stop
}

// mark is an object that nobody holds on to: each collection finds it.
type mark struct{ of *floor }

func (f *floor) arm(m *mark) { runtime.SetFinalizer(m, (*mark).collected) }

// collected is called after a collection.
func (m *mark) collected() {
	if m.of.adjust() {
		m.of.arm(m)
	}
}

// adjust sets the percentage with which the next collection comes at the floor.
// To set it stops the process for some microseconds, so small changes wait.
func (f *floor) adjust() (goOn bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return false
	}
	want := percentFor(f.bytes, live())
	if less := f.percent - f.percent/8; want < less || want > f.percent+f.percent/8 {
		f.percent = want
		debug.SetGCPercent(want)
	}
	return true
}

func (f *floor) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped {
		f.stopped = true
		debug.SetGCPercent(f.before)
	}
}

// percentFor returns how much of the living bytes may become garbage.
func percentFor(floor, living uint64) int {
	if living = max(living, minimum/4); living >= floor/2 {
		return usual
	}
	return int((floor - living) * 100 / living)
}

// live returns the bytes that the last collection found in use.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
