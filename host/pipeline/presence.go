package pipeline

import (
	"context"
	"sync/atomic"
)

// presence gives a peer's searches a context that ends with the peer. A peer
// that never searches costs nothing.
type presence struct {
	gone   atomic.Bool
	cancel atomic.Pointer[lifetime]
}

type lifetime struct {
	ctx context.Context
	end context.CancelFunc
}

// context returns the context of what the peer asks for. It is the same one
// every time.
func (peer *Peer) context() context.Context {
	p := &peer.presence
	life := p.cancel.Load()
	if life == nil {
		life = &lifetime{}
		life.ctx, life.end = context.WithCancel(context.Background())
		p.cancel.Store(life) // only the peer's own goroutine makes one
		if p.gone.Load() {
			life.end()
		}
	}
	return life.ctx
}

// Gone tells that nothing more can be sent to the peer, so that a search it is
// waiting for stops. It may be called from any goroutine, any number of times,
// before Closed.
func (peer *Peer) Gone() {
	peer.presence.gone.Store(true)
	if life := peer.presence.cancel.Load(); life != nil {
		life.end()
	}
}
