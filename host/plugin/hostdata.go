package plugin

import (
	"context"
	"fmt"
	"math"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// get (record, len, dst, cap) -> needed length
func hostGet(i *instance, stack []uint64) {
	var rec, doc abi.Record
	ctx, actor, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	found := false
	if err == nil {
		found, err = actor.Get(ctx, rec.Path, rec.Options, &doc)
	}
	switch {
	case err != nil:
		stack[0] = i.fail(err)
	case !found:
		stack[0] = errno(abi.ErrnoNotFound)
	default:
		doc.Kind = abi.KindDocument
		stack[0] = i.giveRecord(&doc, stack[2], stack[3])
	}
}

// find (record, len) -> cursor
func hostFind(i *instance, stack []uint64) {
	var rec abi.Record
	ctx, actor, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	if n := i.openCursors(); err == nil && n >= i.gen.manifest.Limits.Searches {
		err = i.gen.manifest.Limits.Over(limit.Searches, abi.ErrnoLimit, "%d searches would be open; close some", n+1)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	path, options := append([]byte(nil), rec.Path...), append([]byte(nil), rec.Options...) // outlive the guest's memory
	i.host.cursors = append(i.host.cursors, pull(func(yield func(*abi.Record) bool) error {
		return actor.Find(ctx, path, options, yield)
	}))
	stack[0] = uint64(len(i.host.cursors))
}

func (i *instance) openCursors() (n int) {
	for _, c := range i.host.cursors {
		if c != nil {
			n++
		}
	}
	return n
}

// cursor returns an open cursor by its number.
func (i *instance) cursor(number uint64) (*cursor, error) {
	n := int(uint32(number))
	if n < 1 || n > len(i.host.cursors) || i.host.cursors[n-1] == nil {
		return nil, fmt.Errorf("%w: no search has this number", ErrInvalid)
	}
	return i.host.cursors[n-1], nil
}

// next (cursor, dst, cap) -> needed length, 0 at the end
func hostNext(i *instance, stack []uint64) {
	_, _, err := i.enter()
	var c *cursor
	if err == nil {
		c, err = i.cursor(stack[0])
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	if c.pending == nil {
		doc, ok := c.next()
		switch {
		case ok:
			c.pending = doc
		case c.err != nil:
			stack[0] = i.fail(c.err)
			return
		default:
			stack[0] = 0
			return
		}
	}
	capacity := stack[2]
	c.pending.Kind = abi.KindDocument
	stack[0] = i.giveRecord(c.pending, stack[1], capacity)
	if n := int32(stack[0]); n > 0 && uint32(n) <= uint32(capacity) {
		c.pending = nil
	}
}

// close (cursor)
func hostClose(i *instance, stack []uint64) {
	if c, err := i.cursor(stack[0]); err == nil {
		c.stop()
		i.host.cursors[uint32(stack[0])-1] = nil
	}
}

// count (record, len) -> number
func hostCount(i *instance, stack []uint64) {
	var rec abi.Record
	ctx, actor, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	n := 0
	if err == nil {
		n, err = actor.Count(ctx, rec.Path, rec.Options)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = uint64(min(n, math.MaxInt32))
}

// set (record, len) -> 0
func hostSet(i *instance, stack []uint64) {
	i.write(stack, func(ctx context.Context, actor Actor, rec *abi.Record) error {
		return actor.Set(ctx, rec.Path, rec.Data, rec.Options, rec.Flags&abi.FlagNoWait == 0)
	})
}

// publish (record, len) -> 0
func hostPublish(i *instance, stack []uint64) {
	i.write(stack, func(ctx context.Context, actor Actor, rec *abi.Record) error {
		return actor.Publish(ctx, rec.Path, rec.Data, rec.Options)
	})
}

// write carries out what answers with 0.
func (i *instance) write(stack []uint64, do func(context.Context, Actor, *abi.Record) error) {
	var rec abi.Record
	ctx, actor, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	if err == nil {
		err = do(ctx, actor, &rec)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = 0
}

// remove (record, len) -> how many
func hostRemove(i *instance, stack []uint64) {
	var rec abi.Record
	ctx, actor, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	n := 0
	if err == nil {
		n, err = actor.Remove(ctx, rec.Path, rec.Options, rec.Flags&abi.FlagNoWait == 0)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = uint64(min(n, math.MaxInt32))
}

// session_get (id, len, dst, cap) -> needed length
func hostSessionGet(i *instance, stack []uint64) {
	_, _, err := i.enter()
	var id []byte
	if err == nil {
		var ok bool
		if id, ok = i.mem.Read(uint32(stack[0]), uint32(stack[1])); !ok {
			err = fmt.Errorf("%w: the id lies outside of memory", ErrInvalid)
		}
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	record := i.gen.services.Session(string(id))
	if record == nil {
		stack[0] = errno(abi.ErrnoNotFound)
		return
	}
	stack[0] = i.give(record, stack[2:])
}

// last_error (dst, cap) -> needed length
func hostLastError(i *instance, stack []uint64) {
	stack[0] = i.give([]byte(i.host.problem), stack)
}
