package login

import (
	"sync/atomic"
)

// Stats counts what became of logins since the service was made, by websocket
// and HTTP alike.
type Stats struct {
	Logins  int64 `json:"logins"`  // that succeeded
	Refused int64 `json:"refused"` // for any reason; those of the next two are among them
	Limited int64 `json:"limited"` // over the rates of an address or a user, or of password checks
	Locked  int64 `json:"locked"`  // whose user was locked out

	Revoked int64 `json:"revoked"` // tokens that are revoked now
}

// counts are the counters behind Stats.
type counts struct {
	logins, refused, limited, locked atomic.Int64
}

// Stats returns the counts of this moment.
func (s *Service) Stats() Stats {
	return Stats{
		Logins: s.counts.logins.Load(), Refused: s.counts.refused.Load(),
		Limited: s.counts.limited.Load(), Locked: s.counts.locked.Load(),
		Revoked: s.revoked.count.Load(),
	}
}
