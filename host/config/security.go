package config

import (
	"encoding/json"
	"time"
)

// Security says who may do what. It counts on a host with Secure only.
type Security struct {
	AdminPassword        string `koanf:"adminPassword"`        // of _ADMIN when it is made; "" generates one
	AllowDefaultPassword bool   `koanf:"allowDefaultPassword"` // whether _ADMIN may have the password of every happn-3
	AdminOverNetwork     bool   `koanf:"adminOverNetwork"`     // whether _ADMIN may log in from elsewhere

	AllowAnonymousAccess    bool `koanf:"allowAnonymousAccess"`
	AllowNestedPermissions  bool `koanf:"allowNestedPermissions"`
	AllowLogoutOverHTTP     bool `koanf:"allowLogoutOverHttp"`
	UsernamesIgnoreCase     bool `koanf:"usernamesCaseInsensitive"`
	PersistPermissions      bool `koanf:"persistPermissions"`
	UserChoosesAuthProvider bool `koanf:"allowUserChooseAuthProvider"`

	UsernamesCaseExclude []string      `koanf:"usernamesCaseInsensitiveExclude"`
	DefaultAuthProvider  string        `koanf:"defaultAuthProvider"`
	NonceTTL             time.Duration `koanf:"nonceTTL"`     // of one digest login
	LoginTimeout         time.Duration `koanf:"loginTimeout"` // 0: a connection may wait for ever

	Password  Password      `koanf:"password"`
	Token     Token         `koanf:"token"`
	Lockout   Lockout       `koanf:"lockout"`
	LoginRate LoginRate     `koanf:"loginRate"`
	Activity  Activity      `koanf:"activity"`
	Cookie    Cookie        `koanf:"cookie"`
	Payload   PayloadSecret `koanf:"payload"`
	Audit     Audit         `koanf:"audit"`
	Profiles  []Profile     `koanf:"profiles"` // before the three of happn-3
}

// AuthProviderHappn is the authentication provider that looks into the host's
// own users.
const AuthProviderHappn = "happn"

// The algorithms of Password.
const (
	AlgorithmPBKDF2   = "pbkdf2"   // as happn-3, which can read it back
	AlgorithmArgon2id = "argon2id" // costs memory, too
)

// Password says what it costs to guess a password.
type Password struct {
	Algorithm        string        `koanf:"algorithm"`
	PBKDF2Iterations int           `koanf:"pbkdf2Iterations"`
	Argon2MemoryMiB  int           `koanf:"argon2MemoryMiB"`
	Argon2Passes     int           `koanf:"argon2Passes"`
	Workers          int           `koanf:"workers"`      // hashes at the same time; 0 is half the processors
	QueueTimeout     time.Duration `koanf:"queueTimeout"` // a login waits for its turn
}

// Token tells about session tokens.
type Token struct {
	Secret              string        `koanf:"secret"`              // "" generates one and keeps it in the store
	CompatTokens        bool          `koanf:"compatTokens"`        // accept tokens made by happn-3
	RotateEvery         time.Duration `koanf:"rotateEvery"`         // 0 never makes a new key by itself
	RetireAfter         time.Duration `koanf:"retireAfter"`         // a replaced key; 0 never
	LockToLoginType     bool          `koanf:"lockToLoginType"`     // a token serves the type of session that it was made for
	LockToUserID        bool          `koanf:"lockToUserId"`        // a user made anew under an old name is another one
	AllowTTL0Revocation bool          `koanf:"allowTTL0Revocation"` // revoke what never expires, and remember it for ever
}

// Lockout bounds how often somebody may guess a password.
type Lockout struct {
	Enabled       bool          `koanf:"enabled"`
	Attempts      int           `koanf:"attempts"`
	RetryInterval time.Duration `koanf:"retryInterval"` // after the last attempt
}

// LoginRate bounds logins a minute. 0 is unlimited.
type LoginRate struct {
	PerAddress int `koanf:"perAddress"`
	PerUser    int `koanf:"perUser"`
}

// Activity says what is kept about sessions.
type Activity struct {
	Enabled bool          `koanf:"enabled"`
	TTL     time.Duration `koanf:"ttl"`
}

// Cookie is the cookie that carries a token.
type Cookie struct {
	Name     string `koanf:"name"`
	Domain   string `koanf:"domain"`
	HTTPS    bool   `koanf:"https"`    // a name of its own over TLS, as httpsCookie of happn-3
	Set      bool   `koanf:"set"`      // answer /auth/login with the cookie
	SameSite string `koanf:"sameSite"` // strict, lax or none
}

// PayloadSecret tells about the encryption of messages by clients before happn-3 12.
type PayloadSecret struct {
	Encrypt bool `koanf:"encrypt"` // whether clients that can are asked to
}

// Audit says where administrators' changes are written down.
type Audit struct {
	Enabled bool   `koanf:"enabled"`
	File    string `koanf:"file"` // "" is audit.jsonl in Data.Dir
}

// Profile gives the sessions that its filter matches a policy. Both are JSON
// objects, as happn-3 has them. A plugin may decide in place of the policy.
type Profile struct {
	Name    string          `json:"name"`
	Session json.RawMessage `json:"session,omitempty"`
	Policy  json.RawMessage `json:"policy,omitempty"`
	Plugin  string          `json:"plugin,omitempty"`
}
