package config

import "time"

// TLS says how connections are encrypted: by one of certificate files, a
// self-signed certificate, or ACME; by none of them when all are empty.
type TLS struct {
	CertFile   string `koanf:"certFile"`   // PEM, with the chain
	KeyFile    string `koanf:"keyFile"`    // PEM
	SelfSigned bool   `koanf:"selfSigned"` // generate a certificate, and keep it in Dir
	Dir        string `koanf:"dir"`        // of generated and fetched certificates; "" is tls in Data.Dir
	MinVersion string `koanf:"minVersion"` // 1.2, 1.3
	ACME       ACME   `koanf:"acme"`
}

// Enabled reports whether connections are encrypted.
func (t TLS) Enabled() bool { return t.CertFile != "" || t.SelfSigned || len(t.ACME.Hosts) > 0 }

// ACME fetches certificates from an authority such as Let's Encrypt.
type ACME struct {
	Hosts       []string `koanf:"hosts"`       // names to have certificates for
	Email       string   `koanf:"email"`       // for the authority's warnings
	Directory   string   `koanf:"directory"`   // URL of the authority; "" is Let's Encrypt
	AcceptTerms bool     `koanf:"acceptTerms"` // of the authority
}

// Web tells about what is served beside websockets.
type Web struct {
	Exclusions       []string      `koanf:"exclusions"`       // paths that need no token
	ForbiddenPage    string        `koanf:"forbiddenPage"`    // HTML file to answer 403 with
	UnauthorizedPage string        `koanf:"unauthorizedPage"` // HTML file to answer 401 with
	Hosts            []string      `koanf:"hosts"`            // names that the host may be called by; empty is any
	TrustedProxies   []string      `koanf:"trustedProxies"`   // whose X-Forwarded headers count
	MaxBodyBytes     int           `koanf:"maxBodyBytes"`     // of a request
	BodyTimeout      time.Duration `koanf:"bodyTimeout"`      // to read a request
	HSTS             time.Duration `koanf:"hsts"`             // 0 sends no Strict-Transport-Security
	CORS             CORS          `koanf:"cors"`
	API              API           `koanf:"api"`
}

// CORS says which web pages may read answers.
type CORS struct {
	Origins     []string      `koanf:"origins"`
	Credentials bool          `koanf:"credentials"` // with cookies
	MaxAge      time.Duration `koanf:"maxAge"`      // of an answer to a preflight
}

// API tells about the management API.
type API struct {
	Enabled bool `koanf:"enabled"`
}
