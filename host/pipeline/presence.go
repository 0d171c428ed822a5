package pipeline

import (
	"context"
	"sync/atomic"

	"github.com/happn-host/happn-host/host/session"
)

// presence gives a peer's searches a context that ends with the peer. A peer
// that never searches costs nothing.
type presence struct {
	gone atomic.Bool
	life atomic.Pointer[lifetime]
}

// lifetime is the context of what a peer asks for. Whoever asks it often, or
// waits for its end, makes it look whether the peer is still there.
type lifetime struct {
	context.Context
	end   context.CancelFunc
	watch watch
}

// Done implements context.Context.
func (l *lifetime) Done() <-chan struct{} {
	l.watch.wait()
	return l.Context.Done()
}

// Err implements context.Context.
func (l *lifetime) Err() error {
	l.watch.ask()
	return l.Context.Err()
}

func newLifetime(s *session.Session) *lifetime {
	l := &lifetime{}
	l.Context, l.end = context.WithCancel(context.Background())
	l.watch.link, l.watch.left = s.Watched(), l.end
	return l
}

// context returns the context of what the peer asks for. It is the same one
// every time, but for the span of the request.
func (peer *Peer) context() context.Context {
	p := &peer.presence
	life := p.life.Load()
	if life == nil {
		life = newLifetime(peer.session)
		p.life.Store(life) // only the peer's own goroutine makes one
		if p.gone.Load() {
			life.end()
		}
	}
	return peer.span.With(life)
}

// contextOf returns the context of the request in w: an agent's caller brings one.
func (peer *Peer) contextOf(w *worker) context.Context {
	if peer.agent != nil {
		return w.ctx
	}
	return peer.context()
}

// answered ends what a request's use of its context has begun.
func (p *presence) answered() {
	if life := p.life.Load(); life != nil {
		life.watch.rest()
	}
}

// Gone tells that nothing more can be sent to the peer, so that a search it is
// waiting for stops. It may be called from any goroutine, any number of times,
// before Closed.
func (peer *Peer) Gone() {
	peer.presence.gone.Store(true)
	if life := peer.presence.life.Load(); life != nil {
		life.end()
	}
}
