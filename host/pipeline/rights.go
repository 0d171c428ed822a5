package pipeline

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Rights are what somebody may do. A session.Principal that has them decides for
// itself, on hosts with and without access control: Access is not asked about it,
// and it may act for nobody else. Methods may be called from any goroutine.
type Rights interface {
	// MayAsk reports whether it may ask for what a path or pattern covers. For
	// a path without wildcards it decides about exactly that document or event.
	// Paths below /_SYSTEM are asked about like all others: what comes from
	// permissions must keep them out of those for everything.
	MayAsk(action abi.Action, pattern []byte) bool

	// Picks reports whether it might be refused single documents under a
	// pattern that it may ask for. It errs on the side of true. Documents below
	// /_SYSTEM are always decided about one by one.
	Picks(action abi.Action, pattern []byte) bool
}

// may decides about one document or event. Who acts for nobody may have
// everything on a host without access control, but for what is the host's own.
func (p *Pipeline) may(who session.Principal, action abi.Action, path []byte) bool {
	if who == nil {
		return p.Access == nil && !ofSystem(path)
	}
	return who.May(action, path)
}

// mayAsk decides about what a path or pattern covers.
func (p *Pipeline) mayAsk(who session.Principal, action abi.Action, pattern []byte) bool {
	if who == nil || p.Access == nil {
		return p.may(who, action, pattern)
	}
	if rights, own := who.(Rights); own {
		return rights.MayAsk(action, pattern)
	}
	return p.Access.MayAsk(who, action, pattern)
}

// picks reports whether single documents under a pattern must be decided about.
func (p *Pipeline) picks(who session.Principal, action abi.Action, pattern []byte) bool {
	if rights, own := who.(Rights); own {
		return rights.Picks(action, pattern) || reachesSystem(pattern)
	}
	if p.Access == nil {
		return reachesSystem(pattern)
	}
	return who == nil || p.Access.Picks(who, action, pattern)
}

// noRights are those of an agent that was given none.
type noRights struct{}

func (noRights) MayAsk(abi.Action, []byte) bool { return false }
func (noRights) Picks(abi.Action, []byte) bool  { return true }

// agentPrincipal is whom an agent acts for.
type agentPrincipal struct {
	Rights
	name string
}

var _ session.Principal = (*agentPrincipal)(nil)

// Username implements session.Principal.
func (a *agentPrincipal) Username() string { return a.name }

// May implements session.Principal.
func (a *agentPrincipal) May(action abi.Action, path []byte) bool { return a.MayAsk(action, path) }

// AppendRecord implements session.Principal.
func (a *agentPrincipal) AppendRecord(dst []byte) []byte {
	dst = rawjson.AppendString(append(dst, `,"user":{"username":`...), a.name)
	return append(dst, '}')
}
