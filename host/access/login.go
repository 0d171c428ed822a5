package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/permit"
	"github.com/happn-host/happn-host/security/policy"
)

// Login implements pipeline.Access.
func (c *Control) Login(ctx context.Context, s *session.Session, data []byte) pipeline.Refusal {
	attempt := c.attempt(s, data)
	if own, ok := s.Principal().(*principal); ok && own.grant == nil && attempt.Username == "" && attempt.Token == "" {
		return pipeline.Refusal{} // the host's own client, which is the administrator
	}
	grant, err := c.Logins.Login(ctx, attempt)
	if err != nil {
		return notLoggedIn(err)
	}
	p, err := c.principal(s, grant)
	if err != nil {
		return notLoggedIn(err)
	}
	p.seen = c.Activity.Slot(s.ID)
	if before, ok := s.Principal().(*principal); ok {
		c.leave(s, before)
	}
	s.ActFor(p)
	c.join(s, p)
	c.expire(s, p)
	if s.Closed() {
		c.leave(s, p)
	}
	c.hub.Reconsider(s) // what another user has subscribed to
	return pipeline.Refusal{}
}

// notLoggedIn is the answer to a login that failed. As in happn-3, a connection
// that brings a token whose time is over is ended.
func notLoggedIn(err error) pipeline.Refusal {
	refusal := pipeline.Refusal{Error: shown(err)}
	if policy.Reason(refusal.Error.Message) == policy.Expired {
		refusal.Close = tokenExpired
	}
	return refusal
}

// attempt reads the data of a login request (happn-wire.md, 4.2).
func (c *Control) attempt(s *session.Session, data []byte) login.Attempt {
	a := login.Attempt{
		Type: 1, SessionID: s.ID, Address: s.Origin.IP, Browser: s.Browser(),
		Record: func() []byte { return s.AppendRecord(nil, c.Server) },
	}
	for name, value := range rawjson.Members(data) {
		switch string(name) {
		case "username":
			a.Username = string(rawjson.Unquote(value))
		case "password":
			a.Password = string(rawjson.Unquote(value))
		case "token":
			if a.Token = string(rawjson.Unquote(value)); a.Token == "" && protocol.Truthy(value) {
				a.Token = string(value) // which is no token, and is refused as one
			}
		case "publicKey":
			a.PublicKey = string(rawjson.Unquote(value))
		case "digest":
			a.Digest = string(rawjson.Unquote(value))
		case "authType":
			a.AuthType = string(rawjson.Unquote(value))
		case "type":
			if string(value) == "0" {
				a.Type = 0
			}
		case "info":
			if rawjson.IsObject(value) {
				a.Info = append([]byte(nil), value...)
			}
		}
	}
	if local, ok := rawjson.Lookup(a.Info, "_local"); ok {
		is := string(local) == "true"
		a.Local = &is
	}
	return a
}

// principal makes what the session acts for from what a login gave.
func (c *Control) principal(s *session.Session, grant *login.Grant) (*principal, error) {
	record := s.AppendRecord(nil, c.Server)
	return c.granted(grant, record[:len(record)-1])
}

// granted makes a principal of a grant. record is what is known of the session,
// raw JSON without the closing brace; it belongs to the callee.
func (c *Control) granted(grant *login.Grant, record []byte) (*principal, error) {
	p := &principal{grant: grant, account: grant.Account, record: append(grant.AppendRecord(record, ""), '}')}
	raw := p.policy().Permissions
	if raw == nil {
		return p, nil
	}
	var permissions security.Permissions
	if err := json.Unmarshal(raw, &permissions); err != nil {
		return nil, fmt.Errorf("the permissions of the session's policy cannot be read: %w", err)
	}
	p.limits = permit.Compile([]security.Permissions{permissions}, nil).For(p.value)
	return p, nil
}

// recordOf is what templates find of a user on whose behalf somebody acts.
func recordOf(account Account) []byte {
	return append(account.User().AppendJSON([]byte(`{"user":`), false), '}')
}

// expire ends the session when the time of its token is over.
func (c *Control) expire(s *session.Session, p *principal) {
	ttl := p.grant.Policy[0].TTL // happn-3 looks at the stateless policy, see happn-wire.md, 8.7
	if ttl <= 0 {
		return
	}
	left := time.Duration(p.grant.Timestamp+ttl-c.Now().UnixMilli()) * time.Millisecond
	p.expiry = time.AfterFunc(max(left, 0), func() {
		if s.Principal() != session.Principal(p) || s.Closed() {
			return
		}
		var batch session.Batch
		c.hub.Disconnect(&batch, s, tokenExpired)
		batch.Flush()
	})
}

// Administrator makes the session, of a client within the process, act for the
// administrator without a login.
func (c *Control) Administrator(s *session.Session) {
	account, ok := c.Directory.Account(security.Admin)
	if !ok {
		return
	}
	p := &principal{account: account, record: recordOf(account)}
	s.ActFor(p)
	c.join(s, p)
}

// shown returns an error as clients see it.
func shown(err error) *protocol.Error {
	var known *security.Error
	if errors.As(err, &known) {
		return &protocol.Error{Name: known.Name, Code: known.Code, Message: known.Message}
	}
	return &protocol.Error{Name: "SystemError", Code: 500, Message: err.Error()}
}
