package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Faults of an instance. After any of them the instance is thrown away.
var (
	errTimeout    = errors.New("did not finish within its time limit")
	errFuel       = errors.New("used up its fuel")
	errStack      = errors.New("recursed deeper")
	errBufRefused = errors.New("happn_buf refused to give a buffer")
	errBufBounds  = errors.New("happn_buf returned a buffer outside of memory")
	errOutBounds  = errors.New("output lies outside of memory")
)

// instance is what the host keeps of one running copy of a module, whichever
// engine runs it: its clock, its memory and what its present call does in the
// host. Host functions work on it. One goroutine uses it at a time: whoever holds
// its slot.
type instance struct {
	gen *generation
	mem api.Memory // where arguments and results of host functions lie

	// payload is the data that import payload gives, during a call.
	payload []byte

	// limit is how long the present call may take; deadline is set when it has
	// used up its first slice of fuel, so that quick calls read no clock.
	limit    time.Duration
	deadline time.Time
	timed    bool
	serving  bool // it has started: the limits are those of its calls

	// fuel is how much the present call may use, spent what it has used. slice is
	// what the guest was given last.
	fuel, spent, slice int64
	ended              error     // why the host ended it, nil if it did not
	computes           bool      // it has a turn, see turns
	stepped            time.Time // when it has let others go first, while it computes

	scratch abi.Record
	host    hostCalls // what the present call does in the host
	blocks  blockMaker
}

// blockMaker makes room in a guest's memory for the result of a host function,
// for guests that do not say where they want it. It reports false when there is
// none left.
type blockMaker interface {
	block(size int) (view []byte, ok bool)
}

// shown returns the record that a hook gets to see of rec.
func (i *instance) shown(h *boundHook, rec *abi.Record) *abi.Record {
	i.payload = rec.Data
	if h.lazy && rec.Data != nil {
		i.scratch = *rec
		i.scratch.Data = nil
		i.scratch.Flags |= abi.FlagDataLazy
		return &i.scratch
	}
	return rec
}

// explain makes of an engine's error what an operator understands.
func (i *instance) explain(err error) error {
	switch {
	case errors.Is(i.ended, errFuel), errors.Is(err, errFuel):
		which := i.either(limit.StartFuel, limit.Fuel)
		return which.Wrap(fmt.Errorf("%w of %d units (%s)", errFuel, i.fuel, which))
	case errors.Is(i.ended, errStack), errors.Is(err, errStack):
		return limit.StackKiB.Wrap(fmt.Errorf("%w than %d KiB of stack (%s)", errStack, i.gen.manifest.Limits.StackKiB, limit.StackKiB))
	case errors.Is(i.ended, errTimeout), errors.Is(err, errTimeout), i.ended == nil && i.late():
		which := i.either(limit.StartTimeout, limit.Timeout)
		return which.Wrap(fmt.Errorf("%w of %s (%s)", errTimeout, i.limit, which))
	}
	if i.ended != nil {
		err = i.ended
	}
	return fmt.Errorf("trapped: %w", err)
}

// either returns which limit counts now.
func (i *instance) either(starting, serving limit.Name) limit.Name {
	if i.serving {
		return serving
	}
	return starting
}

// given returns a verdict and what a guest gave with it. Of an error that is plain
// text it copies no more than is told to anybody.
func (i *instance) given(verdict abi.Verdict, pointer, length uint32) (abi.Verdict, []byte, error) {
	if l := &i.gen.manifest.Limits; int(length) > l.OutputKiB<<10 {
		return verdict, nil, l.Over(limit.OutputKiB, nil, "output of %d bytes", length)
	}
	view, ok := i.mem.Read(pointer, length)
	if !ok {
		return verdict, nil, errOutBounds
	}
	switch verdict {
	case abi.VerdictReject, abi.VerdictDrop, abi.VerdictClose, abi.VerdictError:
		if length > answer.MaxErrorText && !rawjson.IsObject(bytes.TrimSpace(view)) {
			view = view[:answer.MaxErrorText]
		}
	}
	return verdict, bytes.Clone(view), nil
}

// begin makes the limits those of another call.
func (i *instance) begin() { i.timed, i.spent = false, 0 }

// starts gives the instance the limits of its start, serves those of its calls.
func (i *instance) starts() {
	i.limit, i.fuel, i.slice = i.gen.manifest.Limits.StartTimeout, int64(i.gen.manifest.Limits.StartFuel), meter.Slice
}

func (i *instance) serves() {
	i.limit, i.fuel, i.slice, i.serving = i.gen.manifest.Limits.Timeout, int64(i.gen.manifest.Limits.Fuel), meter.Slice, true
}

// yield is where a guest comes by whenever it has used up a slice of fuel. It
// returns the next slice, or panics to end the call.
func (i *instance) yield() int64 {
	left := i.spend(i.slice)
	if now := i.look(); i.computes || i.used() > unnoticed {
		i.queue(now)
	}
	i.slice = min(meter.Slice, left)
	return i.slice
}

// pause is where a guest comes by while it does what it has paid for already.
func (i *instance) pause() {
	if now := i.look(); i.computes {
		i.queue(now)
	}
}

// charge ends a call that is late, or that has no fuel left for what the host is
// to do for it, in units.
func (i *instance) charge(units int64) {
	i.spend(units)
	i.look()
}

// spend takes units from the fuel of the call, and ends it when none is left.
func (i *instance) spend(units int64) (left int64) {
	if c := i.host.ctx; c != nil { // others may spend it, too
		left = c.left.Add(-units)
	} else {
		i.spent += units
		left = i.fuel - i.spent
	}
	if left <= 0 {
		i.end(errFuel)
	}
	return left
}

// used returns what the present call has used until now, in units.
func (i *instance) used() int64 {
	if c := i.host.ctx; c != nil {
		return i.fuel - c.left.Load()
	}
	return i.spent
}

// look looks at the time, which begins with the first look.
func (i *instance) look() (now time.Time) {
	now = time.Now()
	switch {
	case !i.timed:
		i.timed, i.deadline = true, now.Add(i.limit)
	case now.After(i.deadline):
		i.end(errTimeout)
	}
	return now
}

// end ends the call.
func (i *instance) end(why error) {
	i.ended = why
	panic(why)
}
