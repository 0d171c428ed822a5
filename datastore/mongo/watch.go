package mongo

import (
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// watch knows whether there is a server to talk to. The driver looks at the
// servers in goroutines of its own, which call it.
type watch struct {
	host  string
	grace time.Duration // how long requests wait for a server that has gone

	mu      sync.Mutex
	present bool      // whether one takes writes
	since   time.Time // when it was last known to
	cause   error     // the last failure
	ended   bool      // nobody wants to know any more
}

// monitor returns what the driver calls.
func (w *watch) monitor(changed func(present bool, cause error)) *event.ServerMonitor {
	return &event.ServerMonitor{
		TopologyDescriptionChanged: func(e *event.TopologyDescriptionChangedEvent) {
			present := false
			for _, s := range e.NewDescription.Servers {
				switch s.Kind {
				case "Standalone", "RSPrimary", "Mongos", "LoadBalancer":
					present = true
				}
			}
			if w.set(present) {
				changed(present, w.why())
			}
		},
		ServerHeartbeatFailed: func(e *event.ServerHeartbeatFailedEvent) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.cause = e.Failure
		},
	}
}

// end makes what comes no news: a client that disconnects loses sight of all
// servers.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// set reports whether it is news.
func (w *watch) set(present bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := w.present != present && !w.ended
	if w.present && !present {
		w.since = time.Now()
	}
	w.present = present
	return news
}

func (w *watch) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// away returns an error if there has been no server for longer than requests
// wait for one.
func (w *watch) away() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.present || time.Since(w.since) < w.grace {
		return nil
	}
	return w.unreachable(w.cause)
}

// absent is away without the patience.
func (w *watch) absent() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.present {
		return nil
	}
	return w.unreachable(w.cause)
}

func (w *watch) unreachable(cause error) error {
	return &failure{ErrAway.Error(), ErrAway, w.host, cause}
}
