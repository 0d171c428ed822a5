package transport

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// Peer is the other side of a connection as the handler sees it. Its methods
// are called by the connection's reading goroutine, except ServerPings and Gone.
type Peer interface {
	// Frame handles the text of one frame, which is borrowed. An error means
	// that the text was not JSON.
	Frame(text []byte) error

	// Refused tells of a frame that is not handed on, with the reason.
	Refused(reason string)

	// Idle is called when everything that has arrived is handled, before
	// waiting for more: the time to flush.
	Idle()

	// ServerPings reports whether the peer speaks a protocol in which the
	// server sends the heartbeats. Called from the heartbeat's goroutine.
	ServerPings() bool

	// Gone is called when nothing more can be sent to the peer, so that work for
	// it can stop. Called from any goroutine, at least once before Closed.
	Gone()

	// Closed is called once, when the connection has ended; err says why, nil
	// if the peer closed it in good order.
	Closed(err error)
}

// Conn is one websocket connection. Send, Flush and Close may be called from
// any goroutine.
type Conn struct {
	server *Server
	peer   Peer                 // of who reads; others ask leaver
	leaver atomic.Pointer[Peer] // the same; nil until the peer is known, which Send and Close need not wait for
	stream stream
	out    outbox
	remote string // peer's address, for logs

	primus     bool       // Primus framing, otherwise plain
	owned      *ownedPeer // the peer of a connection that somebody else speaks for, or nil
	bytes      bool       // a stream of bytes, not a websocket
	compressed bool
	compressMu sync.Mutex // one compressed message at a time

	codec *codec  // borrowed while messages are being read
	frame *[]byte // pooled, likewise

	lastSeen atomic.Int64 // Unix ms of the last sign of life that counts
	pinged   atomic.Int64 // Unix ms of the ping that waits for its answer, 0 if none does
	skipped  int          // beats without an answer; the heartbeat's own
	closing  atomic.Bool
	behind   atomic.Bool // closing because the peer does not read
}

// Info is what the upgrade request said.
type Info struct {
	RemoteIP    string
	RemotePort  int
	TLS         bool
	URL         string      // request URI, "" for connections to a port of their own
	Subprotocol string      // of a websocket at an Endpoint, "" for none
	Header      [][2]string // the headers that say where a session comes from, names in lower case
}

// Primus reports whether the connection uses Primus framing.
func (c *Conn) Primus() bool { return c.primus }

// Send queues one text frame. The payload is borrowed, unless stable is set:
// then it must never change and may be kept. Send reports whether the caller
// must call Flush soon; if not, somebody else has already promised to. What is
// sent to a closed connection is dropped.
func (c *Conn) Send(payload []byte, stable bool) (flush bool) {
	return c.sendMessage(websocket.TextMessage, payload, stable)
}

func (c *Conn) sendMessage(kind int, payload []byte, stable bool) (flush bool) {
	if c.compressed {
		return c.sendCompressed(kind, payload)
	}
	var room [10]byte
	header := room[:0]
	if !c.bytes {
		header = appendHeader(header, kind, len(payload))
	}
	flush, err := c.out.send(header, payload, stable)
	if errors.Is(err, errSlowReader) {
		c.fellBehind(err)
	}
	return flush
}

func (c *Conn) sendCompressed(kind int, payload []byte) bool {
	c.compressMu.Lock()
	defer c.compressMu.Unlock()
	k := c.server.codecs.borrow(c)
	if err := k.ws.WriteMessage(kind, payload); err != nil {
		return false
	}
	c.server.codecs.giveBack(k)
	return true
}

// divert queues what gorilla writes: control frames and compressed messages.
func (c *Conn) divert(b []byte) {
	if _, err := c.out.send(b, nil, false); errors.Is(err, errSlowReader) {
		c.fellBehind(err)
	}
}

// Flush writes what is queued as far as the socket takes it, without waiting.
func (c *Conn) Flush() { c.out.flush() }

// QueuedBytes returns how much waits to be written.
func (c *Conn) QueuedBytes() int { return c.out.depth() }

