package session

import "github.com/happn-host/happn-host/abi"

// Principal is who a session acts for on a host with access control. It is made
// by a login and never changes; what it may do does, with the permissions of its
// user. All methods may be called from any goroutine.
type Principal interface {
	// Username returns the user's name.
	Username() string

	// May reports whether the principal may do this to one document, or be
	// told of one event, at exactly this path. It counts nothing, costs a
	// look-up, and allocates nothing once it was asked before.
	May(action abi.Action, path []byte) bool

	// AppendRecord appends the members that the session's record has because
	// somebody is logged in (happn-wire.md, 2.4), each with a comma before it.
	AppendRecord(dst []byte) []byte
}

// Principal returns who the session acts for, nil before a login and on a host
// without access control.
func (s *Session) Principal() Principal {
	if p := s.principal.Load(); p != nil {
		return *p
	}
	return nil
}

// ActFor makes p the session's principal, in place of the one it had; nil logs
// the session out.
func (s *Session) ActFor(p Principal) {
	if p == nil {
		s.principal.Store(nil)
		return
	}
	s.principal.Store(&p)
}

// NewID returns a random id as sessions have them: a UUID of version 4.
func NewID() string { return newID() }
