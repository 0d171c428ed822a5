package limit

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// refusalPause is how often at most the log says that a plugin is above the same
// limit: one that goes on after it was refused something may ask on every message.
const refusalPause = time.Minute

// Refusals count how often a plugin was above each of its limits, and tell the
// operator. They outlive its versions. The zero value is ready; its methods may be
// called from any goroutine.
type Refusals [Count]times

type times struct {
	times atomic.Uint64
	told  atomic.Uint64 // times, when the log was told last
	at    atomic.Int64  // when that was, in Unix nanoseconds
}

// Count counts an error that somebody else tells the operator of.
func (r *Refusals) Count(err error) {
	if n, ok := Of(err); ok {
		r.Add(n)
	}
}

// Add counts that the plugin was above a limit of which somebody else tells the operator.
func (r *Refusals) Add(n Name) { r[n].times.Add(1) }

// Due counts that the plugin was above a limit, and reports whether the log is to
// be told, and of how many times since it was told last.
func (r *Refusals) Due(n Name) (times uint64, ok bool) {
	one := &r[n]
	count := one.times.Add(1)
	now, at := time.Now().UnixNano(), one.at.Load()
	if now-at < int64(refusalPause) || !one.at.CompareAndSwap(at, now) {
		return 0, false
	}
	return count - one.told.Swap(count), true
}

// Tell counts an error after which the plugin goes on, and tells the log.
func (r *Refusals) Tell(log *slog.Logger, err error) {
	if n, ok := Of(err); ok {
		if times, due := r.Due(n); due {
			n.Tell(log, err, times)
		}
	}
}

// Tell writes the one line about a limit.
func (n Name) Tell(log *slog.Logger, err error, times uint64) {
	log.Warn("plugin was refused what is above its limit", "limit", n, "reason", err, "times", times)
}

// Inherit adds what another version of the plugin was refused.
func (r *Refusals) Inherit(from *Refusals) {
	for n := range r {
		r[n].times.Add(from[n].times.Load())
	}
}

// Counts returns the limits that the plugin was above, by their keys, and how often.
func (r *Refusals) Counts() map[string]uint64 {
	out := map[string]uint64{}
	for n := range r {
		if times := r[n].times.Load(); times > 0 {
			out[table[n].Key] = times
		}
	}
	return out
}
