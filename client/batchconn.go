package client

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	writeHighWater = 1 << 20          // bytes that may wait before Send does
	writeTimeout   = 30 * time.Second // for one system call to make progress
	closeTimeout   = time.Second      // for the last bytes to leave at Close
)

// batchConn is a net.Conn whose writes wait in memory until one goroutine
// sends everything that has gathered in one system call. Until batch is called
// it writes through, so that a handshake works.
type batchConn struct {
	net.Conn
	batching atomic.Bool

	mu      sync.Mutex
	pending []byte
	spare   []byte
	err     error
	drained chan struct{} // closed and replaced whenever pending was taken
	closing bool

	wake     chan struct{}
	finished chan struct{}
}

func newBatchConn(conn net.Conn) *batchConn {
	return &batchConn{
		Conn:     conn,
		drained:  make(chan struct{}),
		wake:     make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
}

// batch starts the goroutine that writes; Close ends it.
func (c *batchConn) batch() {
	c.batching.Store(true)
	go c.run()
}

// Write implements net.Conn. While batching it never waits; callers that may
// fill the memory call room first.
func (c *batchConn) Write(p []byte) (int, error) {
	if !c.batching.Load() {
		return c.Conn.Write(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if c.closing {
		return 0, errTransportClosed
	}
	c.pending = append(c.pending, p...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return len(p), nil
}

// SetWriteDeadline is the writing goroutine's own affair while batching.
func (c *batchConn) SetWriteDeadline(t time.Time) error {
	if c.batching.Load() {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// room waits until less than writeHighWater bytes are waiting.
func (c *batchConn) room(ctx context.Context) error {
	for {
		c.mu.Lock()
		if c.err != nil || len(c.pending) < writeHighWater {
			defer c.mu.Unlock()
			return c.err
		}
		drained := c.drained
		c.mu.Unlock()
		select {
		case <-drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *batchConn) run() {
	defer close(c.finished)
	for range c.wake {
		// Let the goroutines that are ready add what they have to say: with a
		// reader that has just woken many callers this is what fills a batch.
		runtime.Gosched()
		if !c.flush() {
			return
		}
	}
}

// flush writes what waits until nothing does; it reports whether there may be
// more later.
func (c *batchConn) flush() bool {
	for {
		c.mu.Lock()
		batch := c.pending
		if len(batch) == 0 {
			done := c.closing
			c.mu.Unlock()
			return !done
		}
		c.pending, c.spare = c.spare[:0], nil
		close(c.drained)
		c.drained = make(chan struct{})
		if !c.closing {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		}
		c.mu.Unlock()

		_, err := c.Conn.Write(batch)

		c.mu.Lock()
		if cap(batch) <= writeHighWater {
			c.spare = batch[:0]
		}
		if c.err = err; err != nil {
			close(c.drained) // whoever waits for room must see the error
		}
		c.mu.Unlock()
		if err != nil {
			// A connection that cannot be written is over for its reader too.
			_ = c.Conn.Close()
			return false
		}
	}
}

// Close lets what is waiting leave, within closeTimeout, and closes.
func (c *batchConn) Close() error {
	if c.batching.Load() {
		c.mu.Lock()
		if !c.closing {
			c.closing = true
			_ = c.Conn.SetWriteDeadline(time.Now().Add(closeTimeout))
			select {
			case c.wake <- struct{}{}:
			default:
			}
		}
		c.mu.Unlock()
		<-c.finished
	}
	return c.Conn.Close()
}
