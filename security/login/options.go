package login

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// Directory knows the users, see security/directory.
type Directory interface {
	Account(name string) (*directory.Account, bool)
	UpsertUser(ctx context.Context, raw []byte, overwrite bool) (*security.User, error)
	DeleteUser(ctx context.Context, name string) (directory.Deletion, error)
	LinkGroup(ctx context.Context, group, user string, data []byte) (*datastore.Document, error)
	SetPassword(ctx context.Context, name, hash, replaces string) (done bool, err error)
}

// Hasher hashes passwords and checks them, see security/password.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, hash, password string) (ok, rehash bool, err error)
}

// Tokens signs tokens and reads them, see security/token.
type Tokens interface {
	Sign(*token.Claims) (string, error)
	Parse(text string) (*token.Claims, error)
}

// Options is what a Service works with. Directory, Store, Hasher, Tokens and
// Profiles are needed; the zero value of the others is ready to use.
type Options struct {
	Directory Directory
	Store     datastore.Store // keeps the revocations
	Hasher    Hasher
	Tokens    Tokens
	Profiles  *policy.Profiles
	Origin    string // name of the server, as tokens have it

	Anonymous       bool // one may log in as _ANONYMOUS, without a password
	NoNetworkAdmin  bool // _ADMIN may log in within the process only
	LockToLoginType bool // a token serves the type of session it was made for
	LockToUserID    bool // a token does not outlive the user, if one of the same name is made
	NoTTL0Revoking  bool // a token without end cannot be revoked

	Lockout  LockoutOptions
	Rate     RateOptions
	NonceTTL time.Duration // 0 is a minute

	// Providers finds who checks credentials in place of the directory; nil finds
	// nobody. The kind "happn" is the directory itself.
	Providers Providers
	// DefaultProvider is the kind for users without one; "" is "happn". While it
	// is not there, they cannot log in.
	DefaultProvider string
	// FixedProvider does not let clients choose.
	FixedProvider bool

	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil is silence
}

func (o Options) ensureDefaults() (Options, error) {
	if o.Directory == nil || o.Store == nil || o.Hasher == nil || o.Tokens == nil || o.Profiles == nil {
		return o, errors.New("logins need a directory, a store, a hasher, tokens and profiles: set them all")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.DefaultProvider == "" {
		o.DefaultProvider = happnProvider
	}
	if o.DefaultProvider != happnProvider && o.Providers == nil {
		return o, errors.New("the default authentication provider " + o.DefaultProvider + " is not there; name another or add it")
	}
	return o, nil
}
