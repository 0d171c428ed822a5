package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/happn-host/happn-host/security"
)

// Directory is the users and groups of a host. Errors that the caller is to see
// are *security.Error.
type Directory interface {
	Users(ctx context.Context, pattern string, options []byte) ([]*security.User, error)
	UsersOf(ctx context.Context, group string, options []byte) ([]*security.User, error)
	User(name string) (*security.User, bool)
	UpsertUser(ctx context.Context, raw []byte, overwrite bool) (*security.User, error)
	RemoveUser(ctx context.Context, name string) (removed bool, err error)

	ListGroups(ctx context.Context, pattern string, options []byte) ([]*security.Group, error)
	Group(name string) (*security.Group, bool)
	UpsertGroup(ctx context.Context, raw []byte, parent string, overwrite bool) (*security.Group, error)
	RemoveGroup(ctx context.Context, name string) (removed bool, err error)
	Link(ctx context.Context, group, user string, data []byte) error
	Unlink(ctx context.Context, group, user string) (removed bool, err error)

	Granted(h Holder) []security.Granted
	Permit(ctx context.Context, h Holder, g security.Granted) error
	// Withdraw takes back what the holder was given on exactly this path by this
	// action; "" is every path, and every action.
	Withdraw(ctx context.Context, h Holder, path, action string) (removed int, err error)

	LookupTables() []string
	LookupTable(name string) security.LookupTable
	UpsertLookupTable(ctx context.Context, t security.LookupTable) error
	RemoveLookupPath(ctx context.Context, table, path string) error
	DeleteLookupTable(ctx context.Context, name string) error
	LookupPermissions(group string) []security.LookupPermission
	UpsertLookupPermission(ctx context.Context, group string, p security.LookupPermission) error
	RemoveLookupPermission(ctx context.Context, group string, p security.LookupPermission) error
}

// Holder is a user or group, which has permissions.
type Holder struct {
	Group bool
	Name  string
}

// Tokens are the session tokens of a host.
type Tokens interface {
	Revoke(ctx context.Context, token, reason string) error
	// RevokeSession revokes the token of an open session, and reports whether
	// there is one.
	RevokeSession(ctx context.Context, id, reason string) (there bool, err error)
	// Restore takes a token, or the id of its revocation.
	Restore(ctx context.Context, token string) error
	Revoked() any // as JSON, a list without the texts of tokens
	Keys() any    // as JSON, a list without secrets
	// Rotate makes a new key. The tokens of older ones are accepted for the time
	// of grace, nil is what is configured.
	Rotate(ctx context.Context, grace *time.Duration) error
	Unlock(username string)
}

// Sessions are the open sessions of a host. Records do not show tokens.
type Sessions interface {
	List() []json.RawMessage
	Session(id string) (json.RawMessage, bool)
	// Disconnect reports false for a session that is not there. An error says
	// why one cannot be disconnected.
	Disconnect(id, reason string) (bool, error)
}

// Activity is what each session asked for last.
type Activity interface {
	// List returns a JSON list, by the ids of the sessions. session is one id, or
	// "" for all; limit 0 is no limit.
	List(ctx context.Context, session string, skip, limit int) (any, error)
}

// Status is how a host is.
type Status interface {
	Health(ctx context.Context) any // as JSON, an object
}
