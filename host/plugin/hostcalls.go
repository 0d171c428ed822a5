package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// What host functions cost, in units of fuel: about the time that they take.
const (
	fuelHostCall = 1000 // one that reaches documents, sessions, services or connections
	fuelImport   = 100  // any other that does more than copy
	fuelBytes    = 16   // bytes that go in or out for a unit
)

// hostCalls is what one call of a hook does in the host. It begins empty.
type hostCalls struct {
	from *chain // what led to the call, nil for nothing

	used    bool // something below is to be reset
	calls   int
	earlier int // calls of those before it
	ctx     *chain
	cancel  context.CancelCauseFunc // of ctx, once something may take long
	timer   *time.Timer             // calls it at the time limit
	cursors []*cursor               // by number - 1; nil for those that are closed
	answer  []byte                  // of the last call to a service
	problem string                  // why the last import failed

	actor Actor // of this instance, kept between calls; nil until it is needed
}

// reset ends what a call left open.
func (h *hostCalls) reset(counted *atomic.Uint64) {
	counted.Add(uint64(h.calls))
	for _, c := range h.cursors {
		if c != nil {
			c.stop()
		}
	}
	if h.cancel != nil {
		h.timer.Stop()
		h.cancel(nil)
	}
	*h = hostCalls{actor: h.actor, cursors: h.cursors[:0], earlier: h.earlier + h.calls}
}

// called returns how often the instance has called the host for something that
// permissions cover, or that connections are for.
func (i *instance) called() int { return i.host.earlier + i.host.calls }

// close ends everything.
func (h *hostCalls) close(counted *atomic.Uint64) {
	h.reset(counted)
	if h.actor != nil {
		h.actor.Close()
		h.actor = nil
	}
}

// cursor is a search that a guest reads document by document.
type cursor struct {
	next    func() (*abi.Record, bool)
	stop    func()
	err     error // why the search ended early; set before next reports false
	pending *abi.Record
}

// enter counts a host call and returns the context and the actor that carry it
// out.
func (i *instance) enter() (context.Context, Actor, error) {
	h := &i.host
	h.used = true
	if h.calls++; h.calls > i.gen.manifest.Limits.HostCalls {
		return nil, nil, i.tooManyCalls()
	}
	if i.gen.services == nil {
		return nil, nil, abi.ErrnoUnsupported
	}
	i.charge(fuelHostCall) // starts the clock, too
	i.rest()
	if h.actor == nil {
		actor, err := i.gen.services.Open(Identity{Plugin: i.gen.manifest.Name, Permissions: i.gen.manifest.Permissions})
		if err != nil {
			return nil, nil, err
		}
		h.actor = actor
	}
	if h.ctx == nil {
		h.ctx = i.gen.plugin.then(h.from)
		h.ctx.left.Store(i.fuel - i.spent)
	}
	return h.ctx, h.actor, nil
}

func (i *instance) tooManyCalls() error {
	return i.gen.manifest.Limits.Over(limit.HostCalls, abi.ErrnoLimit, "%d calls to the host", i.host.calls)
}

// enterWaiting is enter for calls that may take long: their context ends with
// the time limit.
func (i *instance) enterWaiting() (context.Context, Actor, error) {
	ctx, actor, err := i.enter()
	if h := &i.host; err == nil && h.cancel == nil {
		inner, cancel := context.WithCancelCause(h.ctx.Context)
		h.ctx.Context, h.cancel = ending{inner}, cancel
		h.timer = time.AfterFunc(time.Until(i.deadline), func() { cancel(context.DeadlineExceeded) })
	}
	return ctx, actor, err
}

// ending is a context that says why it ended, as one with a deadline does. Its time
// can be moved.
type ending struct{ context.Context }

// Err implements context.Context.
func (e ending) Err() error {
	if e.Context.Err() == nil {
		return nil
	}
	return context.Cause(e.Context)
}

// stand stops the time of what the call has begun in the host, goOn moves its end.
func (h *hostCalls) stand() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

func (h *hostCalls) goOn(deadline time.Time) {
	if h.timer != nil {
		h.timer.Reset(time.Until(deadline))
	}
}

// fail keeps why an import failed and returns its number.
func (i *instance) fail(err error) uint64 {
	if late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled); late && !time.Now().Before(i.deadline) {
		i.end(errTimeout)
	}
	i.gen.tell(err)
	i.host.used, i.host.problem = true, err.Error()
	number := Errno(err)
	if number == abi.ErrnoInternal {
		i.gen.faults.Warn(i.gen.log, "a call to the host failed", "", err)
	}
	return errno(number)
}

// read decodes the record that a guest passes as pointer and length.
func (i *instance) read(pointer, length uint64, rec *abi.Record) error {
	i.spend(int64(uint32(length)) / fuelBytes)
	view, ok := i.mem.Read(uint32(pointer), uint32(length))
	if !ok {
		return fmt.Errorf("%w: the record lies outside of memory", ErrInvalid)
	}
	// A copy: what the host does may go on for a moment after the call was given up,
	// when the guest's memory may be gone.
	if err := rec.Decode(bytes.Clone(view)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// giveRecord answers an import of type (…, dst, cap) -> needed length with a record.
func (i *instance) giveRecord(rec *abi.Record, dst, capacity uint64) uint64 {
	size := rec.Size()
	view, err := i.target(dst, capacity, size)
	if err != nil {
		return i.fail(err)
	}
	if view != nil {
		_, _ = rec.Encode(view) // it fits
	}
	return uint64(uint32(size))
}

// target returns where a result of size bytes goes: nil when it does not fit.
func (i *instance) target(dst, capacity uint64, size int) (view []byte, err error) {
	i.spend(int64(size) / fuelBytes)
	ok := true
	switch {
	case i.blocks != nil:
		if view, ok = i.blocks.block(size); !ok {
			return nil, i.gen.manifest.Limits.Over(limit.MemoryMiB, abi.ErrnoTooLarge, "no memory is left for a result of %d bytes", size)
		}
	case uint64(size) <= uint64(uint32(capacity)):
		if view, ok = i.mem.Read(uint32(dst), uint32(size)); !ok {
			return nil, fmt.Errorf("%w: dst lies outside of memory", ErrInvalid)
		}
	}
	return view, nil
}

// pull turns a search into a cursor.
func pull(find func(yield func(*abi.Record) bool) error) *cursor {
	c := &cursor{}
	c.next, c.stop = iter.Pull(func(yield func(*abi.Record) bool) { c.err = find(yield) })
	return c
}
