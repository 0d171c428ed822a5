package web

import (
	"context"
	"errors"
	"net/http"
)

// Access is who may do what on a secure host. Its methods may be called by any
// goroutine.
type Access interface {
	// Login checks the credentials and returns a token. Errors are *LoginError
	// if the caller is to see why.
	Login(ctx context.Context, c Credentials) (token string, err error)

	// Nonce returns a nonce for a login by the key, which is not empty.
	Nonce(publicKey string) (string, error)

	// Verify returns who holds a token. A *Denied tells why nobody does; any
	// other error says only that the text is no token.
	Verify(ctx context.Context, token string) (Visitor, error)

	// Revoke ends the visitor's token.
	Revoke(ctx context.Context, v Visitor) error
}

// Credentials are what a login over HTTP presents.
type Credentials struct {
	Username, Password string
	Token              string
	PublicKey, Digest  string
	Address            string // IP address of the caller
	Encrypted          bool   // whether the connection is
	Header             http.Header
}

// Visitor is whoever holds a token.
type Visitor interface {
	Username() string
	Token() string

	// May decides about an action, the method in lower case, on a path that
	// begins with /@HTTP. A *Denied tells that the token is no longer good; any
	// other error is a refusal.
	May(action, path string) error
}

// LoginError is why a login failed.
type LoginError struct {
	Name    string `json:"name"`
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
}

// Error implements error.
func (e *LoginError) Error() string { return e.Message }

// Denied says why a token does not count.
type Denied struct{ Reason string }

// Error implements error.
func (e *Denied) Error() string { return e.Reason }

// ErrForbidden is a refusal without details.
var ErrForbidden = errors.New("forbidden")

type visitorKey struct{}

// VisitorOf returns who makes a request, nil on a host without access control
// and where no token is asked for.
func VisitorOf(r *http.Request) Visitor {
	v, _ := r.Context().Value(visitorKey{}).(Visitor)
	return v
}
