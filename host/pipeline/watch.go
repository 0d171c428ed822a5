package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/host/session"
)

const (
	// patience is how many times a search may ask its context before its peer is
	// watched. The store asks once for some hundred documents, so that short
	// searches need no timer.
	patience = 4

	// lookEvery is the time between two looks at the peer of a long search.
	lookEvery = 25 * time.Millisecond
)

// watch looks whether a peer has left while it waits for a search: the goroutine
// that would read the end of its connection is the one that searches. It is
// begun by what uses the context and ended with the request; in between a timer
// runs, and no goroutine.
type watch struct {
	link  session.Watched // nil: there is nothing to look at
	left  func()          // called when the peer has left
	asked atomic.Int32    // times since the request began; from patience on there is a timer

	mu    sync.Mutex // guards the rest, and is held for a look
	on    bool
	timer *time.Timer
}

// ask is called whenever a search asks whether to go on.
func (w *watch) ask() {
	if w.link != nil && w.asked.Add(1) == patience {
		w.begin()
	}
}

// wait is called when somebody is about to wait for the end of the context.
func (w *watch) wait() {
	if w.link != nil && w.asked.Swap(patience) < patience {
		w.begin()
	}
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
	if w.timer == nil {
		w.timer = time.AfterFunc(lookEvery, w.look)
		return
	}
	w.timer.Reset(lookEvery)
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.on: // the request ended just now
	case w.link.Gone():
		w.left()
	default:
		w.timer.Reset(lookEvery)
	}
}

// rest is called when the request has been carried out. No look is under way
// when it returns.
func (w *watch) rest() {
	if w.asked.Load() == 0 || w.asked.Swap(0) < patience {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	w.timer.Stop()
}
