package login

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/token"
)

// Revoked reports whether a token was revoked. It takes no lock.
func (s *Service) Revoked(token string) bool { return s.revoked.has(token) }

// Revoke ends a token: no session can be made with it, and requests of those
// that were are refused. To end these sessions is for whoever knows them.
func (s *Service) Revoke(ctx context.Context, text, reason string) error {
	if text == "" {
		return plainError("token not defined")
	}
	claims, err := s.options.Tokens.Parse(text)
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return plainError("invalid token")
	}
	if reason == "" {
		reason = "SYSTEM"
	}
	ttl := boundedTTL(claims.Policy[0].TTL, claims.Policy[1].TTL)
	if ttl == 0 && s.options.NoTTL0Revoking {
		return plainError("revoking a token without a ttl means it stays in the revocation list forever")
	}
	provider, _ := s.provider(claims.AuthType)
	if claims.AuthType == "" {
		provider, _ = s.providerOf(claims.Username)
	}
	if revoker, ok := provider.(Revoker); ok {
		if err := revoker.Revoke(ctx, claims, reason); err != nil && !errors.Is(err, ErrNotMine) {
			return s.fault("a token could not be revoked", claims.Username, err)
		}
	}
	return s.revoked.add(ctx, &Revocation{Token: text, Reason: reason, Timestamp: s.options.Now().UnixMilli(), TTL: ttl})
}

// Restore lets a revoked token serve again. It takes the token, or the ID of its
// revocation.
func (s *Service) Restore(ctx context.Context, text string) error {
	if token, ok := s.revoked.named(text); ok {
		text = token
	}
	if !s.revoked.has(text) {
		return plainError("this token is not revoked")
	}
	return s.revoked.remove(ctx, text)
}

// ListRevoked returns the revoked tokens, the last one first.
func (s *Service) ListRevoked() []Revocation {
	all := s.revoked.list()
	for i := range all {
		r := &all[i]
		r.ID = RevocationID(r.Token)
		if claims, err := s.options.Tokens.Parse(r.Token); err == nil || errors.Is(err, token.ErrExpired) {
			r.Username, r.SessionID = claims.Username, claims.SessionID
		}
	}
	slices.SortFunc(all, func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(b.Timestamp, a.Timestamp), cmp.Compare(a.Token, b.Token))
	})
	return all
}

// Observe takes over a document that another server, which shares the store,
// or a client with a grant has changed; nil is removed. It looks at revocations
// only.
func (s *Service) Observe(path []byte, doc *datastore.Document) error {
	return s.revoked.observe(string(path), doc)
}

// Reload takes over what others may have changed in the store without Observe. A
// token that was revoked stays so.
func (s *Service) Reload(ctx context.Context) error { return s.revoked.reload(ctx) }

// ChangePassword replaces a user's password, if the old one is right.
func (s *Service) ChangePassword(ctx context.Context, username, before, after string) error {
	if username == security.Admin || username == security.Anonymous {
		return systemError("updates to the " + username + " user are forbidden")
	}
	account, ok := s.options.Directory.Account(username)
	if !ok || account.Deleted() {
		return systemError("bad username: " + username)
	}
	if before == "" || after == "" {
		return systemError("Invalid parameters: oldPassword and newPassword required")
	}
	name := account.User().Name
	end, err := s.lockout.begin(ctx, name) // whoever has stolen a session may not guess either
	if errors.Is(err, errLocked) {
		return denied("Account locked out")
	}
	if err != nil {
		return err
	}
	checked := unchecked
	defer func() { end(checked) }()
	provider, _ := s.providerOf(name)
	if changer, ok := provider.(PasswordChanger); ok {
		switch err := changer.ChangePassword(ctx, name, before, after); {
		case err == nil:
			checked = right
			return nil
		case errors.Is(err, ErrRejected):
			checked = wrong
			return systemError("Invalid old password")
		case !errors.Is(err, ErrNotMine):
			return s.fault("a password could not be changed", name, err)
		}
	}
	checked, err = s.replace(ctx, name, account.PasswordHash(), before, after)
	return err
}

// replace stores a new password, if the old one is right.
func (s *Service) replace(ctx context.Context, name, hash, before, after string) (outcome, error) {
	ok, _, err := s.options.Hasher.Verify(ctx, hash, before)
	if err != nil {
		return unchecked, failed(err)
	}
	if !ok {
		return wrong, systemError("Invalid old password")
	}
	fresh, err := s.options.Hasher.Hash(ctx, after)
	if err != nil {
		return right, failed(err)
	}
	done, err := s.options.Directory.SetPassword(ctx, name, fresh, hash)
	if err != nil {
		return right, failed(err)
	}
	if !done { // somebody else was quicker
		return wrong, systemError("Invalid old password")
	}
	// Sessions of the user hear of it; an update without members says just that.
	if _, err := s.options.Directory.UpsertUser(ctx, append(textMember(nil, `{"username":`, name), '}'), true); err != nil {
		s.options.Logger.Warn("a new password could not be announced", "user", name, "error", err)
	}
	return right, nil
}

// ResetPassword asks the user's provider to let it choose a new password.
func (s *Service) ResetPassword(ctx context.Context, username string) error {
	provider, _ := s.providerOf(username)
	if resetter, ok := provider.(PasswordResetter); ok {
		if err := resetter.ResetPassword(ctx, username); !errors.Is(err, ErrNotMine) {
			return err
		}
	}
	return systemError("providerResetPassword not implemented.")
}

// Unlock lets a user that was locked out try again.
func (s *Service) Unlock(username string) { s.lockout.clear(s.canonical(username, nil)) }
