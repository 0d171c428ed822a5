package policy

import "sync/atomic"

// Reason says why a session is refused, in happn-3's words; "" is not refused.
type Reason string

// The reasons.
const (
	Expired  Reason = "expired session token"
	Inactive Reason = "session inactivity threshold reached"
	UsedUp   Reason = "session usage limit reached"
)

// Usage counts what one session does. The zero value is ready to use; it is
// safe for concurrent use.
type Usage struct{ last, used atomic.Int64 }

// Admit reports whether a session that logged in at the time since may make
// one more request now, and counts that. Times are Unix times in ms. With a
// policy that bounds nothing it costs three comparisons.
func (p *Policy) Admit(u *Usage, since, now int64) Reason {
	if p.Expired(since, now) {
		return Expired
	}
	if p.Inactivity > 0 {
		last := u.last.Load()
		if last == 0 {
			last = since
		}
		if now-last > p.Inactivity {
			return Inactive
		}
		u.last.Store(now)
	}
	if p.UsageLimit > 0 && u.used.Add(1) > p.UsageLimit {
		return UsedUp
	}
	return ""
}

// Expired reports whether the time of a session that began at since is over.
func (p *Policy) Expired(since, now int64) bool { return p.TTL > 0 && now-since > p.TTL }
