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
func (w webAccess) Verify(token string) (web.Visitor, error) {
	grant, err := w.logins.Verify(token)
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
	return sessionTokens(w).Revoke(ctx, v.Token(), "CLIENT")
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

// sessionTokens are the tokens as the management API has them.
type sessionTokens struct{ *secured }

// Revoke implements admin.Tokens: the sessions that the token has made end, too.
func (t sessionTokens) Revoke(ctx context.Context, token, reason string) error {
	if err := t.logins.Revoke(ctx, token, reason); err != nil {
		return err
	}
	t.control.DisconnectToken(token)
	return nil
}

// RevokeSession implements admin.Tokens.
func (t sessionTokens) RevokeSession(ctx context.Context, id, reason string) (bool, error) {
	token, ok := t.control.TokenOf(id)
	if !ok {
		return false, nil
	}
	return true, t.Revoke(ctx, token, reason)
}

// Restore implements admin.Tokens.
func (t sessionTokens) Restore(ctx context.Context, token string) error {
	return t.logins.Restore(ctx, token)
}

// Revoked implements admin.Tokens.
func (t sessionTokens) Revoked() any { return t.logins.ListRevoked() }

// Unlock implements admin.Tokens.
func (t sessionTokens) Unlock(username string) { t.logins.Unlock(username) }
