package pipeline

import (
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Peer is one connection as the pipeline sees it. Its methods are called by one
// goroutine at a time, except ServerPings.
type Peer struct {
	pipeline   *Pipeline
	session    *session.Session
	subscriber *pubsub.Subscriber
	plain      bool // answers everything, also what happn-3 passes over in silence
	work       *worker
	lane       lane
	presence   presence
	sealed     uint64        // event id of the last encrypted request
	agent      *Agent        // whose peer it is; nil for connections
	records    bool          // speaks by records, which are those of happn_4
	span       *tracing.Span // of the request, nil if it is not recorded
}

// Open registers a new connection. A plain one is for people without a happn
// client: it speaks happn_4 from the start, and every frame is answered.
func (p *Pipeline) Open(link session.Link, origin session.Origin, plain bool) *Peer {
	peer := p.open(link, origin)
	if peer.plain = plain; plain {
		peer.session.Speak(protocol.V4)
	}
	return peer
}

func (p *Pipeline) open(link session.Link, origin session.Origin) *Peer {
	s := p.Sessions.Open(link, origin)
	peer := &Peer{pipeline: p, session: s}
	peer.lane.pipeline = p
	peer.subscriber = p.Publisher.Tree.NewSubscriber(s, p.MaxSubscriptions)
	if p.Access != nil {
		p.peers.Store(s, peer)
	}
	return peer
}

// Session returns the peer's session.
func (peer *Peer) Session() *session.Session { return peer.session }

// ServerPings reports whether the host sends this peer its heartbeats.
func (peer *Peer) ServerPings() bool { return peer.session.Version().ServerPings() }

// Closed is called once, when the connection has ended.
func (peer *Peer) Closed(error) {
	peer.Gone()
	peer.Idle()
	peer.subscriber.End()
	peer.pipeline.Sessions.End(peer.session)
	if access := peer.pipeline.Access; access != nil {
		peer.pipeline.peers.Delete(peer.session)
		access.Ended(peer.session)
	}
}

// Idle lets out everything that was answered and published, and gives back what
// the peer borrowed. It is called before the connection is waited for.
func (peer *Peer) Idle() {
	if peer.work == nil {
		return
	}
	peer.work.batch.Flush()
	peer.pipeline.release(peer.work)
	peer.work = nil
}

// Frame carries out the request in one frame, which is borrowed. An error means
// that the text was not JSON.
func (peer *Peer) Frame(text []byte) error {
	if peer.work == nil {
		peer.work = peer.pipeline.worker()
	}
	w := peer.work
	peer.pipeline.stats.Requests.Add(1)
	err := w.decode.Decode(text, &w.request)
	if peer.pipeline.Payload != nil && w.request.Encrypted && errors.Is(err, protocol.ErrNoAction) {
		err = nil // it is inside
	}
	if err == nil {
		peer.session.CountMessage()
		if peer.pipeline.Payload == nil || peer.unseal(w, text) {
			peer.handle(w)
		}
		peer.presence.answered()
		w.trim()
		return nil
	}
	peer.pipeline.stats.Unreadable.Add(1)
	if peer.plain {
		peer.refuse(w, err.Error())
	}
	var syntax *rawjson.SyntaxError
	if errors.As(err, &syntax) {
		return err
	}
	peer.session.CountMessage() // happn-3 counts whatever is JSON
	return nil
}

// Refused answers a frame that the transport could not hand on.
func (peer *Peer) Refused(reason string) {
	peer.pipeline.stats.Unreadable.Add(1)
	if !peer.plain {
		return
	}
	if peer.work == nil {
		peer.work = peer.pipeline.worker()
	}
	peer.work.request = protocol.Request{}
	peer.refuse(peer.work, reason)
}

func (peer *Peer) refuse(w *worker, reason string) {
	peer.fail(w, protocol.NewError(reason))
}

// handle carries out the decoded request.
func (peer *Peer) handle(w *worker) {
	if peer.pipeline.Tracer != nil {
		peer.traced(w)
		return
	}
	peer.carryOut(w)
}

func (peer *Peer) carryOut(w *worker) {
	r := &w.request
	if r.Action == 0 || r.Action == abi.ActionDisconnect && !peer.session.Version().AnswersDisconnect() && !peer.plain {
		// happn-3 says nothing, and the client finds out a minute later.
		if r.Action == 0 {
			peer.fail(w, protocol.NewError(fmt.Sprintf("unknown action %s", r.Name)))
		}
		return
	}
	if r.Action == abi.ActionConfigure {
		if err := peer.configure(r); err != nil {
			peer.fail(w, err)
			return
		}
	}
	if layers := peer.pipeline.Layers.Inbound(); len(layers) > 0 && !peer.inbound(w, layers) {
		return
	}
	if r.Encrypted {
		peer.fail(w, protocol.NewError("Encrypted payloads are no longer supported"))
		return
	}
	peer.act(w)
}

// act checks the path of data requests and dispatches.
func (peer *Peer) act(w *worker) {
	r := &w.request
	if r.Action == abi.ActionGet && len(r.Path) == 0 && peer.pipeline.Access != nil {
		peer.authorize(w) // which refuses it
		return
	}
	switch r.Action {
	case abi.ActionGet, abi.ActionSet, abi.ActionRemove, abi.ActionOn, abi.ActionOff, abi.ActionCount:
		if err := protocol.CheckPath(r, peer.pipeline.MaxPathBytes); err != nil {
			peer.fail(w, err)
			return
		}
	}
	if w.actor = peer.actor(); !peer.allowed(w) {
		return
	}
	w.reply = protocol.Reply{}
	switch r.Action {
	case abi.ActionGet:
		peer.get(w)
	case abi.ActionSet:
		peer.set(w)
	case abi.ActionRemove:
		peer.remove(w)
	case abi.ActionCount:
		peer.count(w)
	case abi.ActionOn:
		peer.on(w)
	case abi.ActionOff:
		peer.off(w)
	case abi.ActionAck:
		if rawjson.IsString(r.Data) {
			peer.pipeline.Acks.Acknowledge(peer.session, string(rawjson.Unquote(r.Data)))
		}
		peer.respond(w)
	default:
		peer.system(w)
	}
}

// system carries out the requests that are not about data.
func (peer *Peer) system(w *worker) {
	r := &w.request
	server := peer.pipeline.Server
	switch r.Action {
	case abi.ActionDescribe:
		w.meta = peer.session.AppendDescription(w.meta[:0], server)
		w.reply.Data = w.meta
	case abi.ActionLogin:
		if refusal := peer.login(r); refusal.Error != nil {
			peer.refuseAccess(w, refusal)
			return
		}
		w.meta = peer.session.AppendRecord(w.meta[:0], server)
		w.reply.Data = w.meta
	case abi.ActionRequestNonce:
		nonce, failure := peer.nonce(r)
		if failure != nil {
			peer.fail(w, failure)
			return
		}
		w.reply.Extra = rawjson.AppendString([]byte(`"nonce":`), nonce)
		w.reply.Data = append(append([]byte{'{'}, w.reply.Extra...), '}')
	case abi.ActionRevokeToken, abi.ActionChangePassword, abi.ActionDisconnectKids:
		peer.account(w)
		return
	}
	peer.respond(w)
}

// configure applies a configure-session request, before any layer sees it.
func (peer *Peer) configure(r *protocol.Request) *protocol.Error {
	raw, _ := rawjson.Lookup(r.Data, "protocol")
	if !rawjson.IsString(raw) {
		return protocol.NewError(`configure-session needs data such as {"protocol":"happn_4","version":"13.12.1","browser":false}`)
	}
	v, ok := protocol.ParseVersion(string(rawjson.Unquote(raw)))
	if !ok {
		return protocol.NewError(fmt.Sprintf("unknown protocol %s: this server speaks happn_1 to happn_4", raw))
	}
	if peer.records && v != protocol.V4 {
		return protocol.NewError(fmt.Sprintf("this connection cannot speak %s: it is given happn_4", raw))
	}
	client, _ := rawjson.Lookup(r.Data, "version")
	browser, _ := rawjson.Lookup(r.Data, "browser")
	peer.session.Configure(v, string(rawjson.Unquote(client)), protocol.Truthy(browser))
	return nil
}

// fail answers with an error.
func (peer *Peer) fail(w *worker, err *protocol.Error) {
	w.reply = protocol.Reply{Error: err}
	if peer.agent != nil {
		return // it looks there
	}
	peer.pipeline.stats.Errors.Add(1)
	peer.send(w)
}

// respond shows w.reply to the outbound layers and sends it.
func (peer *Peer) respond(w *worker) {
	if layers := peer.pipeline.Layers.Outbound(); len(layers) > 0 {
		if !peer.pipeline.screenReply(w.context(), &w.batch, peer.session, layers, &w.request, &w.reply) {
			return
		}
	}
	peer.send(w)
}

func (peer *Peer) send(w *worker) {
	if w.request.Action == abi.ActionLogin && peer.pipeline.Payload != nil {
		peer.sendLogin(w)
		return
	}
	w.out = protocol.AppendReply(w.out[:0], peer.session.Version(), &w.request, &w.reply)
	w.sendOut(peer.session)
}

// sendOut sends w.out, giving it away if it is too large to be copied.
func (w *worker) sendOut(s *session.Session) {
	if len(w.out) > keepBytes {
		w.batch.Send(s, w.out, true)
		w.out = nil
		return
	}
	w.batch.Send(s, w.out, false)
}
