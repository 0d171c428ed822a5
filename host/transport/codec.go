package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// codec is gorilla's side of a connection: it takes frames apart, answers
// control frames and compresses. Between two messages it has no state, so a
// connection borrows one while there are messages, and an idle connection does
// without.
type codec struct {
	ws   *websocket.Conn
	br   *bufio.Reader // what ws reads ahead
	wire *wire
}

// wire is the network as gorilla sees it: whichever connection has borrowed the
// codec.
type wire struct{ conn *Conn }

// codecs keeps codecs that nobody uses, for connections with and without
// compression.
type codecs struct {
	limit int64 // bytes of one message
	pools [2]sync.Pool
}

func (p *codecs) pool(compressed bool) *sync.Pool {
	if compressed {
		return &p.pools[1]
	}
	return &p.pools[0]
}

// borrow returns a codec for c.
func (p *codecs) borrow(c *Conn) *codec {
	k, _ := p.pool(c.compressed).Get().(*codec)
	if k == nil {
		k = newCodec(c.compressed, p.limit)
	}
	k.wire.conn = c
	return k
}

// giveBack takes back a codec that has read whole messages only.
func (p *codecs) giveBack(k *codec) {
	c := k.wire.conn
	k.wire.conn = nil
	p.pool(c.compressed).Put(k)
}

// peekSize is the smallest buffer that gorilla takes over.
const peekSize = 260

// newCodec makes a codec. Gorilla makes the server's side of a connection only
// in answer to a handshake, so it is shown one that nobody sees.
func newCodec(compressed bool, limit int64) *codec {
	k := &codec{wire: &wire{}}
	k.br = bufio.NewReaderSize(k.wire, peekSize)
	up := websocket.Upgrader{
		EnableCompression: compressed, CheckOrigin: func(*http.Request) bool { return true },
		WriteBufferPool: &sync.Pool{}, WriteBufferSize: 4 << 10,
	}
	request := &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection": {"upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Extensions": {"permessage-deflate"},
	}}
	ws, err := up.Upgrade(handshake{k}, request, nil)
	if err != nil {
		panic("gorilla/websocket refuses a valid handshake: " + err.Error())
	}
	ws.SetReadLimit(limit)
	ws.SetCloseHandler(func(code int, _ string) error { return k.wire.conn.onPeerClose(code) })
	ws.SetPingHandler(func(data string) error { return k.wire.conn.onPing(data) })
	ws.SetPongHandler(func(string) error { return k.wire.conn.onPong() })
	k.ws = ws
	return k
}

// handshake is the response to the handshake that nobody sees.
type handshake struct{ k *codec }

func (handshake) Header() http.Header         { return http.Header{} }
func (handshake) Write(b []byte) (int, error) { return len(b), nil }
func (handshake) WriteHeader(int)             {}

// Hijack implements http.Hijacker.
func (h handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.k.wire, bufio.NewReadWriter(h.k.br, bufio.NewWriterSize(io.Discard, 16)), nil
}

var errNoConnection = errors.New("the codec belongs to no connection")

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.conn == nil {
		return 0, errNoConnection
	}
	return w.conn.readBytes(p)
}

// Write implements net.Conn: control frames and compressed messages. What is
// written before a connection has borrowed the codec is its handshake.
func (w *wire) Write(p []byte) (int, error) {
	if w.conn != nil {
		w.conn.divert(p)
	}
	return len(p), nil
}

// The rest of net.Conn is the connection's own business.

func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
