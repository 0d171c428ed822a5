package plugin

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

var (
	errBusy   = errors.New("no instance is to be had")
	errClosed = errors.New("generation is closed")
)

// States of a slot.
const (
	slotFree   = iota
	slotBusy   // somebody holds it
	slotBroken // its instance is being replaced
	slotClosed // for good
)

// slot is a place for an instance. Who moves state from free to busy owns the
// rest until moving it back.
type slot struct {
	state  atomic.Uint32
	inst   guest
	counts [hook.Places]*counters // of the hooks that the plugin has
	memory atomic.Int64           // of the instance, in bytes, when it was last looked at
	_      [64]byte               // the next slot's state belongs to another processor
}

// pool hands out instances. Taking and giving back are one compare-and-swap
// each; only a message that finds every instance busy takes the lock.
type pool struct {
	slots  []slot
	closed atomic.Bool
	live   sync.WaitGroup // slots that are not closed

	waiting atomic.Int32
	mu      sync.Mutex
	waiters []waiter
	done    chan struct{}
	limits  *limit.Set
	crowd   crowd
}

// waiter is somebody who found every slot taken, or the one that it must have.
type waiter struct {
	handed chan *slot // has room for the one slot that is sent
	since  time.Time
	only   *slot // nil for any
}

// takes reports whether the waiter can do with s.
func (w *waiter) takes(s *slot) bool { return w.only == nil || w.only == s }

// starving is how long a waiter is overtaken by those who come by at the right
// moment, which is cheaper for all, before it gets the next slot for certain.
const starving = time.Millisecond

func newPool(instances []guest, hooks *[hook.Places]*boundHook, limits *limit.Set, c crowd) *pool {
	p := &pool{slots: make([]slot, len(instances)), limits: limits, crowd: c, done: make(chan struct{})}
	for i, inst := range instances {
		s := &p.slots[i]
		s.inst = inst
		s.memory.Store(inst.memory())
		for place, h := range hooks {
			if h != nil {
				s.counts[place] = newCounters(place)
			}
		}
	}
	p.live.Add(len(instances))
	return p
}

// acquire returns a slot that the caller must release or mark broken. home says
// which one to try first: messages of one session prefer one instance.
func (p *pool) acquire(home uint32) (*slot, error) {
	if s := p.try(home); s != nil {
		return s, nil
	}
	for range 4 {
		runtime.Gosched()
		if s := p.try(home); s != nil {
			return s, nil
		}
	}
	return p.park(home, nil)
}

// acquireSlot is acquire for who must have this very slot.
func (p *pool) acquireSlot(s *slot) (*slot, error) {
	if s.take() {
		return s, nil
	}
	return p.park(0, s)
}

// take takes a slot that is free.
func (s *slot) take() bool {
	return s.state.Load() == slotFree && s.state.CompareAndSwap(slotFree, slotBusy)
}

// show lets others see what was counted on a slot, unless somebody holds it for
// longer than a moment.
func (p *pool) show(s *slot) {
	for range 8 {
		if s.take() {
			s.show()
			p.release(s)
			return
		}
		if s.state.Load() != slotBusy {
			return // its last holder has shown it
		}
		runtime.Gosched()
	}
}

// show lets others see what was counted. The caller holds the slot.
func (s *slot) show() {
	for _, c := range s.counts {
		if c != nil {
			c.show()
		}
	}
}

func (p *pool) try(home uint32) *slot {
	n := uint32(len(p.slots))
	// A product in place of a division, which would take as long as all the rest.
	at := uint32(uint64(home*0x9e3779b1) * uint64(n) >> 32)
	for range n {
		s := &p.slots[at]
		if s.take() {
			return s
		}
		if at++; at == n {
			at = 0
		}
	}
	return nil
}

