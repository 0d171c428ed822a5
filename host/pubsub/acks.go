package pubsub

import (
	"sync"
	"time"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// Acks keeps the publications that wait for their subscribers to acknowledge
// them (consistency 3; happn-wire.md, 5.4).
type Acks struct {
	timeout time.Duration

	mu      sync.Mutex
	pending map[string]*Pending
	closed  bool
}

// NewAcks returns a keeper that waits at most timeout for acknowledgements.
func NewAcks(timeout time.Duration) *Acks {
	return &Acks{timeout: timeout, pending: make(map[string]*Pending)}
}

// Pending is one publication that waits.
type Pending struct {
	acks    *Acks
	id      string
	done    func(protocol.Outcome, bool)
	timer   *time.Timer
	waiting map[*session.Session]struct{}

	outcome  protocol.Outcome
	started  bool // everything has been sent
	finished bool
}

// Open registers a publication. done is called once, from any goroutine, when
// every recipient has acknowledged, or with complete false when the time is up
// or the rest cannot any more.
func (a *Acks) Open(id string, done func(outcome protocol.Outcome, complete bool)) *Pending {
	p := &Pending{acks: a, id: id, done: done, waiting: make(map[*session.Session]struct{})}
	p.outcome.HasAcks = true
	a.mu.Lock()
	a.pending[id] = p
	a.mu.Unlock()
	return p
}

// expect notes that s is about to be sent the publication.
func (p *Pending) expect(s *session.Session) {
	p.acks.mu.Lock()
	p.waiting[s] = struct{}{}
	p.acks.mu.Unlock()
}

// Sent tells that everything has been sent, and starts the clock. A client
// acknowledges a publication once, on however many channels it got it.
func (p *Pending) Sent(outcome protocol.Outcome) {
	a := p.acks
	a.mu.Lock()
	acknowledged := p.outcome.Acknowledged
	p.outcome, p.started = outcome, true
	p.outcome.HasAcks, p.outcome.Acknowledged = true, acknowledged
	if len(p.waiting) == 0 || a.closed {
		p.finish(len(p.waiting) == 0) // unlocks
		return
	}
	p.timer = time.AfterFunc(a.timeout, func() {
		a.mu.Lock()
		p.finish(false)
	})
	a.mu.Unlock()
}

// finish reports the outcome once. The caller holds the lock, finish releases it.
func (p *Pending) finish(complete bool) {
	if p.finished {
		p.acks.mu.Unlock()
		return
	}
	p.finished = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.acks.pending[p.id] == p {
		delete(p.acks.pending, p.id)
	}
	outcome := p.outcome
	p.acks.mu.Unlock()
	p.done(outcome, complete)
}

// Acknowledge notes that s has received the publication with this id. Ids that
// nobody waits for, and sessions that were not sent it, are ignored.
func (a *Acks) Acknowledge(s *session.Session, id string) {
	a.mu.Lock()
	p := a.pending[id]
	if p == nil {
		a.mu.Unlock()
		return
	}
	if _, ok := p.waiting[s]; !ok {
		a.mu.Unlock()
		return
	}
	delete(p.waiting, s)
	p.outcome.Acknowledged++
	if p.started && len(p.waiting) == 0 {
		p.finish(true)
		return
	}
	a.mu.Unlock()
}

// Waiting returns how many publications wait.
func (a *Acks) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending)
}

// Close ends all waits as incomplete.
func (a *Acks) Close() {
	a.mu.Lock()
	a.closed = true
	var all []*Pending
	for _, p := range a.pending {
		if p.started {
			all = append(all, p)
		}
	}
	a.mu.Unlock()
	for _, p := range all {
		a.mu.Lock()
		p.finish(false)
	}
}
