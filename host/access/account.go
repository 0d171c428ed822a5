package access

import (
	"context"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// Nonce implements pipeline.Access.
func (c *Control) Nonce(publicKey string) (string, *protocol.Error) {
	nonce, err := c.Logins.Nonce(publicKey)
	if err != nil {
		return "", shown(err)
	}
	return nonce, nil
}

// RevokeToken implements pipeline.Access.
func (c *Control) RevokeToken(ctx context.Context, s *session.Session) (after func(), failure *protocol.Error) {
	p, ok := s.Principal().(*principal)
	if !ok || p.grant == nil {
		return nil, protocol.NewError("token not defined")
	}
	if err := c.Logins.Revoke(ctx, p.grant.Token, "CLIENT"); err != nil {
		return nil, shown(err)
	}
	token := p.grant.Token
	return func() { c.DisconnectToken(token) }, nil
}

// TokenOf returns the token of an open session that has logged in.
func (c *Control) TokenOf(id string) (token string, ok bool) {
	s := c.Sessions.Get(id)
	if s == nil {
		return "", false
	}
	p, ok := s.Principal().(*principal)
	if !ok || p.grant == nil {
		return "", false
	}
	return p.grant.Token, true
}

// DisconnectToken ends all sessions that were made with the token, which was
// revoked, and lets nothing of what they did be kept.
func (c *Control) DisconnectToken(token string) int {
	return c.disconnect(tokenRevoked, func(a acting) bool {
		made := a.principal.grant != nil && a.principal.grant.Token == token
		if made {
			c.Activity.Forget(a.principal.seen)
		}
		return made
	})
}

// DisconnectChildren implements pipeline.Access.
func (c *Control) DisconnectChildren(s *session.Session) {
	c.disconnect(tokenRevoked, func(a acting) bool {
		return a.session != s && a.principal.grant != nil && a.principal.grant.ParentID == s.ID
	})
}

// ChangePassword implements pipeline.Access.
func (c *Control) ChangePassword(ctx context.Context, s *session.Session, data []byte) *protocol.Error {
	p, ok := s.Principal().(*principal)
	if !ok {
		return accessDenied("no policy attached to session", "")
	}
	before, _ := rawjson.Lookup(data, "oldPassword")
	after, _ := rawjson.Lookup(data, "newPassword")
	err := c.Logins.ChangePassword(ctx, p.Username(), string(rawjson.Unquote(before)), string(rawjson.Unquote(after)))
	if err != nil {
		return shown(err)
	}
	return nil
}

// userDeleted is what the sessions of a user are told who is deleted.
const userDeleted = "security directory update: user deleted"

// changed tells the sessions that a change of the directory touches.
func (c *Control) changed(change security.Change) {
	var batch session.Batch
	defer batch.Flush()
	var touched []acting
	if change.All {
		touched = c.everybody()
	}
	for _, user := range change.Users {
		touched = append(touched, c.of(user)...)
	}
	pushed := pushes(change.What)
	var message []byte
	if pushed {
		message = append(rawjson.AppendString([]byte(`{"whatHappnd":`), change.What), `,"changedData":`...)
		message = append(append(message, change.Data...), '}')
	}
	for _, a := range touched {
		switch {
		case change.Deleted:
			c.hub.Disconnect(&batch, a.session, userDeleted)
			continue
		case pushed:
			c.hub.Tell(&batch, a.session, "security-data-changed", message)
		}
		if change.Reauthorize || change.All {
			c.hub.Reconsider(a.session)
		}
	}
}

// pushes reports whether clients hear of a change (happn-wire.md, 5.5).
func pushes(what string) bool {
	switch what {
	case security.PermissionUpserted, security.PermissionRemoved, security.UpsertGroup, security.LinkGroup,
		security.UnlinkGroup, security.DeleteGroup, security.UpsertUser:
		return true
	}
	return false
}
