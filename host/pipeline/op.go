package pipeline

import (
	"context"
	"sync/atomic"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
)

// op is a set, a bulk write or a remove between the store and its answer. It owns copies of
// what it needs of the request, since the store may answer after the frame has
// gone.
type op struct {
	peer    *Peer
	actor   actor
	request protocol.Request // Action, Name, EventID, Session, Path, Data: in arena
	gauge   string           // increment only
	arena   []byte

	external                           bool // somebody else's, see Pipeline.External: it has no session
	noStore, noPublish, noDataResponse bool
	publishResults, noCluster          bool
	hasTargets                         bool
	targets                            []string
	consistency                        int
	meta                               []byte // the publisher's own, raw JSON object; in arena
	sent                               []byte // data as sent, raw JSON, where the stored data differ; nil if they do not

	kind  opKind
	write datastore.Write // what the store is asked, by kind; here, so that asking allocates nothing
	query datastore.Query
	bulk  *bulk // opBulk only

	span  *tracing.Span // of the request, nil if it is not recorded
	asked *tracing.Span // of what the store does; nil before and afterwards

	ctx  context.Context // handed to layers; nil is context.Background()
	wait chan<- written  // told what the store has answered, see Agent; nil for requests of peers

	state   atomic.Uint32
	doc     *datastore.Document
	removed int
	now     int64 // Unix ms when it was asked for
	subject subject
	err     error
}

// opKind says what an op asks of the store.
type opKind uint8

const (
	opPublish opKind = iota // nothing
	opWrite
	opRemove
	opBulk
)

// ask hands the op to the store. Nothing of it may be touched afterwards but
// its state, unless that says that the store has answered.
func (o *op) ask(ctx context.Context, store datastore.Store) {
	switch o.kind {
	case opWrite:
		store.Write(ctx, &o.write, o)
	case opRemove:
		store.Remove(ctx, &o.query, o)
	case opBulk:
		o.bulk.store.WriteAll(ctx, o.bulk.writes, o)
	default:
		o.answered()
	}
}

// States of an op. It becomes answered once, by whoever the store answers on.
const (
	opStarted  uint32 = iota // its own goroutine will look at it
	opQueued                 // in the lane; a completer will look at it
	opAnswered               // the store has answered
)

func (o *op) done() bool { return o.state.Load() == opAnswered }

// Written implements datastore.Written.
func (o *op) Written(doc *datastore.Document, err error) {
	o.doc, o.err = doc, err
	o.answered()
}

// Removed implements datastore.Removed.
func (o *op) Removed(n int, err error) {
	o.removed, o.err = n, err
	o.answered()
}

func (o *op) answered() {
	o.answerSpan()
	lane := &o.peer.lane // o may be finished and reused once it is answered
	if o.wait != nil {
		o.wait <- o.written() // there is room for it
	}
	if o.state.Swap(opAnswered) == opQueued {
		lane.ready()
	}
}

// newOp returns an op for the request that w holds.
func (peer *Peer) newOp(w *worker) *op {
	o, _ := peer.pipeline.ops.Get().(*op)
	if o == nil {
		o = &op{}
	}
	opts := &w.options
	o.peer, o.actor = peer, w.actor
	o.noStore, o.noDataResponse = opts.NoStore, opts.NoDataResponse
	o.noPublish = opts.NoPublish || opts.UpsertType == upsertBulk && !opts.NoStore
	o.publishResults, o.noCluster = opts.PublishResults, opts.NoCluster
	o.targets, o.hasTargets, o.consistency = opts.Targets, opts.HasTargets, opts.Consistency
	o.ctx, o.wait = lasting(w.ctx), w.wait
	o.span, w.span = w.span, nil
	o.now = peer.pipeline.nowMillis()
	o.copyRequest(&w.request, opts.Meta)
	return o
}

// copyRequest copies what answers and publications need into the arena, in one
// piece so that an op costs one copy and, once warm, no allocation.
func (o *op) copyRequest(r *protocol.Request, meta []byte) {
	size := len(r.Name) + len(r.EventID) + len(r.Session) + len(r.Path) + len(meta)
	if cap(o.arena) < size {
		o.arena = make([]byte, 0, size+64)
	}
	a := o.arena[:0]
	take := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		a = append(a, b...)
		return a[len(a)-len(b) : len(a) : len(a)]
	}
	o.request = protocol.Request{
		Action: r.Action, HasPath: true,
		Name: take(r.Name), EventID: take(r.EventID), Session: take(r.Session), Path: take(r.Path),
	}
	o.meta = take(meta)
}

// release gives the op back once it is finished.
func (o *op) release(p *Pipeline) {
	o.endSpan()
	arena := o.arena
	if cap(arena) > keepBytes {
		arena = nil
	}
	*o = op{arena: arena[:0]}
	p.ops.Put(o)
}

// run hands the op to the store and finishes it at once if nothing stands
// before it and the store has answered; otherwise the lane does.
func (peer *Peer) run(w *worker, o *op) {
	lane, store := &peer.lane, peer.pipeline.Store
	o.askSpan()
	if lane.busy() || peer.agent != nil {
		o.state.Store(opQueued)
		lane.push(o)
		o.ask(w.asking(), store)
		return
	}
	o.ask(context.Background(), store)
	if o.done() {
		o.finish(&w.batch)
		return
	}
	lane.pushStarted(o)
}

// isSet reports whether the op is a set, not a remove.
func (o *op) isSet() bool { return o.request.Action == abi.ActionSet }

// finish answers the op and publishes it, in the order that its consistency
// asks for (happn-wire.md, 5.4).
func (o *op) finish(b *session.Batch) {
	p := o.peer.pipeline
	w := p.worker()
	defer p.release(w)
	defer o.release(p)
	if o.err != nil {
		o.fail(w, b)
		return
	}
	o.tellChanged()
	o.fill(w)
	switch {
	case o.peer.agent != nil: // it was answered by the store
		if !o.noPublish {
			o.publish(w, b)
		}
	case o.noPublish:
		o.answer(w, b, nil)
	case o.consistency == protocol.Transactional:
		outcome := o.publish(w, b)
		o.answer(w, b, &outcome)
	default:
		o.answer(w, b, nil)
		o.publishLater(w, b)
	}
}