// Gone reports whether the peer has ended the connection, as far as the system can
// tell without reading what was sent before. It may be called until Peer.Closed.
// Who shuts down only its sending half counts as gone: reading would end the
// connection at the same point.
func (c *Conn) Gone() bool { return c.stream.left() }

// Close ends the connection after what is queued has been written. With final
// set, a Primus client is told not to come back. code is a close code of RFC
// 6455, or 0 to send none, as happn-3 does.
func (c *Conn) Close(code int, reason string, final bool) {
	c.end(code, reason, final, false)
}

// fellBehind ends the connection of a peer that does not read: what waits is
// thrown away, so that the reason can be sent as soon as the peer reads again.
func (c *Conn) fellBehind(err error) {
	c.behind.Store(true)
	if c.end(websocket.CloseTryAgainLater, "write queue full: read faster or subscribe to less", false, !c.compressed) {
		c.server.log.Warn("closing a connection that reads too slowly", "remote", c.remote, "error", err)
		c.server.stats.SlowReaders.Add(1)
	}
}

// closeGrace is how long a peer has to answer a close frame.
const closeGrace = 2 * time.Second

// end closes the connection in order, and reports false if that has begun before.
func (c *Conn) end(code int, reason string, final, discard bool) bool {
	if c.closing.Swap(true) {
		return false
	}
	if c.bytes {
		c.out.finish(nil, discard)
		_ = c.stream.socket.SetReadDeadline(time.Unix(1, 0)) // see dismiss
		c.gone()
		return true
	}
	var last []byte
	if final && c.primus {
		const bye = `"primus::server::close"`
		last = append(appendHeader(nil, websocket.TextMessage, len(bye)), bye...)
	}
	var payload []byte
	if code != 0 {
		payload = websocket.FormatCloseMessage(code, reason)
	}
	last = append(appendHeader(last, websocket.CloseMessage, len(payload)), payload...)
	c.out.finish(last, discard)
	_ = c.stream.socket.SetReadDeadline(time.Now().Add(closeGrace))
	c.gone()
	return true
}

var errClosedByHost = errors.New("closed by the host")

// appendHeader appends the header of an unmasked, final frame (RFC 6455, 5.2).
func appendHeader(b []byte, opcode int, length int) []byte {
	b = append(b, 0x80|byte(opcode))
	switch {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return append(b, 126, byte(length>>8), byte(length))
	}
	return append(b, 127, 0, 0, 0, 0, byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
}

// run reads until the connection ends.
func (c *Conn) run() {
	err := c.read()
	c.releaseFrame()
	if c.bytes && errors.Is(err, io.EOF) && !c.closing.Load() {
		c.owned.ended()
	}
	c.server.park(c)
	// After its close frame, or its end of the connection, a peer has nothing
	// more to say.
	silent := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isClose(err)
	switch {
	case c.owned != nil && c.behind.Load():
		err = errSlowReader
	case c.closing.Load() || isOrderly(err) || c.bytes && errors.Is(err, io.EOF):
		err = nil
	}
	c.closing.Store(true)
	c.peer.Gone()
	c.peer.Closed(err)
	c.out.finish(nil, false)
	c.out.wait()
	if !silent {
		c.dismiss()
	}
	_ = c.stream.socket.Close()
	c.stream.releaseBuffer()
	c.server.forget(c)
}

// dismiss takes off the socket what the peer has sent and nobody read: otherwise
// closing would reset the connection, and the peer lose what was sent to it
// last.
func (c *Conn) dismiss() {
	socket := c.stream.socket
	if half, ok := socket.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = socket.SetReadDeadline(time.Now().Add(closeGrace))
		_, _ = io.Copy(io.Discard, socket)
	}
}

func isClose(err error) bool {
	var closed *websocket.CloseError
	return errors.As(err, &closed)
}

func isOrderly(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived)
}

