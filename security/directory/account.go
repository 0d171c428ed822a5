package directory

import (
	"sync/atomic"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// Account is a live view of a user: it shows every change as soon as it took
// effect. It is for any goroutine. A user that is deleted and made again has a
// new account; the old one stays deleted.
type Account struct{ now atomic.Pointer[view] }

// view is an account at one moment.
type view struct {
	user    *security.User
	rules   *permit.Rules
	hash    string
	deleted bool
}

// User returns the user as it is now, or as it was last.
func (a *Account) User() *security.User { return a.now.Load().user }

// Rules returns what decides about the user's requests: its own permissions and
// those of its groups. They are others after every change that concerns them.
func (a *Account) Rules() *permit.Rules { return a.now.Load().rules }

// PasswordHash returns what is stored for the password, "" for a user without.
func (a *Account) PasswordHash() string { return a.now.Load().hash }

// Deleted reports whether the user is gone. Its rules then allow nothing.
func (a *Account) Deleted() bool { return a.now.Load().deleted }

// end marks the account as deleted.
func (a *Account) end() {
	last := a.now.Load()
	a.now.Store(&view{user: last.user, rules: permit.Compile(nil, nil), deleted: true})
}
