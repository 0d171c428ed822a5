package pipeline

import (
	"sync"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
)

// tally adds up the outcomes of the publications of one bulk write, whichever
// order they come in.
type tally struct {
	tell func(total protocol.Outcome, complete bool) // called once

	mu         sync.Mutex
	left       int
	total      protocol.Outcome
	incomplete bool
}

// add is told of one publication, from any goroutine.
func (t *tally) add(outcome protocol.Outcome, complete bool) {
	t.mu.Lock()
	t.total.Add(outcome)
	t.incomplete = t.incomplete || !complete
	t.left--
	last := t.left == 0
	t.mu.Unlock()
	if last {
		t.tell(t.total, !t.incomplete)
	}
}

// publishAwaited publishes each document of a bulk write under an id of its own
// that its subscribers acknowledge (consistency 3), and tells the sum of all.
func (o *op) publishAwaited(w *worker, b *session.Batch, id string, tell func(protocol.Outcome, bool)) {
	type sent struct {
		pending *pubsub.Pending
		outcome protocol.Outcome
	}
	all := make([]sent, 0, len(o.bulk.docs))
	sum := &tally{tell: tell, left: len(o.bulk.docs) + 1}
	o.eachDocument(w, func() {
		pending := o.peer.pipeline.Acks.Open(string(o.appendPlace([]byte(id))), sum.add)
		all = append(all, sent{pending, o.publishOne(w, b, pending)})
	})
	b.Flush()
	for _, one := range all {
		one.pending.Sent(one.outcome)
	}
	sum.add(protocol.Outcome{HasAcks: true}, true) // so that none at all are told of too
}
