package plugin

import "sync/atomic"

// counters count what the holder of a slot did. Each slot has its own, so that
// processors do not share a cache line for them.
type counters struct {
	calls  atomic.Uint64
	errors atomic.Uint64 // calls that the guest itself ended with ERROR
	faults atomic.Uint64 // traps, time-outs and outputs that broke the contract
}

// Counts are the sums of a plugin's counters since it was found.
type Counts struct {
	// Calls is how many hook calls were made.
	Calls uint64
	// Errors is how many of them the guest ended with ERROR.
	Errors uint64
	// Traps is how many ended in a trap, a time-out, or an output that broke the
	// contract; each cost an instance.
	Traps uint64
	// Skipped is how many messages on_error decided without a call, because no
	// instance was to be had.
	Skipped uint64
}

func (c *Counts) add(o Counts) {
	c.Calls += o.Calls
	c.Errors += o.Errors
	c.Traps += o.Traps
	c.Skipped += o.Skipped
}
