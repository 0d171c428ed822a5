package transport

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// errSlowReader is the reason for closing a connection whose write queue is full.
var errSlowReader = errors.New("the peer reads too slowly: its write queue is full")

// errOutboxClosed is the answer to frames for a connection that is ending.
var errOutboxClosed = errors.New("the connection is closed")

// outbox is the write queue of one connection: whole frames as bytes, bounded.
//
// Frames are copied in by send and leave in flush with as few system calls as
// possible. Flush never waits for the peer: what the socket does not take is
// written by a goroutine that lives until the queue is empty. Lock order: mu is
// a leaf.
type outbox struct {
	conn *Conn

	mu      sync.Mutex
	queue   []segment     // complete frames, not yet taken by a flush
	queued  int           // bytes in queue and in the hands of a flush
	dirty   bool          // somebody has promised to flush
	busy    bool          // a flush or drain is under way
	closed  bool          // nothing more is accepted
	drained chan struct{} // closed when busy ends; nil if nobody waits for that
}

func (o *outbox) init(c *Conn) { o.conn = c }

func (o *outbox) limit() int { return o.conn.server.config.WriteQueueBytes }

// send queues one frame: header, then payload. With stable set the payload is
// immutable and may be kept instead of copied. It reports whether the caller
// must see to a flush; otherwise somebody else has promised one.
func (o *outbox) send(header, payload []byte, stable bool) (flush bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false, errOutboxClosed
	}
	size := len(header) + len(payload)
	if o.queued+size > o.limit() && o.queued > 0 {
		return false, fmt.Errorf("%w (%d of %d bytes)", errSlowReader, o.queued, o.limit())
	}
	o.append(header, payload, stable)
	flush = !o.dirty
	o.dirty = true
	return flush, nil
}

func (o *outbox) append(header, payload []byte, stable bool) {
	o.queue = appendBytes(o.queue, header)
	if stable && len(payload) > keepWhole {
		o.queue = append(o.queue, segment{data: payload})
	} else {
		o.queue = appendBytes(o.queue, payload)
	}
	o.queued += len(header) + len(payload)
}

// finish queues the last frames and accepts nothing more. With discard, frames
// that no flush has taken yet are thrown away first.
func (o *outbox) finish(last []byte, discard bool) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	o.closed = true
	if discard {
		for _, s := range o.queue {
			o.queued -= len(s.data)
			s.release()
		}
		o.queue = nil
	}
	o.append(last, nil, false)
	o.mu.Unlock()
	o.flush()
}

// flush writes what is queued, as far as the socket takes it now.
func (o *outbox) flush() {
	o.mu.Lock()
	o.dirty = false
	if o.busy || len(o.queue) == 0 {
		o.mu.Unlock()
		return
	}
	o.busy = true
	for len(o.queue) > 0 {
		batch := o.queue
		o.queue = nil
		o.mu.Unlock()
		written, rest, err := o.writeNow(batch)
		o.mu.Lock()
		o.queued -= written
		switch {
		case err != nil:
			o.fail(err)
			return
		case len(rest) > 0:
			go o.drain(rest)
			o.mu.Unlock()
			return
		}
	}
	o.idle()
	o.mu.Unlock()
}

// writeNow writes the segments without waiting and returns those left over.
func (o *outbox) writeNow(batch []segment) (written int, rest []segment, err error) {
	for i, s := range batch {
		n, err := o.conn.stream.tryWrite(s.data)
		written += n
		if err != nil {
			return written, nil, err
		}
		if n < len(s.data) {
			batch[i].data = s.data[n:]
			return written, batch[i:], nil
		}
		s.release()
	}
	return written, nil, nil
}

// drain writes for a peer that does not keep up, until the queue is empty. It
// owns busy.
func (o *outbox) drain(batch []segment) {
	socket, timeout := o.conn.stream.socket, o.conn.server.config.WriteTimeout
	for {
		for _, s := range batch {
			err := socket.SetWriteDeadline(time.Now().Add(timeout))
			if err == nil {
				_, err = socket.Write(s.data)
			}
			size := len(s.data)
			s.release()
			o.mu.Lock()
			o.queued -= size
			if err != nil {
				o.fail(err)
				return
			}
			o.mu.Unlock()
		}
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.idle()
			o.mu.Unlock()
			o.conn.written()
			return
		}
		batch, o.queue = o.queue, nil
		o.mu.Unlock()
	}
}

// idle ends a flush. The caller holds mu.
func (o *outbox) idle() {
	o.busy = false
	if o.drained != nil {
		close(o.drained)
		o.drained = nil
	}
}

// fail ends writing for good. The caller holds mu and owns busy; fail unlocks.
func (o *outbox) fail(err error) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = fmt.Errorf("the peer took no bytes for %s: %w", o.conn.server.config.WriteTimeout, err)
	}
	o.closed, o.queue = true, nil
	o.queued = 0
	o.idle()
	o.mu.Unlock()
	o.conn.writeFailed(err)
}

// wait returns when nothing is being written.
func (o *outbox) wait() {
	for {
		o.mu.Lock()
		if !o.busy {
			o.mu.Unlock()
			return
		}
		if o.drained == nil {
			o.drained = make(chan struct{})
		}
		drained := o.drained
		o.mu.Unlock()
		<-drained
	}
}

// depth returns the bytes that are queued or being written.
func (o *outbox) depth() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued
}