// park waits until a slot is handed over, the pool closes, or time is up.
func (p *pool) park(home uint32, only *slot) (*slot, error) {
	p.mu.Lock()
	if n := len(p.waiters); n >= p.limits.Waiting {
		p.mu.Unlock()
		p.crowd(0, false)
		return nil, p.limits.Over(limit.Waiting, errBusy, "%d messages would wait", n+1)
	}
	handed, since := make(chan *slot, 1), time.Now()
	p.waiters = append(p.waiters, waiter{handed: handed, since: since, only: only})
	p.waiting.Add(1)
	// A slot that was freed before waiting became visible would never be handed
	// over: look once more.
	s := only
	if only == nil {
		s = p.try(home)
	} else if !only.take() {
		s = nil
	}
	if s != nil {
		p.leave(handed)
		p.mu.Unlock()
		return s, nil
	}
	p.mu.Unlock()

	timer := time.NewTimer(p.limits.Wait)
	defer timer.Stop()
	var err error
	select {
	case s := <-handed:
		p.crowd.got(since, only)
		return s, nil
	case <-p.done:
		err = errClosed
	case <-timer.C:
		err = limit.Wait.Wrap(fmt.Errorf("%w: all %d (%s) stayed busy for longer than %s (%s)", errBusy, len(p.slots), limit.Instances, p.limits.Wait, limit.Wait))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.leave(handed) {
		return <-handed, nil // it came while we gave up
	}
	if only == nil && errors.Is(err, errBusy) {
		p.crowd(p.limits.Wait, false)
	}
	return nil, err
}

// leave takes a waiter off the list, and reports whether it was still on it.
// The caller holds p.mu.
func (p *pool) leave(handed chan *slot) bool {
	for i := range p.waiters {
		if p.waiters[i].handed == handed {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			p.waiting.Add(-1)
			return true
		}
	}
	return false
}

// release gives a slot back.
func (p *pool) release(s *slot) {
	if p.waiting.Load() > 0 && p.relieve(s) {
		return
	}
	s.state.Store(slotFree)
	if p.waiting.Load() > 0 {
		p.handOver()
	}
	if p.closed.Load() {
		p.retire(s)
	}
}

// relieve gives a held slot to whoever waits the longest for it, if that is long
// or it must be this one.
func (p *pool) relieve(s *slot) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.first(s)
	if at < 0 || p.waiters[at].only == nil && time.Since(p.waiters[at].since) < starving {
		return false
	}
	s.state.Store(slotBusy) // it may come from the keeper
	p.serve(at, s)
	return true
}

// first returns the place of the first waiter that can do with s, or -1. The
// caller holds p.mu.
func (p *pool) first(s *slot) int {
	for at := range p.waiters {
		if p.waiters[at].takes(s) {
			return at
		}
	}
	return -1
}

// serve sends a held slot to a waiter. The caller holds p.mu.
func (p *pool) serve(at int, s *slot) {
	w := p.waiters[at]
	p.waiters = append(p.waiters[:at], p.waiters[at+1:]...)
	p.waiting.Add(-1)
	w.handed <- s
}

// handOver gives free slots to those who wait, first come first served.
func (p *pool) handOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.slots {
		s := &p.slots[i]
		for at := p.first(s); at >= 0 && s.take(); at = -1 {
			p.serve(at, s)
		}
	}
}

// breakSlot marks a held slot as one whose instance must be replaced. It comes
// back by release.
func (p *pool) breakSlot(s *slot) {
	s.state.Store(slotBroken)
	if p.closed.Load() {
		p.retire(s)
	}
}

// retire closes a slot that nobody holds. Whoever may be the last one calls it.
func (p *pool) retire(s *slot) {
	if s.state.CompareAndSwap(slotFree, slotClosed) || s.state.CompareAndSwap(slotBroken, slotClosed) {
		if s.inst != nil {
			s.show()
			s.inst.close()
			s.inst = nil
		}
		p.live.Done()
	}
}

// close waits until every slot has been given back, and closes its instance.
// The keeper must have stopped: a broken slot is closed as it is.
func (p *pool) close() {
	p.closed.Store(true)
	close(p.done)
	for i := range p.slots {
		p.retire(&p.slots[i])
	}
	p.live.Wait()
}

// ready returns how many slots have an instance.
func (p *pool) ready() (n int) {
	for i := range p.slots {
		if st := p.slots[i].state.Load(); st == slotFree || st == slotBusy {
			n++
		}
	}
	return n
}
