package tracing

import (
	"context"
	"sync"
)

// inFlight counts requests that are not over. A server that shuts down does not wait for those
// that have taken their connection, as refusals do, and their spans end last.
type inFlight struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed when count is 0 again; nil if nobody waits
}

func (f *inFlight) enter() {
	f.mu.Lock()
	f.count++
	f.mu.Unlock()
}

func (f *inFlight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count--; f.count == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait returns when there is none, or ctx is done.
func (f *inFlight) wait(ctx context.Context) {
	f.mu.Lock()
	if f.count == 0 {
		f.mu.Unlock()
		return
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
