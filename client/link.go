package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// link is one connection of a client: requests under way, and the goroutine
// that reads their answers. A client that reconnects gets a new one.
//
// Locks: link.mu is a leaf, nothing else is taken while it is held.
type link struct {
	client    *Client
	transport Transport
	session   string // id, set by the handshake before the link is shared

	mu       sync.Mutex
	pending  map[uint64]*call
	publish  map[string]*publishWait // publications whose outcome is awaited, by id
	err      error                   // why the link is down
	ended    error                   // why the server ends the session on purpose
	done     chan struct{}           // closed with err set
	finished chan struct{}           // closed when the reader has returned
}

// call is a request under way. answer is called once, with the response or
// with why there is none, by the reader: it must not wait.
type call struct {
	req    *request
	id     uint64
	answer func(*message, error)
}

func newLink(c *Client, t Transport) *link {
	return &link{
		client:    c,
		transport: t,
		pending:   make(map[uint64]*call),
		publish:   make(map[string]*publishWait),
		done:      make(chan struct{}),
		finished:  make(chan struct{}),
	}
}

// start sends a request; answer is called unless start fails.
func (l *link) start(ctx context.Context, req *request, answer func(*message, error)) (*call, error) {
	return l.startWith(ctx, req, l.client.eventID.Add(1), answer)
}

func (l *link) startWith(ctx context.Context, req *request, id uint64, answer func(*message, error)) (*call, error) {
	c := &call{req: req, id: id, answer: answer}
	l.mu.Lock()
	if l.err != nil {
		defer l.mu.Unlock()
		return nil, l.downError()
	}
	l.pending[id] = c
	l.mu.Unlock()

	buf := l.client.buffers.Get().(*[]byte)
	*buf = appendFrame((*buf)[:0], req, id, l.session)
	err := l.transport.Send(ctx, *buf)
	if cap(*buf) <= maxPooledFrame {
		l.client.buffers.Put(buf)
	}
	if err == nil {
		return c, nil
	}
	if l.take(id) == nil {
		// The link went down meanwhile and has answered the call already.
		return c, nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, err // not sent: the context ended while waiting for room
	}
	return nil, fmt.Errorf("%w: %w", ErrDisconnected, err)
}

// call sends a request and waits for its answer.
func (l *link) call(ctx context.Context, req *request) (*message, error) {
	return l.callWith(ctx, req, l.client.eventID.Add(1))
}

func (l *link) callWith(ctx context.Context, req *request, id uint64) (*message, error) {
	type outcome struct {
		m   *message
		err error
	}
	answered := make(chan outcome, 1)
	c, err := l.startWith(ctx, req, id, func(m *message, err error) { answered <- outcome{m, err} })
	if err != nil {
		return nil, err
	}
	select {
	case o := <-answered:
		return o.m, o.err
	case <-ctx.Done():
	}
	if l.take(c.id) == nil { // the answer arrived in this very moment
		o := <-answered
		return o.m, o.err
	}
	return nil, l.gaveUp(ctx, req)
}

// gaveUp is the error of a request whose context ended before its answer came.
func (l *link) gaveUp(ctx context.Context, req *request) error {
	if req.writes {
		return fmt.Errorf("%s %s: %w: %w", req.action, req.path, context.Cause(ctx), ErrOutcomeUnknown)
	}
	return fmt.Errorf("%s %s: no answer: %w", req.action, req.path, context.Cause(ctx))
}

// take removes a pending call; nil means that somebody else has it.
func (l *link) take(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.pending[id]
	delete(l.pending, id)
	return c
}

// read handles frames until the connection ends.
func (l *link) read() {
	defer close(l.finished)
	for {
		frame, err := l.transport.Receive()
		if err != nil {
			l.fail(err)
			l.client.linkDown(l)
			return
		}
		m, err := parse(frame)
		if err != nil {
			l.client.opts.Logger.Warn("frame ignored", "error", err, "bytes", len(frame))
			continue
		}
		l.handle(m)
	}
}

func (l *link) handle(m *message) {
	switch m.kind {
	case kindResponse:
		if c := l.take(m.eventID); c != nil {
			c.answer(m, m.err(c.req))
		}
	case kindData:
		l.client.publication(l, m)
	case kindAck:
		l.published(m)
	case kindSystem:
		l.system(m)
	case kindControl:
		l.control(m.control)
	}
}

func (l *link) system(m *message) {
	msg := SystemMessage{Key: m.key, Data: m.data}
	if m.key == SystemServerSideDisconnect {
		l.end(fmt.Errorf("%w: %s", ErrSessionEnded, msg.Reason()))
	}
	if f := l.client.opts.Listener.SystemMessage; f != nil {
		l.client.events.add(func() { f(msg) })
	}
}

func (l *link) control(control string) {
	switch {
	case strings.HasPrefix(control, "primus::ping::"):
		pong := `"primus::pong::` + strings.TrimPrefix(control, "primus::ping::") + `"`
		// The reader must not wait for a server that does not read; such a
		// server will not miss the pong either.
		ctx, cancel := context.WithTimeout(context.Background(), pongPatience)
		defer cancel()
		_ = l.transport.Send(ctx, []byte(pong))
	case control == "primus::server::close":
		l.end(fmt.Errorf("%w: no reason given", ErrSessionEnded))
		_ = l.transport.Close()
	}
}

// pongPatience bounds how long a pong may wait behind unsent frames.
const pongPatience = 100 * time.Millisecond

// end remembers that the server closes on purpose; the first reason stays.
func (l *link) end(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = reason
	}
}

// fail takes the link down and answers every request under way.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	pending, publish := l.pending, l.publish
	l.pending, l.publish = nil, nil
	close(l.done)
	down := l.downError()
	l.mu.Unlock()
	_ = l.transport.Close()
	for _, c := range pending {
		if c.req.writes {
			c.answer(nil, fmt.Errorf("%s %s: %w: %w", c.req.action, c.req.path, down, ErrOutcomeUnknown))
		} else {
			c.answer(nil, fmt.Errorf("%s %s: %w", c.req.action, c.req.path, down))
		}
	}
	for _, w := range publish {
		w.finish(nil, down)
	}
}

// downError is what requests get once the link is down. The caller holds mu.
func (l *link) downError() error {
	switch {
	case l.ended != nil:
		return fmt.Errorf("%w: %w", ErrDisconnected, l.ended)
	case errors.Is(l.err, ErrClosed):
		return l.err
	}
	return fmt.Errorf("%w: %w", ErrDisconnected, l.err)
}

// close takes the link down and waits for its reader.
func (l *link) close(err error) {
	l.fail(err)
	<-l.finished
}

// down returns nil while the link is up, then why it went down and whether the
// server meant it.
func (l *link) down() (err error, onPurpose bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return nil, false
	}
	if l.ended != nil {
		return l.ended, true
	}
	return l.err, false
}
