package access

import (
	"bytes"
	"cmp"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/policy"
)

// Authorize implements pipeline.Access, in the order of happn-wire.md, 8.4.
func (c *Control) Authorize(s *session.Session, action abi.Action, path []byte) pipeline.Refusal {
	p, ok := s.Principal().(*principal)
	if !ok {
		return pipeline.Refusal{Error: accessDenied("no policy attached to session", ""), Close: "no-session-policy"}
	}
	refusal := c.authorize(p, action, path)
	p.note(action, path, refusal)
	return refusal
}

// note takes down what the session has asked for.
func (p *principal) note(action abi.Action, path []byte, r pipeline.Refusal) {
	switch {
	case p.seen == nil:
	case r.Error == nil:
		p.seen.Note(action.String(), path, true, "", "")
	default:
		p.seen.Note(action.String(), path, false, cmp.Or(r.Error.Reason, r.Error.Message), "")
	}
}

func (c *Control) authorize(p *principal, action abi.Action, path []byte) pipeline.Refusal {
	if refusal := c.admit(p); refusal.Error != nil {
		return refusal
	}
	switch {
	case c.ask(p, actionOf(action), path):
		return pipeline.Refusal{}
	case p.limits != nil:
		return pipeline.Refusal{Error: accessDenied("token permissions limited", "")}
	}
	return pipeline.Refusal{Error: accessDenied("unauthorized", "")}
}

// admit counts a request against the session's policy.
func (c *Control) admit(p *principal) pipeline.Refusal {
	if p.grant == nil { // the host itself
		return pipeline.Refusal{}
	}
	if c.Logins.Revoked(p.grant.Token) {
		return pipeline.Refusal{Error: accessDenied("token has been revoked", ""), Close: tokenRevoked}
	}
	reason := p.policy().Admit(&p.usage, p.grant.Timestamp, c.Now().UnixMilli())
	if reason == "" {
		return pipeline.Refusal{}
	}
	return pipeline.Refusal{Error: accessDenied(string(reason), ""), Close: closeReasons[reason]}
}

// closeReasons are what clients are told of sessions that break their policy
// (happn-wire.md, 5.6).
var closeReasons = map[policy.Reason]string{
	policy.Expired: tokenExpired, policy.Inactive: "inactivity-threshold", policy.UsedUp: "usage-limit",
}

const (
	tokenExpired = "token-expired"
	tokenRevoked = "token-revoked"
)

// ask reports whether the principal may ask for what a path or pattern covers.
func (c *Control) ask(p *principal, a security.Actions, pattern []byte) bool {
	if p.may(a, pattern) {
		return true
	}
	above, deep := c.deep(a, pattern)
	if !deep {
		return false
	}
	set := p.limits
	if set == nil {
		set = p.now().set
	}
	_, some := set.Below(a, above)
	return some
}

// deep reports whether a pattern asks for everything below a path, of which each
// user gets what it may have (happn-wire.md, 8.13).
func (c *Control) deep(a security.Actions, pattern []byte) (above []byte, ok bool) {
	if !c.Nested || a != security.Get && a != security.On {
		return nil, false
	}
	return bytes.CutSuffix(pattern, []byte("**"))
}

// MayAsk implements pipeline.Access.
func (c *Control) MayAsk(of session.Principal, action abi.Action, pattern []byte) bool {
	p, ok := of.(*principal)
	return ok && c.ask(p, actionOf(action), pattern)
}

// Picks implements pipeline.Access.
func (c *Control) Picks(of session.Principal, action abi.Action, pattern []byte) bool {
	p, ok := of.(*principal)
	if !ok {
		return true
	}
	a := actionOf(action)
	if p.limits != nil {
		return p.limits.Picks(a, pattern)
	}
	r := p.now()
	if !r.all && reaches(pattern, systemPaths) {
		return true
	}
	return r.set.Picks(a, pattern)
}

// reaches reports whether a pattern may cover paths that begin with the text.
func reaches(pattern []byte, text string) bool {
	literal, _, _ := bytes.Cut(pattern, []byte("*"))
	n := min(len(literal), len(text))
	return string(literal[:n]) == text[:n]
}

// Behalf implements pipeline.Access (happn-wire.md, 8.5).
func (c *Control) Behalf(s *session.Session, user string, action abi.Action, path []byte) (session.Principal, pipeline.Refusal) {
	own, ok := s.Principal().(*principal)
	if !ok || user == security.Admin { // nobody gets more than its own by naming the administrator
		return nil, c.Authorize(s, action, path)
	}
	other, refusal := c.behalf(own, user, action, path)
	own.note(action, path, refusal)
	if refusal.Error != nil {
		return nil, refusal
	}
	return other, refusal
}

func (c *Control) behalf(own *principal, user string, action abi.Action, path []byte) (*principal, pipeline.Refusal) {
	if refusal := c.admit(own); refusal.Error != nil {
		return nil, refusal
	}
	refused := func(why string) (*principal, pipeline.Refusal) {
		return nil, pipeline.Refusal{Error: accessDenied("unauthorized", why+"request on behalf of unauthorised user: "+user)}
	}
	if own.limits != nil || !own.delegate() {
		return refused("session attempting to act on behalf of is not authorized ")
	}
	account, ok := c.Directory.Account(user)
	if !ok {
		return refused("on behalf of user does not exist ")
	}
	other := &principal{account: account, record: recordOf(account)}
	if !c.ask(other, actionOf(action), path) {
		return refused("")
	}
	return other, pipeline.Refusal{}
}

// delegate reports whether the user may act for others.
func (p *principal) delegate() bool {
	user := p.account.User()
	_, member := user.Groups[security.MeshDelegate]
	return member || user.Name == security.Admin
}
