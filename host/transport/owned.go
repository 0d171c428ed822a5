package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// Owner is who speaks for a connection in place of the Handler's peers: a
// connection to a port of its own, or a websocket at an Endpoint. Data, Ended and
// Closed are called by the connection's reading goroutine, the others by any.
type Owner interface {
	// Data takes what has arrived: some bytes, or a whole message. They are
	// borrowed. Nothing more is read before it returns.
	Data(b []byte, text bool)

	// Ended is called when the peer has nothing more to say, though it may still
	// read. The connection ends when it returns.
	Ended()

	// Writable is called when a queue that had to wait has been written.
	Writable()

	// Gone is called when nothing more can be sent, at least once before Closed.
	Gone()

	// Closed is called once, when the connection has ended; err says why, nil if
	// that was in good order.
	Closed(err error)
}

// AcceptOwner returns the owner of a new connection, or closes it by an error. It
// may send at once.
type AcceptOwner func(c *Conn, info Info) (Owner, error)

// Endpoint is a path for websockets that somebody else speaks for.
type Endpoint struct {
	// Subprotocols are those to choose from, the best first. A client must offer
	// one of them, unless there are none.
	Subprotocols []string
	Accept       AcceptOwner
}

// ownedPeer makes a Peer of an owner, which comes a little later than the
// connection.
type ownedPeer struct {
	mu    sync.Mutex
	owner Owner
	gone  bool
	held  bool // the owner takes its time with what has arrived
	bytes bool
}

func (p *ownedPeer) get() Owner {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owner
}

func (p *ownedPeer) set(o Owner) {
	p.mu.Lock()
	p.owner = o
	gone := p.gone
	p.mu.Unlock()
	if gone {
		o.Gone()
	}
}

func (p *ownedPeer) data(b []byte, text bool) {
	p.hold(true)
	p.get().Data(b, text)
	p.hold(false)
}

func (p *ownedPeer) hold(held bool) {
	p.mu.Lock()
	p.held = held
	p.mu.Unlock()
}

// silent reports whether there is nothing that a heartbeat could tell: the peer's
// answer would not be read now, or no protocol has one.
func (p *ownedPeer) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held || p.bytes
}

func (p *ownedPeer) ended() { p.get().Ended() }

// Frame implements Peer.
func (p *ownedPeer) Frame([]byte) error { return nil }

// Refused implements Peer.
func (p *ownedPeer) Refused(string) {}

// Idle implements Peer.
func (p *ownedPeer) Idle() {}

// ServerPings implements Peer.
func (p *ownedPeer) ServerPings() bool { return true }

// Gone implements Peer.
func (p *ownedPeer) Gone() {
	p.mu.Lock()
	o := p.owner
	p.gone = true
	p.mu.Unlock()
	if o != nil {
		o.Gone()
	}
}

// Closed implements Peer.
func (p *ownedPeer) Closed(err error) {
	if o := p.get(); o != nil {
		o.Closed(err)
	}
}

// written is called when a queue that had to wait has been written.
func (c *Conn) written() {
	if c.owned == nil {
		return
	}
	if o := c.owned.get(); o != nil {
		o.Writable()
	}
}

// SendMessage queues bytes on a connection with an owner: a whole message of text
// or of any bytes where it has messages. They are borrowed, and need a Flush.
func (c *Conn) SendMessage(b []byte, text bool) {
	kind := websocket.BinaryMessage
	if text {
		kind = websocket.TextMessage
	}
	c.sendMessage(kind, b, false)
}

// maxReason is how much of a reason a close frame holds, in bytes.
const maxReason = 123

// End ends a connection with an owner after what is queued. A websocket tells the
// reason.
func (c *Conn) End(reason string) {
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
	c.end(websocket.CloseNormalClosure, reason, false, false)
}

// RefuseText ends a websocket whose peer should have sent bytes, not text.
func (c *Conn) RefuseText() {
	c.end(websocket.CloseUnsupportedData, "send binary messages", false, false)
}

// Owned reports whether the connection has an owner.
func (c *Conn) Owned() bool { return c.owned != nil }

