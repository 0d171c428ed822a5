package plugin

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// refusalPause is how often at most the log says that a plugin is above the same
// limit: one that goes on after it was refused something may ask on every message.
const refusalPause = time.Minute

// refusals count how often a plugin was above each of its limits, and tell the
// operator. They outlive its versions. The zero value is ready; its methods may be
// called from any goroutine.
type refusals [limitCount]refusalTimes

type refusalTimes struct {
	times atomic.Uint64
	told  atomic.Uint64 // times, when the log was told last
	at    atomic.Int64  // when that was, in Unix nanoseconds
}

// count counts an error that somebody else tells the operator of.
func (r *refusals) count(err error) {
	if n, ok := limitOf(err); ok {
		r[n].times.Add(1)
	}
}

// due counts that the plugin was above a limit, and reports whether the log is to
// be told, and of how many times since it was told last.
func (r *refusals) due(n limit) (times uint64, ok bool) {
	one := &r[n]
	count := one.times.Add(1)
	now, at := time.Now().UnixNano(), one.at.Load()
	if now-at < int64(refusalPause) || !one.at.CompareAndSwap(at, now) {
		return 0, false
	}
	return count - one.told.Swap(count), true
}

// tell counts an error after which the plugin goes on, and tells the log.
func (r *refusals) tell(log *slog.Logger, err error) {
	if n, ok := limitOf(err); ok {
		if times, due := r.due(n); due {
			n.tell(log, err, times)
		}
	}
}

// tell writes the one line about a limit.
func (n limit) tell(log *slog.Logger, err error, times uint64) {
	log.Warn("plugin was refused what is above its limit", "limit", n, "reason", err, "times", times)
}

// inherit adds what another version of the plugin was refused.
func (r *refusals) inherit(from *refusals) {
	for n := range r {
		r[n].times.Add(from[n].times.Load())
	}
}

// counts returns the limits that the plugin was above, by their keys, and how often.
func (r *refusals) counts() map[string]uint64 {
	out := map[string]uint64{}
	for n := range r {
		if times := r[n].times.Load(); times > 0 {
			out[limitTable[n].key] = times
		}
	}
	return out
}
