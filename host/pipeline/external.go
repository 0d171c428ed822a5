package pipeline

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// External publishes what somebody else wrote to the store: a set of the
// document, or a removal if it is nil. It names no session, since none is known,
// and nobody acknowledges it. What is the host's own is never published; Changed
// is told of it. The calls for one path must not overlap, or the order is lost.
func (p *Pipeline) External(path string, doc *datastore.Document) {
	if ofSystem(bytesOf(path)) {
		if p.Changed != nil {
			p.Changed(path)
		}
		return
	}
	o := &op{
		peer: &Peer{pipeline: p}, external: true, consistency: protocol.Transactional, doc: doc,
		request: protocol.Request{Action: abi.ActionSet, Path: []byte(path), HasPath: true},
	}
	if doc == nil {
		o.request.Action, o.removed = abi.ActionRemove, 1
	}
	w := p.worker()
	defer p.release(w)
	var b session.Batch
	o.fill(w)
	o.publish(w, &b)
	b.Flush()
}
