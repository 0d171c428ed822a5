package pipeline

import (
	"bytes"
	"context"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Access is who may do what on a host with access control. Its methods are
// called by the goroutines of the peers; those that take a context may take as
// long as a password takes to check or a document to store.
type Access interface {
	// Login checks the data of a login request, raw JSON, and makes whom they
	// name the session's principal.
	Login(ctx context.Context, s *session.Session, data []byte) Refusal

	// Authorize decides about a request of the session and counts it against
	// the limits of the session's policy. The path has no channel before it.
	Authorize(s *session.Session, action abi.Action, path []byte) Refusal

	// Behalf decides about a request that the session makes for another user,
	// and returns whom to carry it out for.
	Behalf(s *session.Session, user string, action abi.Action, path []byte) (session.Principal, Refusal)

	// MayAsk reports whether the principal may ask for what a path or pattern
	// covers. It counts nothing.
	MayAsk(p session.Principal, action abi.Action, pattern []byte) bool

	// Picks reports whether the principal might be refused single documents
	// under a pattern that it may ask for. It errs on the side of true.
	Picks(p session.Principal, action abi.Action, pattern []byte) bool

	// Nonce returns a nonce for a login by the key, which is PEM.
	Nonce(publicKey string) (string, *protocol.Error)

	// RevokeToken revokes the token of the session. The caller calls after once
	// the request is answered.
	RevokeToken(ctx context.Context, s *session.Session) (after func(), failure *protocol.Error)

	// DisconnectChildren ends the sessions that were made with the session's token.
	DisconnectChildren(s *session.Session)

	// ChangePassword carries out a change-password request; data are raw JSON.
	ChangePassword(ctx context.Context, s *session.Session, data []byte) *protocol.Error

	// Ended is told of a session that has ended.
	Ended(s *session.Session)
}

// Refusal says why a request is not carried out. The zero value refuses nothing.
type Refusal struct {
	Error *protocol.Error
	Close string // why the session is ended after the answer, "" if it is not
}

// actor is for whom a request is carried out: the session itself, or somebody
// on whose behalf it acts.
type actor struct {
	principal session.Principal // nil before a login, and on a host without access control
	id        string            // of the session that publications name
}

// actor returns for whom requests of the session are carried out.
func (peer *Peer) actor() actor {
	return actor{principal: peer.session.Principal(), id: peer.session.ID}
}

// username returns the name that documents keep as that of their last writer.
func (a actor) username() string {
	if a.principal == nil {
		return ""
	}
	return a.principal.Username()
}

// authorize decides about the request in w, and reports whether to go on. Only
// requests for data are decided about.
func (peer *Peer) authorize(w *worker) bool {
	r := &w.request
	action := r.Action
	switch action {
	case abi.ActionGet, abi.ActionSet, abi.ActionRemove, abi.ActionOn:
	case abi.ActionCount: // tells whether there are documents
		action = abi.ActionGet
	default:
		return true
	}
	path := requestedPath(r)
	if len(path) == 0 {
		peer.refuseAccess(w, Refusal{Error: accessDenied("invalid path")})
		return false
	}
	refusal := peer.decide(w, action, path)
	if refusal.Error == nil {
		return true
	}
	peer.refuseAccess(w, refusal)
	return false
}

func (peer *Peer) decide(w *worker, action abi.Action, path []byte) Refusal {
	access := peer.pipeline.Access
	user := behalf(&w.request)
	if rights, own := w.actor.principal.(Rights); own {
		if user != "" || !rights.MayAsk(action, path) {
			return Refusal{Error: accessDenied("unauthorized")}
		}
		return Refusal{}
	}
	if user == "" {
		return access.Authorize(peer.session, action, path)
	}
	principal, refusal := access.Behalf(peer.session, user, action, path)
	if refusal.Error == nil && principal != nil {
		w.actor = actor{principal: principal, id: session.NewID()}
	}
	return refusal
}

// requestedPath returns the path that a request is about, without the channel
// that an on has before it.
func requestedPath(r *protocol.Request) []byte {
	if r.Action != abi.ActionOn {
		return r.Path
	}
	if _, path := pubsub.SplitChannel(string(r.Path)); len(path) < len(r.Path) {
		return r.Path[len(r.Path)-len(path):]
	}
	return r.Path
}

var behalfName = []byte(`"onBehalfOf"`)

// behalf returns the user for whom a request is made, "" for the session's own.
func behalf(r *protocol.Request) string {
	if !bytes.Contains(r.Options, behalfName) { // nearly always
		return ""
	}
	value, _ := rawjson.Lookup(r.Options, "onBehalfOf")
	return string(rawjson.Unquote(value))
}

// accessDenied is the error of a request that is not allowed.
func accessDenied(message string) *protocol.Error {
	return &protocol.Error{Name: "AccessDenied", Code: 403, Message: message}
}

// refuseAccess answers with the refusal and ends the session if it says so.
func (peer *Peer) refuseAccess(w *worker, refusal Refusal) {
	peer.fail(w, refusal.Error)
	if refusal.Close != "" {
		peer.pipeline.Disconnect(&w.batch, peer.session, refusal.Close)
	}
}

// Disconnect ends a session after telling its client why (happn-wire.md, 5.6).
func (p *Pipeline) Disconnect(b *session.Batch, s *session.Session, reason string) {
	data := append(rawjson.AppendString([]byte(`{"reason":`), reason), '}')
	b.Send(s, protocol.AppendSystem(nil, "server-side-disconnect", data), true)
	b.Flush()
	s.Close(0, "", true)
}

// Tell pushes a change of the security directory to a session whose protocol
// has such messages (happn-wire.md, 5.5). The data are raw JSON.
func (p *Pipeline) Tell(b *session.Batch, s *session.Session, eventKey string, data []byte) {
	if !s.Version().HearsOfChanges() {
		return
	}
	b.Send(s, protocol.AppendPushed(nil, s.Version(), eventKey, data), true)
}

// Reconsider ends the subscriptions of the session that its principal may not
// have any more.
func (p *Pipeline) Reconsider(s *session.Session) {
	peer, _ := p.peers.Load(s)
	if peer == nil {
		return
	}
	own := s.Principal()
	peer.(*Peer).subscriber.Retain(func(sub pubsub.Subscription) bool {
		principal := own
		if sub.As != nil && own != nil {
			principal = sub.As
		}
		_, path := pubsub.SplitChannel(sub.Channel)
		return p.mayAsk(principal, abi.ActionOn, []byte(path))
	})
}
