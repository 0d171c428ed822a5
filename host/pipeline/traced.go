package pipeline

import (
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
)

// Names of spans of what the store is asked.
var storeSpans = [...]string{opPublish: "", opWrite: "store write", opRemove: "store remove", opBulk: "store bulk write"}

// traced carries out a request on a host that traces. A span that is not ended
// here is the op's.
func (peer *Peer) traced(w *worker) {
	before := w.ctx
	ctx, span := peer.pipeline.Tracer.Begin(w.context(), w.request.Action.String())
	if span == nil {
		peer.carryOut(w)
		return
	}
	span.Text("happn.protocol", peer.session.Version().String())
	span.Path("happn.path", w.request.Path)
	w.ctx, w.span, peer.span = ctx, span, span
	w.reply = protocol.Reply{}
	peer.carryOut(w)
	w.ctx, peer.span = before, nil
	w.endSpan()
}

// endSpan ends the span of the request, unless an op has it.
func (w *worker) endSpan() {
	if w.span == nil {
		return
	}
	if w.reply.Error != nil {
		w.span.Fail(w.reply.Error.Name)
	}
	w.span.End()
	w.span = nil
}

// endSpan ends the span of the request that the op was made for.
func (o *op) endSpan() {
	if o.span == nil {
		return
	}
	if o.err != nil {
		o.span.Fail(o.failure().Name)
	}
	o.span.End()
}

// askSpan begins the span of the store's work.
func (o *op) askSpan() {
	if o.span != nil && o.kind != opPublish {
		o.asked = o.span.Child(storeSpans[o.kind])
	}
}

// answerSpan ends it.
func (o *op) answerSpan() {
	if o.asked == nil {
		return
	}
	if o.err != nil {
		o.asked.Fail("refused")
	}
	o.asked.End()
	o.asked = nil
}

// spreadTraced is spread in a span of its own, which is that of the layers' calls.
func (o *op) spreadTraced(w *worker, b *session.Batch, acks *pubsub.Pending) protocol.Outcome {
	before := o.ctx
	ctx, span := tracing.Start(o.context(), "publish")
	o.ctx = ctx
	outcome := o.spread(w, b, acks)
	o.ctx = before
	span.Number("happn.recipients", outcome.Queued)
	span.End()
	return outcome
}
