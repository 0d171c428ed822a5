package login

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/password"
	"github.com/happn-host/happn-host/security/token"
)

// The kinds of provider that are always there.
const (
	happnProvider   = "happn"   // the directory
	defaultProvider = "default" // whichever is configured
)

// ErrRejected is what a Provider returns for credentials that are wrong. It
// counts towards the lockout; other errors are faults of the provider.
var ErrRejected = errors.New("wrong credentials")

// Provider checks credentials. It may be called from many goroutines.
type Provider interface {
	// Check returns the name of the user as whom the credentials log in. The
	// directory must have it.
	Check(ctx context.Context, a *Attempt) (username string, err error)
}

// What providers may do beside.
type (
	// TokenChecker has a say when one of its users logs in with a token.
	TokenChecker interface {
		CheckToken(ctx context.Context, claims *token.Claims) error
	}
	// PasswordChanger keeps passwords itself.
	PasswordChanger interface {
		ChangePassword(ctx context.Context, username, old, new string) error
	}
	// PasswordResetter lets a user choose a new password by its own means.
	PasswordResetter interface {
		ResetPassword(ctx context.Context, username string) error
	}
	// Revoker keeps a list of revoked tokens of its own, too.
	Revoker interface {
		Revoke(ctx context.Context, claims *token.Claims, reason string) error
	}
)

// provider returns the provider of a kind and the kind's name as sessions show
// it. Kinds that nobody knows are the default.
func (s *Service) provider(kind string) (Provider, string) {
	if kind == happnProvider {
		return byDirectory{s}, kind
	}
	if p := s.options.Providers[kind]; p != nil && kind != "" {
		return p, kind
	}
	if p := s.options.Providers[s.options.DefaultProvider]; p != nil {
		return p, defaultProvider
	}
	return byDirectory{s}, defaultProvider
}

// providerOf returns the provider for the credentials of a name.
func (s *Service) providerOf(name string) (Provider, string) {
	account, ok := s.options.Directory.Account(name)
	if !ok {
		return s.provider("")
	}
	switch user := account.User(); user.Name {
	case security.Admin, security.Anonymous:
		return s.provider(happnProvider)
	default:
		return s.provider(user.AuthType)
	}
}

// byDirectory checks passwords and signatures with what the directory has.
type byDirectory struct{ service *Service }

func (d byDirectory) Check(ctx context.Context, a *Attempt) (string, error) {
	account, known := d.service.options.Directory.Account(a.Username)
	if known && account.Deleted() {
		known = false
	}
	if a.Digest != "" {
		if known {
			user := account.User()
			if user.PublicKey != "" && user.PublicKey == a.PublicKey && d.service.nonces.signed(a.PublicKey, a.Digest) {
				return user.Name, nil
			}
		}
		return "", ErrRejected
	}
	hash := ""
	if known {
		hash = account.PasswordHash()
	}
	// A name that nobody has costs a check, too: see password.Hasher.
	ok, weak, err := d.service.options.Hasher.Verify(ctx, hash, a.Password)
	if errors.Is(err, password.ErrFormat) {
		d.service.options.Logger.Warn("a stored password cannot be read; give the user a new one", "user", a.Username, "error", err)
		return "", ErrRejected
	}
	switch {
	case err != nil:
		return "", err
	case !ok || !known || account.Deleted():
		return "", ErrRejected
	}
	name := account.User().Name
	if weak {
		d.service.strengthen(ctx, name, hash, a.Password)
	}
	return name, nil
}

// strengthen hashes a password anew that was right. The login does not depend on
// that.
func (s *Service) strengthen(ctx context.Context, name, before, secret string) {
	after, err := s.options.Hasher.Hash(ctx, secret)
	if err == nil {
		_, err = s.options.Directory.SetPassword(ctx, name, after, before)
	}
	if err != nil {
		s.options.Logger.Warn("a password could not be hashed anew; the next login tries again", "user", name, "error", err)
	}
}
