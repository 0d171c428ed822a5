package access

import (
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
)

// Visitor is who makes requests over HTTP with a token.
type Visitor struct {
	p       *principal
	control *Control
}

// Visitor returns who holds a token that login.Service.Verify has accepted.
func (c *Control) Visitor(grant *login.Grant) (*Visitor, error) {
	p, err := c.granted(grant, []byte(`{"type":0`))
	if err != nil {
		return nil, err
	}
	return &Visitor{p, c}, nil
}

// Username returns the name of the user.
func (v *Visitor) Username() string { return v.p.Username() }

// May decides about a method, in lower case, on a path that begins with /@HTTP.
// Only those who may do everything may use a method without a name of its own.
func (v *Visitor) May(method, path string) bool {
	a, ok := security.ParseAction(method)
	if !ok {
		a = security.Any
	}
	may := v.p.may(a, []byte(path))
	if log := v.control.Activity; log != nil {
		reason := ""
		if !may {
			reason = "unauthorized"
		}
		log.Note(v.p.grant.SessionID, method, []byte(path), may, reason)
	}
	return may
}
