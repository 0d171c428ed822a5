package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	maxPooledFrame = 64 << 10
	protocolName   = "happn_4"
	clientVersion  = "13.12.1" // the happn-3 client whose dialect this one speaks
)

// Client is a session on a happn server. Make one with Connect.
//
// Locks, each of which may be held while a later one is taken: Client.mu,
// Subscription.mu, serial.mu, Client.life. None is held while a handler or a
// Listener function runs.
type Client struct {
	opts    Options
	dial    Dialer
	eventID atomic.Uint64
	buffers sync.Pool // *[]byte, frames being encoded
	events  serial    // Listener calls and OnPublished calls
	acks    serial    // sends acknowledgements

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine of the client

	life    sync.Mutex
	closing bool // no goroutine may be started any more

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed and replaced at every change of state
	reason  error         // why state is StateEnded
	link    *link         // nil unless StateConnected
	info    SessionInfo
	subs    map[string][]*Subscription // by channel; slices are replaced, not changed
}

// SessionInfo is what the server said about the session at login.
type SessionInfo struct {
	ID     string // changes with every reconnect
	Server string // the server's name
	Secure bool   // whether the server checks credentials and permissions
	Token  string // of a secure server; may be used to log in again
	Raw    []byte // the whole session, JSON
}

// Connect connects and logs in. ctx bounds this, not the life of the client,
// which ends with Close. A refusal of the credentials matches ErrUnauthorized
// or ErrForbidden.
func Connect(ctx context.Context, options Options) (*Client, error) {
	opts := options.withDefaults()
	dial := opts.Dial
	if dial == nil {
		var err error
		if dial, err = websocketDialer(&opts); err != nil {
			return nil, err
		}
	}
	c := newClient(opts, dial)
	l, info, err := c.open(ctx)
	if err != nil {
		c.cancel()
		return nil, err
	}
	if !c.establish(l, info) {
		err, _ := l.down()
		_ = c.Close()
		return nil, fmt.Errorf("connection was lost right after login: %w", err)
	}
	return c, nil
}

// NewOverTransport logs in over a connection that exists already. Without
// Options.Dial such a client does not reconnect. The client owns t from here
// on, also when it fails.
func NewOverTransport(ctx context.Context, t Transport, options Options) (*Client, error) {
	next := options.Dial
	first := true
	options.Reconnect.Disabled = options.Reconnect.Disabled || next == nil
	options.Dial = func(ctx context.Context) (Transport, error) {
		if first {
			first = false
			return t, nil
		}
		return next(ctx)
	}
	return Connect(ctx, options)
}

func newClient(opts Options, dial Dialer) *Client {
	c := &Client{
		opts:    opts,
		dial:    dial,
		changed: make(chan struct{}),
		subs:    make(map[string][]*Subscription),
	}
	c.buffers.New = func() any { return new([]byte) }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.events.spawn = c.spawn
	c.acks.spawn = c.spawn
	return c
}

// spawn runs f on a goroutine that Close waits for. After Close it does not,
// and reports false.
func (c *Client) spawn(f func()) bool {
	c.life.Lock()
	defer c.life.Unlock()
	if c.closing {
		return false
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f()
	}()
	return true
}

// Close ends the session and waits until every handler that runs has returned
// and nothing of the client is left; the contexts of handlers end. It must not
// be called from a handler. It returns nil, and may be called more than once.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.state == StateClosed {
		c.mu.Unlock()
		c.wg.Wait()
		return nil
	}
	l := c.link
	c.link = nil
	c.setState(StateClosed, nil)
	c.mu.Unlock()
	c.cancel()
	if l != nil {
		l.close(ErrClosed)
	}
	c.life.Lock()
	c.closing = true
	c.life.Unlock()
	c.wg.Wait()
	return nil
}

// State tells where the connection is in its life.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Session tells what the server said at the last login.
func (c *Client) Session() SessionInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

// WaitConnected waits until the client is connected with every subscription in
// place. It fails when that will not happen any more or when ctx ends.
func (c *Client) WaitConnected(ctx context.Context) error {
	for {
		c.mu.Lock()
		state, changed := c.state, c.changed
		err := c.unavailable()
		c.mu.Unlock()
		switch state {
		case StateConnected:
			return nil
		case StateEnded, StateClosed:
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// unavailable is the error of requests while there is no link. The caller
// holds mu.
func (c *Client) unavailable() error {
	switch c.state {
	case StateClosed:
		return ErrClosed
	case StateEnded:
		return fmt.Errorf("%w: %w", ErrDisconnected, c.reason)
	}
	return fmt.Errorf("%w: %s", ErrDisconnected, c.state)
}

// connected returns the link to send requests on.
func (c *Client) connected() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil, c.unavailable()
	}
	return c.link, nil
}

// setState changes the state and tells the listener. The caller holds mu.
func (c *Client) setState(s State, err error) {
	if c.state == s {
		return
	}
	c.state = s
	close(c.changed)
	c.changed = make(chan struct{})
	if s == StateEnded {
		c.reason = err
	}
	if f := c.opts.Listener.StateChanged; f != nil && s != StateClosed {
		c.events.add(func() { f(s, err) })
	}
}

// establish makes a link that is logged in the client's own. It reports false
// when the link is down already.
func (c *Client) establish(l *link, info SessionInfo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err, _ := l.down(); err != nil || c.state == StateClosed {
		return false
	}
	c.link, c.info = l, info
	c.setState(StateConnected, nil)
	return true
}

// linkDown is called by a link's reader when the link has gone down.
func (c *Client) linkDown(l *link) {
	err, onPurpose := l.down()
	c.mu.Lock()
	if c.link != l {
		c.mu.Unlock()
		return
	}
	c.link = nil
	if onPurpose || c.opts.Reconnect.Disabled {
		c.setState(StateEnded, err)
		c.mu.Unlock()
		return
	}
	c.setState(StateReconnecting, err)
	c.mu.Unlock()
	c.opts.Logger.Warn("connection lost", "error", err)
	c.spawn(c.reconnect)
}

// call sends a request on the current link and waits for the answer.
func (c *Client) call(ctx context.Context, req *request) (*message, error) {
	l, err := c.connected()
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return l.call(ctx, req)
}

// timeoutError is a call timeout that also is a context.DeadlineExceeded.
type timeoutError struct{}

func (timeoutError) Error() string   { return "no answer within the client's CallTimeout" }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }

// bounded applies CallTimeout to a request's context.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.opts.CallTimeout, timeoutError{})
}
