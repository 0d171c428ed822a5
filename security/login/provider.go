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

// Errors of providers. Others are faults, which count neither way.
var (
	// ErrRejected is for credentials that are wrong. It counts towards the lockout.
	ErrRejected = errors.New("wrong credentials")
	// ErrNotMine is for what another provider is to decide: the default one, and
	// behind it the directory.
	ErrNotMine = errors.New("another provider's to decide")
)

// Providers finds providers by the name of their kind (authType). It is asked at
// every login, so that they may come and go; nil is for a kind that nobody has.
type Providers interface {
	Provider(kind string) Provider
}

// Fixed are providers that are always there, by kind.
type Fixed map[string]Provider

// Provider implements Providers.
func (f Fixed) Provider(kind string) Provider { return f[kind] }

// Provider checks credentials. It may be called from many goroutines.
type Provider interface {
	// Check returns the name of the user as whom the credentials log in. The
	// directory must have it, unless the provider is a UserMaker.
	Check(ctx context.Context, a *Attempt) (username string, err error)
}

// What providers may do beside.
type (
	// TokenChecker has a say when a token serves that one of its logins has made:
	// for another login, or a request over HTTP. ErrNotMine has nothing against it.
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
	// Bounded says as whom its credentials may log in. The name is the directory's,
	// whatever Check has answered.
	Bounded interface{ MayBe(username string) bool }
	// UserMaker has users made that it knows and the directory does not.
	UserMaker interface {
		// NewUser returns the groups of such a user, and false if it is not to be made.
		NewUser(username string) (groups []string, make bool)
	}
)

// provider returns the provider of a kind and the kind's name as sessions show
// it. Kinds that nobody knows are the default.
func (s *Service) provider(kind string) (Provider, string) {
	if kind == happnProvider {
		return byDirectory{s}, kind
	}
	if kind != "" && s.options.Providers != nil {
		if p := s.options.Providers.Provider(kind); p != nil {
			return p, kind
		}
	}
	return s.standard(), defaultProvider
}

// standard returns the provider that is configured as the default.
func (s *Service) standard() Provider {
	if s.options.DefaultProvider == happnProvider {
		return byDirectory{s}
	}
	if p := s.options.Providers.Provider(s.options.DefaultProvider); p != nil {
		return p
	}
	return missing(s.options.DefaultProvider)
}

// missing stands for a default provider that is not there. To ask the directory
// in its place could let in whom it would not.
type missing string

func (m missing) fault() error {
	return errors.New("the default authentication provider " + string(m) + " is not there: start it, or change security.defaultAuthProvider")
}

// Check implements Provider.
func (m missing) Check(context.Context, *Attempt) (string, error) { return "", m.fault() }

// CheckToken implements TokenChecker.
func (m missing) CheckToken(context.Context, *token.Claims) error { return m.fault() }

// ChangePassword implements PasswordChanger.
func (m missing) ChangePassword(context.Context, string, string, string) error { return m.fault() }

// check asks a provider, and those behind it for what is not its own, and returns
// who decided.
func (s *Service) check(ctx context.Context, a *Attempt, p Provider, kind string) (username string, by Provider, byKind string, err error) {
	if username, err = p.Check(ctx, a); !errors.Is(err, ErrNotMine) {
		return username, p, kind, err
	}
	if kind != defaultProvider && kind != s.options.DefaultProvider {
		p = s.standard()
		if username, err = p.Check(ctx, a); !errors.Is(err, ErrNotMine) {
			return username, p, defaultProvider, err
		}
	}
	username, err = byDirectory{s}.Check(ctx, a)
	return username, byDirectory{s}, defaultProvider, err
}

// checkToken asks the provider that has made a token.
func (s *Service) checkToken(ctx context.Context, p Provider, c *token.Claims) error {
	checker, ok := p.(TokenChecker)
	if !ok {
		return nil
	}
	if err := checker.CheckToken(ctx, c); err != nil && !errors.Is(err, ErrNotMine) {
		return s.fault("a token could not be checked", c.Username, err)
	}
	return nil
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
			if user.PublicKey != "" && user.PublicKey == a.PublicKey && a.Signed() {
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
