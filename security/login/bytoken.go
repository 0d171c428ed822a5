package login

import (
	"context"
	"fmt"
	"sync"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

const revokedMessage = "token has been revoked"

func (s *Service) loginByToken(ctx context.Context, a *Attempt, c *token.Claims, p Provider, kind string) (*Grant, error) {
	if err := s.acceptable(a, c); err != nil {
		return nil, err
	}
	if err := s.checkToken(ctx, p, c); err != nil {
		return nil, err
	}
	if err := s.sameUser(c); err != nil {
		return nil, err
	}
	if reason := expiredReason(c, c.Policy[c.Type], s.options.Now().UnixMilli()); reason != "" {
		return nil, invalid(string(reason))
	}
	g, err := s.grant(ctx, a, c.Username, kind, c)
	if err != nil {
		return nil, err
	}
	s.lockout.clear(g.Username)
	return g, nil
}

// acceptable decides by what the token says, in happn-3's order.
func (s *Service) acceptable(a *Attempt, c *token.Claims) error {
	switch {
	case s.revoked.has(a.Token):
		return denied(revokedMessage)
	case s.options.LockToLoginType && c.Type != a.Type:
		return denied(fmt.Sprintf("token was created using the login type %d, "+
			"which does not match how the new token is to be created", c.Type))
	}
	if err := s.adminFrom(a, c.Username); err != nil {
		return err
	}
	switch p := c.Policy[1]; { // always the stateful policy
	case p.DisallowTokenLogins:
		return denied("logins with this token are disallowed by policy")
	case p.LockTokenToOrigin && c.Origin != s.options.Origin:
		return denied("this token is locked to a different origin by policy")
	}
	return nil
}

// sameUser checks that the user is the one for whom the token was made.
func (s *Service) sameUser(c *token.Claims) error {
	account, ok := s.options.Directory.Account(c.Username)
	if !s.options.LockToUserID || !ok {
		return nil // without a user the login fails later
	}
	if id := account.User().ID; id != "" && id != c.UserID {
		return denied("token userid does not match userid for username: " + c.Username)
	}
	return nil
}

// Verify returns what a token of an HTTP request gives: a stateless session
// under the token's stateless policy. It counts as one request of that session.
// Errors of code 401 are about the token, those of 403 about what was decided
// since.
func (s *Service) Verify(ctx context.Context, text string) (*Grant, error) {
	c, err := s.presented(&Attempt{Token: text})
	if c == nil || err != nil {
		return nil, invalid("invalid token format or null token")
	}
	account, ok := s.options.Directory.Account(c.Username)
	switch {
	case s.revoked.has(text):
		return nil, denied(revokedMessage)
	case !ok || account.Deleted():
		return nil, denied("user " + c.Username + " has been deleted or does not exist")
	case account.User().Name == security.Anonymous && !s.options.Anonymous:
		return nil, invalid("Anonymous access is disabled")
	}
	if id := account.User().ID; s.options.LockToUserID && id != "" && id != c.UserID {
		return nil, invalid("token userid does not match userid for username: " + c.Username)
	}
	now := s.options.Now().UnixMilli()
	reason := policy.Expired
	if c.Expires == 0 || now <= c.Expires {
		reason = s.usages.admit(c, now)
	}
	if reason != "" {
		return nil, invalid("authorization failed for " + c.Username + ": " + string(reason))
	}
	user := account.User()
	provider, kind := s.providerOf(user.Name)
	if c.AuthType != "" {
		provider, _ = s.provider(c.AuthType)
	}
	if err := s.checkToken(ctx, provider, c); err != nil {
		return nil, err
	}
	return &Grant{
		Username: user.Name, UserID: user.ID, SessionID: c.SessionID, ParentID: c.ParentID, Origin: c.Origin,
		Token: text, AuthType: kind, Type: 0, Timestamp: c.Timestamp, Policy: c.Policy, Account: account,
		User: user.AppendJSON(nil, false), Info: c.Info,
	}, nil
}

const maxUsages = 100_000 // sessions over HTTP whose requests are counted

// usages counts the requests over HTTP of sessions whose policy bounds them.
type usages struct {
	mu       sync.Mutex
	sessions *bounded[policy.Usage]
}

func newUsages() *usages { return &usages{sessions: newBounded[policy.Usage](maxUsages)} }

func (u *usages) admit(c *token.Claims, now int64) policy.Reason {
	p := c.Policy[0]
	if p.Inactivity <= 0 && p.UsageLimit <= 0 {
		if p.Expired(c.Timestamp, now) {
			return policy.Expired
		}
		return ""
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return p.Admit(u.sessions.add(c.SessionID, nil), c.Timestamp, now)
}
