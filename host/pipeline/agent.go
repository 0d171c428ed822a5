package pipeline

import (
	"context"
	"sync/atomic"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
)

// AgentOptions says who an Agent is. Name is needed.
type AgentOptions struct {
	// Name is the user that documents and publications show, and the endpoint
	// of the session, such as plugin:fulltext.
	Name string

	Rights Rights // nil for none

	// Deliver gets the publications that the agent has subscribed to, as
	// records of kind publication: action, path, channel, data, meta. It is
	// called by whichever goroutine publishes, also by many at once; the record
	// is borrowed until it returns. It must not wait for anything, and must not
	// call the agent. nil for an agent that never subscribes.
	Deliver func(*abi.Record)
}

// Agent acts within the host under rights of its own. It has a session, but no
// connection and no protocol: it calls, and is told by what its calls return.
// Its methods are called by one goroutine at a time, which may be anywhere, also
// inside of a layer's call; only Close may be called by any other.
type Agent struct {
	AgentOptions
	pipeline *Pipeline
	peer     *Peer
	closed   atomic.Bool
	answers  chan written // of the write that is waited for
	calls    uint64       // writes so far; their event ids
}

// OpenAgent opens the session of an agent; Close ends it. It never expires, is
// not counted among the clients, and cannot be disconnected.
func (p *Pipeline) OpenAgent(o AgentOptions) *Agent {
	if o.Rights == nil {
		o.Rights = noRights{}
	}
	a := &Agent{AgentOptions: o, pipeline: p, answers: make(chan written, 1)}
	a.peer = p.open(agentLink{a}, session.Origin{InProc: true, Internal: true, Endpoint: o.Name})
	a.peer.agent = a
	a.peer.session.Speak(protocol.V4)
	a.peer.session.ActFor(&agentPrincipal{o.Rights, o.Name})
	if o.Deliver != nil {
		p.rightful.Add(1)
	}
	return a
}

// Session returns the agent's session.
func (a *Agent) Session() *session.Session { return a.peer.session }

// Close ends the agent's subscriptions and its session. What it has written is
// published nevertheless. Further calls fail with ErrClosed.
func (a *Agent) Close() {
	if a.closed.Swap(true) {
		return
	}
	a.peer.Closed(nil)
	if a.Deliver != nil {
		a.pipeline.rightful.Add(-1)
	}
}

// actor returns for whom the agent's requests are carried out.
func (a *Agent) actor() actor { return a.peer.actor() }

// On subscribes to a channel such as /ALL@/a/*, with the options of a client's
// on but for initial values, and returns the id that Off takes.
func (a *Agent) On(channel string, options []byte) (id string, err error) {
	w, err := a.begin(context.Background(), &abi.Record{Action: abi.ActionOn, Path: []byte(channel), Options: options})
	if err != nil {
		return "", err
	}
	defer a.pipeline.release(w)
	if a.Deliver == nil {
		return "", invalid("the agent was opened without anybody to deliver to")
	}
	if failure := protocol.CheckPath(&w.request, a.pipeline.MaxPathBytes); failure != nil {
		return "", refusedAs(failure)
	}
	if w.actor = a.actor(); !a.peer.allowed(w) {
		return "", refusedAs(w.reply.Error)
	}
	protocol.ParseOptions(w.request.Options, &w.options)
	if w.options.InitialEmit || w.options.InitialValues {
		return "", invalid("an agent's subscription has no initial values: call Find")
	}
	sub, _, failure := a.peer.subscribe(w)
	if failure != nil {
		return "", refusedAs(failure)
	}
	return sub.Reference, nil
}

// Off ends the subscription that On returned this id for.
func (a *Agent) Off(id string) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if a.peer.subscriber.Retain(func(sub pubsub.Subscription) bool { return sub.Reference != id }) == 0 {
		return ErrNotFound
	}
	return nil
}

// begin takes over a request for the worker that it returns.
func (a *Agent) begin(ctx context.Context, rec *abi.Record) (*worker, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	w := a.pipeline.worker()
	rec.Kind = abi.KindRequest
	if err := w.decode.Record(rec, &w.request); err != nil {
		a.pipeline.release(w)
		return nil, &failure{ErrInvalid, &protocol.Error{Name: "Error", Message: err.Error(), Cause: err}}
	}
	a.peer.session.CountMessage()
	w.ctx, w.span = tracing.Start(ctx, rec.Action.String())
	w.span.Path("happn.path", rec.Path)
	return w, nil
}

// agentLink is the end of an agent's session: only publications arrive there.
type agentLink struct{ *Agent }

// Send implements session.Link.
func (l agentLink) Send(frame []byte, _ bool) (flush bool) {
	var rec abi.Record
	if l.Deliver == nil || l.closed.Load() || !readFrame(frame, &rec) || rec.Kind != abi.KindPublication {
		return false
	}
	if id := awaited(rec.Meta); id != nil {
		l.pipeline.Acks.Acknowledge(l.peer.session, string(id))
	}
	l.Deliver(&rec)
	return false
}

// Flush implements session.Link.
func (agentLink) Flush() {}

// Close implements session.Link. Agents are closed by whoever has opened them.
func (agentLink) Close(int, string, bool) {}
