package plugin

import (
	"sync"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// sampled is one in how many calls of a layer has its time taken: reading the
// clock twice costs twice as much as calling a small guest. Of the other kinds,
// which are called less often, every call has.
const sampled = 64

// durationBounds are the upper ends of the buckets of Durations.
var durationBounds = [...]time.Duration{
	time.Microsecond, 2 * time.Microsecond, 5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond,
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// counters count what the holders of a slot did with one hook. Nobody but who
// holds the slot touches own, so that counting costs no more than adding; others
// read seen.
type counters struct {
	own   score
	next  uint64 // which call has its time taken next
	every uint64 // one in how many calls has

	mu   sync.Mutex
	seen score // own, as it was when somebody who held the slot had time to show it
}

// score is what counters count.
type score struct {
	calls    uint64
	verdicts [abi.VerdictError + 1]uint64 // by verdict, but for PASS, which are the others
	faults   uint64                       // traps, time-outs and outputs that broke the contract
	buckets  [len(durationBounds) + 1]uint64
	took     time.Duration // of the sampled calls together
	read     uint64        // bytes of what the sampled calls were shown
	written  uint64        // bytes of what all calls gave
}

func newCounters(place int) *counters {
	if hook.RulesAt(place).Layer {
		return &counters{every: sampled}
	}
	return &counters{every: 1}
}

// begin counts a call, and returns when it began, zero if it is not sampled. The
// caller holds the slot.
func (c *counters) begin() (began time.Time) {
	if c.own.calls++; c.own.calls >= c.next {
		c.next += c.every
		c.show()
		began = time.Now()
	}
	return began
}

// end counts what became of a call. The caller holds the slot.
func (c *counters) end(began time.Time, rec *abi.Record, verdict abi.Verdict, output []byte, err error) {
	switch {
	case err != nil:
		c.own.faults++
	case verdict != abi.VerdictPass:
		c.own.verdicts[verdict]++
		c.own.written += uint64(len(output))
	}
	if !began.IsZero() {
		c.sample(time.Since(began), rec)
	}
	if err != nil {
		c.show() // it may be long until the slot is held again
	}
}

func (c *counters) sample(took time.Duration, rec *abi.Record) {
	at := 0
	for at < len(durationBounds) && took > durationBounds[at] {
		at++
	}
	c.own.buckets[at]++
	c.own.took += took
	c.own.read += uint64(rec.Size())
}

// show lets others see what was counted. The caller holds the slot.
func (c *counters) show() {
	c.mu.Lock()
	c.seen = c.own
	c.mu.Unlock()
}

// look returns what was shown last.
func (c *counters) look() score {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

// Counts are the sums of a plugin's counters since it was found.
type Counts struct {
	// Calls is how many hook calls were made.
	Calls uint64
	// Errors is how many of them the guest ended with ERROR, or with something
	// that was no valid answer.
	Errors uint64
	// Traps is how many ended in a trap, a time-out, or an output that broke the
	// contract; each cost an instance.
	Traps uint64
	// Skipped is how many messages on_error decided without a call, because no
	// instance was to be had.
	Skipped uint64
	// HostCalls is how often the plugin has called the host.
	HostCalls uint64
}

func (c *Counts) add(o Counts) {
	c.Calls += o.Calls
	c.Errors += o.Errors
	c.Traps += o.Traps
	c.Skipped += o.Skipped
	c.HostCalls += o.HostCalls
}

func (c *Counts) subtract(o *Counts) {
	take(&c.Calls, o.Calls)
	take(&c.Errors, o.Errors)
	take(&c.Traps, o.Traps)
	take(&c.Skipped, o.Skipped)
	take(&c.HostCalls, o.HostCalls)
}

// take subtracts, but not below zero: a call that was running when it was counted
// as PASS may have ended otherwise.
func take(from *uint64, n uint64) { *from -= min(*from, n) }

// tally is what a generation has counted until some moment.
type tally struct {
	Counts
	hooks hookSums
}

func (g *generation) tally() (t tally) {
	t.Counts, t.hooks = g.sums()
	return t
}

// HookCounts are the sums of one hook's counters since the plugin was found.
type HookCounts struct {
	Kind hook.Kind
	// Calls is how many calls were begun.
	Calls uint64
	// Verdicts is how many calls ended with each verdict, by its number; those
	// that run at the moment count as PASS. A REPLACE whose output was then found
	// to be wrong counts here, too.
	Verdicts [abi.VerdictError + 1]uint64
	// Traps is how many calls ended without one.
	Traps uint64
	// Written is the bytes of all outputs.
	Written uint64
	// Sampled is what the measured calls took: one in 64 of layers, all of other kinds.
	Sampled Durations
}

// Durations say how long calls took, and how much they were shown.
type Durations struct {
	// Bounds are the upper ends of the buckets, the same for all plugins.
	Bounds []time.Duration
	// Buckets is how many calls fell into each bucket and, last, above all of
	// them.
	Buckets []uint64
	// Sum is the time of the calls together, Read the bytes of their records.
	Sum  time.Duration
	Read uint64
}

// hookSums are HookCounts by the place of the kind.
type hookSums [hook.Places]HookCounts

// add adds the counters of one slot.
func (s *hookSums) add(place int, c *counters) {
	out, from := &s[place], c.look()
	ended := from.faults
	for v, n := range from.verdicts {
		out.Verdicts[v] += n
		ended += n
	}
	out.Calls += from.calls
	out.Traps += from.faults
	if from.calls > ended {
		out.Verdicts[abi.VerdictPass] += from.calls - ended
	}
	out.Written += from.written
	out.Sampled.ensure()
	for i, n := range from.buckets {
		out.Sampled.Buckets[i] += n
	}
	out.Sampled.Sum += from.took
	out.Sampled.Read += from.read
}

// copy returns sums that share nothing with s.
func (s *hookSums) copy() (out hookSums) {
	out.addAll(s)
	return out
}

// addAll adds the sums of another version.
func (s *hookSums) addAll(o *hookSums) {
	for place := range o {
		out, from := &s[place], &o[place]
		for v := range from.Verdicts {
			out.Verdicts[v] += from.Verdicts[v]
		}
		out.Calls += from.Calls
		out.Traps += from.Traps
		out.Written += from.Written
		out.Sampled.ensure()
		for i, n := range from.Sampled.Buckets {
			out.Sampled.Buckets[i] += n
		}
		out.Sampled.Sum += from.Sampled.Sum
		out.Sampled.Read += from.Sampled.Read
	}
}

// subtract takes away what these sums have been.
func (s *hookSums) subtract(o *hookSums) {
	for place := range o {
		out, gone := &s[place], &o[place]
		for v := range gone.Verdicts {
			take(&out.Verdicts[v], gone.Verdicts[v])
		}
		take(&out.Calls, gone.Calls)
		take(&out.Traps, gone.Traps)
		take(&out.Written, gone.Written)
		for i, n := range gone.Sampled.Buckets {
			take(&out.Sampled.Buckets[i], n)
		}
		out.Sampled.Sum -= gone.Sampled.Sum
		take(&out.Sampled.Read, gone.Sampled.Read)
	}
}

func (d *Durations) ensure() {
	if d.Buckets == nil {
		d.Bounds, d.Buckets = durationBounds[:], make([]uint64, len(durationBounds)+1)
	}
}

// counts returns the sums in the words of Counts.
func (s *hookSums) counts() (c Counts) {
	for place := range s {
		c.Calls += s[place].Calls
		c.Errors += s[place].Verdicts[abi.VerdictError]
		c.Traps += s[place].Traps
	}
	return c
}
