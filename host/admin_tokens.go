package host

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/security/token"
)

// sessionTokens are the tokens as the management API has them.
type sessionTokens struct {
	*secured
	host *Host
}

// Revoke implements admin.Tokens.
func (t sessionTokens) Revoke(ctx context.Context, token, reason string) error {
	return t.revoke(ctx, token, reason)
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

// Keys implements admin.Tokens.
func (t sessionTokens) Keys() any { return t.tokens.Keys() }

// Rotate implements admin.Tokens.
func (t sessionTokens) Rotate(ctx context.Context, grace *time.Duration) error {
	lasts := t.host.keyGrace()
	if grace != nil {
		lasts = *grace
	}
	err := t.tokens.Rotate(ctx, lasts)
	if errors.Is(err, token.ErrSecretConfigured) || errors.Is(err, token.ErrChanging) {
		return &admin.Refusal{Status: http.StatusConflict, Message: err.Error()}
	}
	return err
}
