package security

// The changes that are told about, by the names that happn-3 gives them.
const (
	PermissionUpserted      = "permission-upserted"
	PermissionRemoved       = "permission-removed"
	UpsertGroup             = "upsert-group"
	DeleteGroup             = "delete-group"
	LinkGroup               = "link-group"
	UnlinkGroup             = "unlink-group"
	UpsertUser              = "upsert-user"
	DeleteUser              = "delete-user"
	LookupTableChanged      = "lookup-table-changed"
	LookupPermissionChanged = "lookup-permission-changed"
)

// Change says what has changed, after it took effect.
type Change struct {
	What string // one of the names above
	// Data is what happn-3 calls changedData, raw JSON; where clients expect
	// permissions in it, they are there.
	Data []byte
	// Users are those whose rights or record the change touches, sorted.
	Users []string
	// All is set instead when everything was read anew.
	All bool
	// Reauthorize asks for the subscriptions of these users to be decided anew.
	Reauthorize bool
	// Deleted says that the users are gone: their sessions end.
	Deleted bool
}

// Error is an error of a request of the directory or a login as clients see it.
type Error struct {
	Name    string // "Error", "ValidationError", "AccessDenied", ...
	Code    int    // 0 for none
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }
