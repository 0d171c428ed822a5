package directory

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/happn-host/happn-host/security"
)

// Options is how a directory is opened. Hash is needed, and AdminPassword where
// the store has no user _ADMIN.
type Options struct {
	// Hash returns what is stored for a password. It is called by those who
	// make or change users, on their goroutine.
	Hash func(password string) (string, error)

	// AdminPassword returns the password of the user _ADMIN. It is asked only
	// when that user is made.
	AdminPassword func() (string, error)

	// Anonymous makes the user _ANONYMOUS if it is missing.
	Anonymous bool

	// CaseInsensitive takes user names in lower case, but for _ADMIN and these.
	CaseInsensitive       bool
	CaseInsensitiveExcept []string

	// VolatilePermissions keeps the permissions of groups in memory only, but
	// for groups whose name begins with `_`.
	VolatilePermissions bool

	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil is silence
}

func (o Options) ensureDefaults() (Options, error) {
	if o.Hash == nil {
		return o, errors.New("a security directory needs a function that hashes passwords: set Hash")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// username returns the name by which a user is known: without `*`, and in lower
// case if case does not count.
func (o *Options) username(name string) string {
	known := name
	if strings.IndexByte(name, '*') >= 0 {
		known = strings.ReplaceAll(name, "*", "")
	}
	if !o.CaseInsensitive || name == security.Admin {
		return known
	}
	for _, except := range o.CaseInsensitiveExcept {
		if name == except {
			return known
		}
	}
	return strings.ToLower(known)
}