// readStream hands on bytes as they come.
func (c *Conn) readStream() error {
	for {
		if len(c.stream.pending) == 0 {
			if err := c.stream.fill(); err != nil {
				return err
			}
		}
		if c.closing.Load() {
			return errClosedByHost
		}
		c.owned.data(c.stream.pending, false)
		c.stream.releaseBuffer()
	}
}

// readOwned hands on a message.
func (c *Conn) readOwned(kind int, message []byte) {
	c.alive()
	text := kind == websocket.TextMessage
	if text && !utf8.Valid(message) {
		c.Close(websocket.CloseInvalidFramePayloadData, "text frames must be UTF-8", false)
		return
	}
	c.owned.data(message, text)
}

// own makes c a connection with an owner, and starts it.
func (s *Server) own(c *Conn, info Info, accept AcceptOwner) {
	s.start(c, func() (Peer, error) {
		owner, err := accept(c, info)
		if err != nil {
			return nil, err
		}
		c.owned.set(owner)
		return c.owned, nil
	})
}

func newOwned(s *Server, bytes bool) *Conn {
	p := &ownedPeer{bytes: bytes}
	c := &Conn{server: s, owned: p, bytes: bytes}
	c.knows(p)
	return c
}

// full reports whether there are as many connections as may be.
func (s *Server) full() bool {
	if s.max <= 0 {
		return false
	}
	open := int(s.stats.Open.Load())
	if s.beside != nil {
		open += s.beside()
	}
	return open >= s.max
}

// upgradeOwned turns a request into a websocket at an endpoint.
func (s *Server) upgradeOwned(w http.ResponseWriter, r *http.Request, e *Endpoint) {
	if s.full() {
		http.Error(w, "too many sessions: limits.sessions is reached", http.StatusServiceUnavailable)
		return
	}
	header := http.Header{}
	info := infoOf(r)
	if len(e.Subprotocols) > 0 {
		offered := websocket.Subprotocols(r)
		at := slices.IndexFunc(e.Subprotocols, func(one string) bool { return slices.Contains(offered, one) })
		if at < 0 {
			http.Error(w, "the client has to offer one of the websocket subprotocols of this path", http.StatusBadRequest)
			return
		}
		info.Subprotocol = e.Subprotocols[at]
		header.Set("Sec-Websocket-Protocol", info.Subprotocol)
	}
	c := newOwned(s, false)
	if s.shake(c, w, r, header) {
		s.own(c, info, e.Accept)
	}
}

// acceptPause is how long is waited after a failure to accept, which is nearly
// always that there are too many open files.
const acceptPause = 50 * time.Millisecond

// ServeStream accepts connections of bytes from l until it is closed, encrypted if
// secure is not nil. It returns at once.
func (s *Server) ServeStream(l net.Listener, secure *tls.Config, accept AcceptOwner) {
	if !s.working() {
		return
	}
	go func() {
		defer s.loops.Done()
		for {
			socket, err := l.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil:
				s.log.Warn("a connection could not be accepted", "address", l.Addr().String(), "error", err)
				time.Sleep(acceptPause)
			case s.full() || !s.working():
				_ = socket.Close()
			default:
				go func() {
					defer s.loops.Done()
					s.welcome(socket, secure, accept)
				}()
			}
		}
	}()
}

// working has Shutdown wait for a goroutine that begins now, unless the server is
// stopping.
func (s *Server) working() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.loops.Add(1)
	}
	return !s.stopping
}

// welcome makes a connection of a socket.
func (s *Server) welcome(socket net.Conn, secure *tls.Config, accept AcceptOwner) {
	remote := socket.RemoteAddr().String()
	if secure != nil {
		encrypted := tls.Server(socket, secure)
		_ = socket.SetDeadline(time.Now().Add(s.handshake))
		if err := encrypted.Handshake(); err != nil {
			s.log.Debug("a connection was not encrypted", "remote", remote, "error", err)
			_ = socket.Close()
			return
		}
		_ = socket.SetDeadline(time.Time{})
		socket = encrypted
	}
	c := newOwned(s, true)
	c.init(socket, remote)
	s.own(c, addressInfo(remote, secure != nil), accept)
}
