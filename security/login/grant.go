package login

import (
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/policy"
)

// Attempt is a request to log in. The strings are what the client sent.
type Attempt struct {
	Username, Password string
	Token              string // in place of all else
	PublicKey, Digest  string // the signature of a nonce, in place of the password
	AuthType           string // kind of provider that the client chose, "" if it did not
	Type               int    // of the session: 0 stateless, 1 stateful
	Info               []byte // raw JSON object, or nil

	SessionID string // of the connection; "" makes one up, for logins over HTTP
	Address   string // network address of the client; "" for one in this process

	// Local and Browser are what the client says of itself. Nothing that
	// matters to security relies on them.
	Local   *bool
	Browser bool

	// Record returns the session's record, as far as it is known, for the
	// filters of profiles; it may be nil.
	Record func() []byte

	signed func(publicKey, digest string) bool // nonces of the service
}

// Signed reports whether Digest is what the holder of PublicKey makes of a nonce
// that the service gave. It says so once: a nonce serves one login.
func (a *Attempt) Signed() bool {
	return a.PublicKey != "" && a.Digest != "" && a.signed != nil && a.signed(a.PublicKey, a.Digest)
}

// Grant is what a login gave. It is immutable.
type Grant struct {
	Username, UserID string
	SessionID        string
	ParentID         string // session whose token logged in, its own id otherwise
	Origin           string
	Token            string
	AuthType         string
	Type             int   // 0 stateless, 1 stateful
	Timestamp        int64 // of the login, Unix time in ms
	Policy           [2]*policy.Policy
	Account          *directory.Account
	User             []byte // raw JSON, as the record shows it
	Info             []byte // of the login, raw JSON object or nil
}

// AppendRecord appends the members that a login adds to the session's record
// (happn-wire.md, 2.4), each with a comma before it. The key is left out if it
// is "".
func (g *Grant) AppendRecord(dst []byte, permissionSetKey string) []byte {
	dst = append(append(dst, `,"user":`...), g.User...)
	dst = strconv.AppendInt(append(dst, `,"timestamp":`...), g.Timestamp, 10)
	dst = textMember(dst, `,"origin":`, g.Origin)
	dst = strconv.AppendInt(append(dst, `,"type":`...), int64(g.Type), 10)
	dst = textMember(dst, `,"parentId":`, g.ParentID)
	dst = policy.AppendBoth(append(dst, `,"policy":`...), g.Policy)
	if permissionSetKey != "" {
		dst = textMember(dst, `,"permissionSetKey":`, permissionSetKey)
	}
	dst = textMember(dst, `,"token":`, g.Token)
	return textMember(dst, `,"authType":`, g.AuthType)
}

func textMember(dst []byte, name, value string) []byte {
	return rawjson.AppendString(append(dst, name...), value)
}

// profileRecord is the record that the filters of profiles look at: what is
// known of the connection, and with it the user with its groups.
func profileRecord(a *Attempt, account *directory.Account, now int64) []byte {
	out := strconv.AppendInt([]byte(`{"timestamp":`), now, 10)
	out = account.User().AppendJSON(append(out, `,"user":`...), true)
	if a.Info != nil {
		out = append(append(out, `,"info":`...), a.Info...)
	}
	if a.Record != nil {
		for name, val := range rawjson.Members(a.Record()) {
			switch string(name) {
			case "timestamp", "user", "info", "type":
			default:
				out = append(rawjson.AppendString(append(out, ','), string(name)), ':')
				out = append(out, val...)
			}
		}
	}
	return append(out, '}')
}

// credentialsRecord is what the filters of profiles with a list of addresses
// look at: {"user": the credentials}, with the name under which the directory
// knows the user, and nothing that is secret.
func credentialsRecord(a *Attempt, username string) []byte {
	out := textMember(nil, `{"user":{"username":`, username)
	out = strconv.AppendInt(append(out, `,"type":`...), int64(a.Type), 10)
	if a.PublicKey != "" {
		out = textMember(out, `,"publicKey":`, a.PublicKey)
	}
	if a.AuthType != "" {
		out = textMember(out, `,"authType":`, a.AuthType)
	}
	if a.Info != nil {
		out = append(append(out, `,"info":`...), a.Info...)
	}
	return append(out, `}}`...)
}
