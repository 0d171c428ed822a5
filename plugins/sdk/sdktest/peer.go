//go:build !wasip1

package sdktest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// Peer is the other side of a connection that the plugin speaks for: to the first
// endpoint of the operator's file.
type Peer struct {
	t    testing.TB
	conn *plugin.Connection
	wire *loop
}

// loop implements plugin.Wire by what a test reads.
type loop struct {
	mu     sync.Mutex
	got    [][]byte // pieces, or messages
	reason string
	closed bool
	wake   chan struct{}
}

func newLoop() *loop { return &loop{wake: make(chan struct{}, 1)} }

func (l *loop) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Send implements plugin.Wire.
func (l *loop) Send(b []byte, _ bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, bytes.Clone(b))
	l.signal()
}

// Flush implements plugin.Wire.
func (l *loop) Flush() {}

// QueuedBytes implements plugin.Wire.
func (l *loop) QueuedBytes() int { return 0 }

// Close implements plugin.Wire.
func (l *loop) Close(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed, l.reason = true, reason
		l.signal()
	}
}

// Gone implements plugin.Wire.
func (l *loop) Gone() bool { return false }

// Send sends what the peer has to say: some bytes, or one binary message. It
// returns when the plugin has taken them.
func (p *Peer) Send(b []byte) { p.conn.Data(b, false) }

// SendText sends a message of text.
func (p *Peer) SendText(text string) { p.conn.Data([]byte(text), true) }

// Line sends a line and returns the next one that the plugin sends.
func (p *Peer) Line(line string) string {
	p.t.Helper()
	p.Send([]byte(line + "\n"))
	return p.NextLine()
}

// NextLine returns the next line that the plugin sends, without its end.
func (p *Peer) NextLine() string {
	p.t.Helper()
	var line []byte
	for {
		piece := p.Receive()
		before, after, found := bytes.Cut(piece, []byte{'\n'})
		line = append(line, before...)
		if found {
			p.unread(after)
			return strings.TrimSuffix(string(line), "\r")
		}
	}
}

func (p *Peer) unread(b []byte) {
	if len(b) > 0 {
		p.wire.mu.Lock()
		defer p.wire.mu.Unlock()
		p.wire.got = append([][]byte{b}, p.wire.got...)
	}
}

// Receive returns the next bytes or the next message that the plugin sends.
func (p *Peer) Receive() []byte {
	p.t.Helper()
	for {
		p.wire.mu.Lock()
		if len(p.wire.got) > 0 {
			b := p.wire.got[0]
			p.wire.got = p.wire.got[1:]
			p.wire.mu.Unlock()
			return b
		}
		closed, reason := p.wire.closed, p.wire.reason
		p.wire.mu.Unlock()
		if closed {
			p.t.Fatalf("the connection was closed: %s", reason)
		}
		select {
		case <-p.wire.wake:
		case <-time.After(callTimeout):
			p.t.Fatal("the plugin sends nothing")
		}
	}
}

// Closed waits until the connection is closed and returns the reason.
func (p *Peer) Closed() string {
	p.t.Helper()
	for {
		p.wire.mu.Lock()
		closed, reason := p.wire.closed, p.wire.reason
		p.wire.mu.Unlock()
		if closed {
			return reason
		}
		select {
		case <-p.wire.wake:
		case <-time.After(callTimeout):
			p.t.Fatal("the connection is still open")
		}
	}
}

// Close ends the connection from the peer's side.
func (p *Peer) Close() { p.conn.Closed(nil) }

// arrival is where peers of tests come from.
func arrival() plugin.Arrival { return plugin.Arrival{IP: "127.0.0.1", Port: 1} }

// Connect implements Host.
func (n *native) Connect() *Peer {
	n.t.Helper()
	var endpoint *hook.Endpoint
	for _, h := range n.manifest.Hooks {
		if h.Protocol != nil {
			endpoint = &h.Protocol.Listen[0]
		}
	}
	if endpoint == nil {
		n.t.Fatal(errNoHook)
	}
	if n.conns == nil {
		n.conns = plugin.NewConnections(n.manifest.Name, n.world.host.PluginNetwork(), speaker{n})
		n.t.Cleanup(n.conns.Close)
	}
	wire := newLoop()
	return &Peer{t: n.t, wire: wire, conn: n.conns.Open(*endpoint, wire, arrival())}
}

// speaker implements plugin.Speaker by a plugin that runs natively.
type speaker struct{ *native }

// Speak implements plugin.Speaker.
func (s speaker) Speak(export string, conn uint64, rec *abi.Record) (abi.Verdict, []byte) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	input := make([]byte, rec.Size())
	if _, err := rec.Encode(input); err != nil {
		return abi.VerdictError, []byte(err.Error())
	}
	hook := s.runner.ConnEvent
	switch export {
	case abi.ExportConnOpen:
		hook = s.runner.ConnOpen
	case abi.ExportConnData:
		hook = s.runner.ConnData
	}
	verdict, output := hook(conn, input)
	return verdict, bytes.Clone(output)
}

// HangUp implements plugin.Speaker.
func (s speaker) HangUp(conn uint64, reason abi.ConnReason) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	s.runner.ConnClose(conn, reason)
}

// ConnSend implements hostcall.Conns.
func (c *calls) ConnSend(conn uint64, flags uint8, b []byte) error {
	return c.conns.Send(conn, flags, b)
}

// ConnClose implements hostcall.Conns.
func (c *calls) ConnClose(conn uint64, reason string) error { return c.conns.End(conn, reason) }

// ConnState implements hostcall.Conns.
func (c *calls) ConnState(conn uint64, state []byte) error { return c.conns.Save(conn, state) }

// ConnTimer implements hostcall.Conns.
func (c *calls) ConnTimer(conn uint64, number int32, ms int64) error {
	return c.conns.SetTimer(conn, number, ms)
}

// Connect implements Host.
func (w *wasm) Connect() *Peer {
	w.t.Helper()
	wire := newLoop()
	conn, _, err := w.manager.Connect(wire, arrival())
	if err != nil {
		w.t.Fatal(err)
	}
	return &Peer{t: w.t, wire: wire, conn: conn}
}

// noNetwork has sessions, but no sockets.
type noNetwork struct{ plugin.Network }

// Listen implements plugin.Network.
func (noNetwork) Listen(e *hook.Endpoint) (plugin.Listener, error) { return noListener{e.TCP}, nil }

type noListener struct{ address string }

func (noListener) Serve(plugin.Accept) {}
func (l noListener) Addr() string      { return l.address }
func (noListener) Close()              {}
