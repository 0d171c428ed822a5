package plugin

import (
	"sync"
	"sync/atomic"
	"time"
)

// breakerState counts faults and says when to stop trying.
type breakerState struct {
	rules Breaker
	open  atomic.Bool // read for every message

	mu        sync.Mutex
	faults    []time.Time // the youngest, at most rules.Faults
	pause     time.Duration
	probation bool // the last pause has just ended: one fault opens again
	lastFault time.Time
}

func newBreaker(rules Breaker) *breakerState {
	return &breakerState{rules: rules}
}

// fault counts one, and reports whether it opened the breaker and for how long.
func (b *breakerState) fault(now time.Time) (opened bool, pause time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.lastFault) > b.rules.Window {
		b.faults, b.pause, b.probation = b.faults[:0], 0, false
	}
	b.lastFault = now
	b.faults = append(b.faults, now)
	for len(b.faults) > 0 && now.Sub(b.faults[0]) > b.rules.Window {
		b.faults = b.faults[1:]
	}
	if b.open.Load() || !b.probation && len(b.faults) < b.rules.Faults {
		return false, 0
	}
	b.faults = b.faults[:0]
	b.pause = min(max(b.rules.Pause, 2*b.pause), b.rules.MaxPause)
	b.open.Store(true)
	return true, b.pause
}

// last returns when the last fault was, zero for never.
func (b *breakerState) last() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastFault
}

// obey has other rules count from now on, with no fault so far.
func (b *breakerState) obey(rules Breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules, b.faults, b.pause, b.probation = rules, nil, 0, false
}

// remaining returns how long to leave the plugin alone, zero when the breaker
// is closed.
func (b *breakerState) remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open.Load() {
		return 0
	}
	return b.pause
}

// retry closes the breaker on probation.
func (b *breakerState) retry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probation = true
	b.open.Store(false)
}
