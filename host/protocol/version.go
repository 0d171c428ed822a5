package protocol

import "strings"

// Version is the protocol that a session speaks.
type Version uint8

// The versions. A session that has not configured itself speaks Unset, which
// behaves as V1 under another name.
const (
	Unset Version = iota
	V1
	V2
	V3
	V4

	Versions = 5 // how many there are
)

// String returns the name that frames carry.
func (v Version) String() string {
	return [...]string{"happn", "happn_1", "happn_2", "happn_3", "happn_4"}[v]
}

// ParseVersion returns the version for a name given by configure-session. Names
// of protocols that do not exist yet or any more are taken as the oldest one,
// as happn-3 does; ok is false for names that are none of happn's.
func ParseVersion(name string) (v Version, ok bool) {
	for v := Unset; v <= V4; v++ {
		if v.String() == name {
			return v, true
		}
	}
	return V1, strings.HasPrefix(name, "happn") || strings.HasPrefix(name, "1")
}

// echoesSessionOnLogin reports whether login and describe answers repeat the
// request's session id.
func (v Version) echoesSessionOnLogin() bool { return v == V4 }

// NoDataResponse reports whether the option of that name is honoured.
func (v Version) NoDataResponse() bool { return v == V4 }

// ServerPings reports whether the server sends the heartbeats.
func (v Version) ServerPings() bool { return v == V4 }

// EmitsInitialValues reports whether initialEmit sends the values as
// publications, besides answering with them.
func (v Version) EmitsInitialValues() bool { return v <= V1 }

// CountsReferences reports whether off may name a subscription by the number
// that the client gave it in options.refCount.
func (v Version) CountsReferences() bool { return v <= V1 }

// HearsOfChanges reports whether the session is told of changes to what its user
// may do.
func (v Version) HearsOfChanges() bool { return v >= V3 }

// AnswersDisconnect reports whether there is a disconnect action.
func (v Version) AnswersDisconnect() bool { return v == V2 }
