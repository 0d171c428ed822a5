package plugin

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// connection counts a host call and returns the connection with a number, if it
// belongs to this instance.
func (i *instance) connection(number uint64) (*Connection, error) {
	i.host.used = true
	if i.host.calls++; i.host.calls > i.gen.manifest.Limits.HostCalls {
		return nil, i.tooManyCalls()
	}
	i.charge(fuelHostCall) // starts the clock, too
	c := i.gen.plugin.manager.protocols.find(number)
	if c == nil || !c.ownedBy(i) {
		return nil, fmt.Errorf("%w: connection %d is not one of this instance", abi.ErrnoNotFound, number)
	}
	return c, nil
}

// ownedBy reports whether the connection belongs to an instance.
func (c *Connection) ownedBy(i *instance) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.speaker.(*pinned)
	return ok && c.over == 0 && p.inst.is(i)
}

// view returns a part of the guest's memory.
func (i *instance) view(pointer, length uint64) ([]byte, error) {
	b, ok := i.mem.Read(uint32(pointer), uint32(length))
	if !ok {
		return nil, fmt.Errorf("%w: the bytes lie outside of memory", ErrInvalid)
	}
	return b, nil
}

// withBytes carries out an import of connections that takes bytes.
func (i *instance) withBytes(number, pointer, length uint64, do func(c *Connection, b []byte) error) uint64 {
	c, err := i.connection(number)
	var b []byte
	if err == nil {
		b, err = i.view(pointer, length)
	}
	if err == nil {
		err = do(c, b)
	}
	if err != nil {
		return i.fail(err)
	}
	return 0
}

// conn_send (conn, flags, ptr, len) -> 0
func hostConnSend(i *instance, stack []uint64) {
	text := uint8(stack[1])&abi.FlagText != 0
	stack[0] = i.withBytes(stack[0], stack[2], stack[3], func(c *Connection, b []byte) error {
		if text && !utf8.Valid(b) {
			return fmt.Errorf("%w: the text is not UTF-8", ErrInvalid)
		}
		c.send(b, text)
		return nil
	})
}

// conn_close (conn, ptr, len) -> 0
func hostConnClose(i *instance, stack []uint64) {
	stack[0] = i.withBytes(stack[0], stack[1], stack[2], func(c *Connection, b []byte) error {
		c.end(abi.ConnClosedByPlugin, answer.ErrorText(b))
		return nil
	})
}

// conn_state (conn, ptr, len) -> 0
func hostConnState(i *instance, stack []uint64) {
	stack[0] = i.withBytes(stack[0], stack[1], stack[2], func(c *Connection, b []byte) error {
		if l := &i.gen.manifest.Limits; len(b) > l.StateKiB<<10 {
			return l.Over(limit.StateKiB, abi.ErrnoTooLarge, "the state of a connection would have %d bytes", len(b))
		}
		c.save(b)
		return nil
	})
}

// save keeps the state with which another version can take the connection over.
func (c *Connection) save(state []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = append([]byte{}, state...)
	if c.moving {
		c.wake()
	}
}

// conn_timer (conn, id, ms) -> 0
func hostConnTimer(i *instance, stack []uint64) {
	c, err := i.connection(stack[0])
	number, wait := int32(uint32(stack[1])), min(time.Duration(stack[2])*time.Millisecond, maxTimer)
	switch {
	case err != nil:
	case number < 0 || stack[2] > uint64(maxTimer.Milliseconds()):
		err = fmt.Errorf("%w: a timer has a number from 0, and at most %s", ErrInvalid, maxTimer)
	default:
		err = c.setTimer(number, wait)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = 0
}
