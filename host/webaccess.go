package host

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/host/access"
	"github.com/happn-host/happn-host/host/web"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
)

// webAccess is who may do what over HTTP. It implements web.Access.
type webAccess struct{ *secured }

// Login implements web.Access. Sessions over HTTP are stateless.
func (w webAccess) Login(ctx context.Context, c web.Credentials) (string, error) {
	grant, err := w.logins.Login(ctx, login.Attempt{
		Username: c.Username, Password: c.Password, Token: c.Token, PublicKey: c.PublicKey, Digest: c.Digest, Address: c.Address,
	})
	if err != nil {
		return "", loginError(err)
	}
	return grant.Token, nil
}

// loginError shows errors that callers are to see.
func loginError(err error) error {
	var shown *security.Error
	if errors.As(err, &shown) {
		return &web.LoginError{Name: shown.Name, Code: shown.Code, Message: shown.Message}
	}
	return err
}

// Nonce implements web.Access.
func (w webAccess) Nonce(publicKey string) (string, error) {
	nonce, err := w.logins.Nonce(publicKey)
	if err != nil {
		return "", loginError(err)
	}
	return nonce, nil
}

// Verify implements web.Access. A token that is read but no longer good is
// somebody's who may do nothing (happn-wire.md, 8.11).
func (w webAccess) Verify(ctx context.Context, token string) (web.Visitor, error) {
	grant, err := w.logins.Verify(ctx, token)
	var shown *security.Error
	switch {
	case err == nil:
	case errors.As(err, &shown) && shown.Code == 403:
		return visitor{token: token}, nil
	case errors.As(err, &shown):
		return nil, &web.Denied{Reason: shown.Message}
	default:
		return nil, err
	}
	who, err := w.control.Visitor(grant)
	if err != nil {
		return nil, err
	}
	return visitor{who, token}, nil
}

// Revoke implements web.Access.
func (w webAccess) Revoke(ctx context.Context, v web.Visitor) error {
	return w.revoke(ctx, v.Token(), "CLIENT")
}

// revoke ends a token, and the sessions that it has made.
func (s *secured) revoke(ctx context.Context, token, reason string) error {
	if err := s.logins.Revoke(ctx, token, reason); err != nil {
		return err
	}
	s.control.DisconnectToken(token)
	return nil
}

// visitor implements web.Visitor.
type visitor struct {
	who   *access.Visitor // nil for the holder of a token that is no longer good
	token string
}

func (v visitor) Username() string {
	if v.who == nil {
		return ""
	}
	return v.who.Username()
}

func (v visitor) Token() string { return v.token }

func (v visitor) May(action, path string) error {
	if v.who == nil || !v.who.May(action, path) {
		return web.ErrForbidden
	}
	return nil
}