func (c *Conn) read() error {
	if c.bytes {
		return c.readStream()
	}
	for {
		// Waiting here rather than inside gorilla keeps the stack of an idle
		// connection's goroutine small, and lets it hold no buffer.
		if len(c.stream.pending) == 0 && (c.codec == nil || c.codec.br.Buffered() == 0) {
			c.rest()
			if err := c.stream.fill(); err != nil {
				return err
			}
		}
		if c.codec == nil {
			c.codec = c.server.codecs.borrow(c)
		}
		if err := c.readMessage(); err != nil {
			return err
		}
	}
}

// onEmpty lets out what was answered, before the connection is waited for.
func (c *Conn) onEmpty() {
	c.peer.Idle()
	c.out.flush()
}

// rest gives back what the connection needs only while messages arrive.
func (c *Conn) rest() {
	c.releaseFrame()
	if c.codec != nil {
		c.server.codecs.giveBack(c.codec)
		c.codec = nil
	}
}

// readBytes gives gorilla bytes of the message that it is reading.
func (c *Conn) readBytes(p []byte) (int, error) {
	if len(c.stream.pending) == 0 {
		if err := c.stream.fill(); err != nil {
			return 0, err
		}
	}
	return c.stream.take(p), nil
}

func (c *Conn) readMessage() error {
	kind, r, err := c.codec.ws.NextReader()
	if err != nil {
		return err
	}
	text, err := c.readAll(r)
	if err != nil {
		return err
	}
	if c.owned != nil && !c.closing.Load() {
		c.readOwned(kind, text)
		return nil
	}
	switch {
	case c.closing.Load(): // only the answer to our close frame is of interest now
	case kind != websocket.TextMessage:
		c.peer.Refused("binary frames are not accepted: send JSON as text")
	case c.primus && c.reserved(text):
	default:
		if !c.primus {
			c.alive()
		}
		if err := c.peer.Frame(text); err != nil && !utf8.Valid(text) {
			c.Close(websocket.CloseInvalidFramePayloadData, "text frames must be UTF-8", false)
		}
	}
	return nil
}

var frameBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// maxPooledFrame keeps one huge message from staying in the pool.
const maxPooledFrame = 256 << 10

// readAll reads one message into the connection's frame buffer. The limit is
// checked here too, since gorilla counts compressed bytes.
func (c *Conn) readAll(r io.Reader) ([]byte, error) {
	if c.frame == nil {
		c.frame = frameBuffers.Get().(*[]byte)
	}
	b := (*c.frame)[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if len(b) > c.server.config.MaxMessageBytes {
			c.Close(websocket.CloseMessageTooBig, "", false)
			return nil, websocket.ErrReadLimit
		}
		if err != nil {
			*c.frame = b
			if err == io.EOF {
				return b, nil
			}
			return nil, err
		}
	}
}

func (c *Conn) releaseFrame() {
	if c.frame == nil {
		return
	}
	if cap(*c.frame) <= maxPooledFrame {
		frameBuffers.Put(c.frame)
	}
	c.frame = nil
}

// writeFailed is called when nothing more can be written.
func (c *Conn) writeFailed(err error) {
	if !c.closing.Swap(true) {
		c.server.log.Debug("a connection cannot be written to", "remote", c.remote, "error", err)
	}
	_ = c.stream.socket.SetReadDeadline(time.Unix(1, 0))
	c.gone()
}

// knows makes the peer known.
func (c *Conn) knows(peer Peer) {
	c.peer = peer
	c.leaver.Store(&peer)
}

// gone tells the peer that nothing more can be sent, if it is known. One that is not
// hears of it when reading ends, at once.
func (c *Conn) gone() {
	if peer := c.leaver.Load(); peer != nil {
		(*peer).Gone()
	}
}

func (c *Conn) onPeerClose(code int) error {
	if code == websocket.CloseNoStatusReceived {
		code = 0
	}
	c.end(code, "", false, false)
	return nil
}

func (c *Conn) onPing(data string) error {
	c.alive()
	b := append(appendHeader(nil, websocket.PongMessage, len(data)), data...)
	c.divert(b)
	return nil
}

func (c *Conn) onPong() error {
	c.alive()
	return nil
}
