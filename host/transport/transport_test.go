package transport_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each frame with itself, or with n bytes if it says "n".
type echo struct {
	conn    *transport.Conn
	pings   bool
	refused chan string
	closed  chan error
}

func (e *echo) Frame(text []byte) error {
	if n, err := strconv.Atoi(string(text)); err == nil {
		e.conn.Send([]byte(strings.Repeat("x", n)), true)
		return nil
	}
	e.conn.Send(text, false)
	return nil
}
func (e *echo) Refused(reason string) { e.refused <- reason }
func (e *echo) Idle()                 {}
func (e *echo) ServerPings() bool     { return e.pings }
func (e *echo) Gone()                 {}
func (e *echo) Closed(err error)      { e.closed <- err }

type handler struct {
	pings   bool
	peers   chan *echo
	welcome func(c *transport.Conn) // nil for none
}

func (h *handler) Accept(c *transport.Conn, _ transport.Info) (transport.Peer, error) {
	e := &echo{conn: c, pings: h.pings, refused: make(chan string, 10), closed: make(chan error, 1)}
	h.peers <- e
	if h.welcome != nil {
		h.welcome(c)
	}
	return e, nil
}

type fixture struct {
	server  *transport.Server
	handler *handler
	address string
}

func serve(t testing.TB, change func(*config.Config)) *fixture {
	t.Helper()
	c := config.Default()
	c.Websocket.PingInterval = 0
	if change != nil {
		change(&c)
	}
	f := &fixture{handler: &handler{pings: true, peers: make(chan *echo, 20000)}}
	f.server = transport.NewServer(transport.Options{Config: c, Handler: f.handler, Logger: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.address = l.Addr().String()
	f.server.Serve(l)
	t.Cleanup(func() { shutdown(f.server) })
	return f
}

func shutdown(s *transport.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.Quiesce(ctx)
	_ = s.Shutdown(ctx, func(c *transport.Conn) { c.Close(0, "", false) })
}

func (f *fixture) dial(t testing.TB, path string, header http.Header) (*websocket.Conn, *echo) {
	t.Helper()
	d := websocket.Dialer{EnableCompression: header.Get("Compress") != ""}
	c, resp, err := d.Dial("ws://"+f.address+path, header)
	require.NoError(t, err)
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	return c, <-f.handler.peers
}

func read(t testing.TB, c *websocket.Conn) string {
	t.Helper()
	_, text, err := c.ReadMessage()
	require.NoError(t, err)
	return string(text)
}

func TestFramesOfAllSizesComeBackInOrder(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run("compression "+strconv.FormatBool(compress), func(t *testing.T) {
			f := serve(t, func(c *config.Config) { c.Websocket.Compression = compress })
			header := http.Header{}
			if compress {
				header.Set("Compress", "yes")
			}
			c, _ := f.dial(t, "/primus?_primuscb=x", header)
			sizes := []int{0, 1, 125, 126, 300, 4096, 5000, 65535, 65536, 300_000, 2_000_000}
			go func() {
				for _, n := range sizes {
					_ = c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("a"), n))
				}
			}()
			for _, n := range sizes {
				assert.Equal(t, n, len(read(t, c)))
			}
		})
	}
}

func TestPrimusControlStrings(t *testing.T) {
	f := serve(t, nil)
	c, _ := f.dial(t, "/primusXYZ", nil)
	send := func(s string) { require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(s))) }
	send(`"primus::ping::123"`)
	assert.Equal(t, `"primus::pong::123"`, read(t, c))
	send(`"primus::foo::"`)
	send(`"primus::id::"`)
	assert.Regexp(t, `^"primus::id::[\w-]{21}"$`, read(t, c))
}

func TestHeartbeatsKeepTheLivingAndDropTheDead(t *testing.T) {
	for _, path := range []string{"/primus", "/ws"} {
		t.Run(path, func(t *testing.T) {
			f := serve(t, func(c *config.Config) {
				c.Websocket.PingInterval, c.Websocket.AllowSkippedHeartbeats = 20*time.Millisecond, 1
			})
			c, _ := f.dial(t, path, nil)
			dead, deadPeer := f.dial(t, path, nil)
			dead.SetPingHandler(func(string) error { return nil })
			go func() { // reads, but never answers
				for {
					if _, _, err := dead.ReadMessage(); err != nil {
						return
					}
				}
			}()
			pings := 0
			var writing sync.Mutex
			write := func(text string) error {
				writing.Lock()
				defer writing.Unlock()
				return c.WriteMessage(websocket.TextMessage, []byte(text))
			}
			c.SetPingHandler(func(data string) error {
				pings++
				return c.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
			})
			ended := make(chan struct{})
			go func() {
				<-deadPeer.closed
				_ = write("done")
				close(ended)
			}()
			for {
				text := read(t, c)
				if text == "done" {
					break
				}
				pings++
				require.True(t, strings.HasPrefix(text, `"primus::ping::`), text)
				require.NoError(t, write(strings.Replace(text, "ping", "pong", 1)))
			}
			<-ended
			assert.GreaterOrEqual(t, pings, 2)
			assert.EqualValues(t, 1, f.server.Stats().DeadPeers.Load())
		})
	}
}

func TestOversizedMessagesCloseWith1009(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.Websocket.MaxMessageBytes = 1000 })
	c, peer := f.dial(t, "/primus", nil)
	require.NoError(t, c.WriteMessage(websocket.TextMessage, make([]byte, 1001)))
	_, _, err := c.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, websocket.CloseMessageTooBig), "%v", err)
	<-peer.closed
}

func TestACompressedBombIsMeasuredAfterInflating(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.Websocket.MaxMessageBytes, c.Websocket.Compression = 100_000, true })
	c, peer := f.dial(t, "/primus", http.Header{"Compress": {"yes"}})
	require.NoError(t, c.WriteMessage(websocket.TextMessage, make([]byte, 1_000_000)))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second))) // used up only if it is let through
	_, _, err := c.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseMessageTooBig), "%v", err)
	<-peer.closed
}

func TestASlowReaderIsToldAndClosed(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.Websocket.WriteQueueBytes = 256 << 10 })
	c, peer := f.dial(t, "/primus", nil)
	block := bytes.Repeat([]byte("y"), 32<<10)
	for range 2000 { // far more than socket buffers hold
		if peer.conn.Send(block, true) {
			peer.conn.Flush()
		}
	}
	assert.LessOrEqual(t, peer.conn.QueuedBytes(), 300<<10)
	var err error
	for err == nil {
		_, _, err = c.ReadMessage()
	}
	assert.True(t, websocket.IsCloseError(err, websocket.CloseTryAgainLater), "%v", err)
	assert.ErrorContains(t, err, "write queue full")
	<-peer.closed
	assert.EqualValues(t, 1, f.server.Stats().SlowReaders.Load())
}

func TestClosingForGoodTellsPrimusFirst(t *testing.T) {
	f := serve(t, nil)
	c, peer := f.dial(t, "/primus", nil)
	peer.conn.Send([]byte("last"), false)
	peer.conn.Close(0, "", true)
	assert.Equal(t, "last", read(t, c))
	assert.Equal(t, `"primus::server::close"`, read(t, c))
	_, _, err := c.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, websocket.CloseNoStatusReceived), "%v", err)
	assert.NoError(t, <-peer.closed)
}

// Whoever accepts a connection makes it known to others, who may send and close, and whose
// writes may fail, before it is accepted.
func TestAConnectionMayEndBeforeItIsAccepted(t *testing.T) {
	for name, welcome := range map[string]func(c *transport.Conn){
		"the host closes it": func(c *transport.Conn) { go c.Close(0, "", true) },
		"its peer has gone": func(c *transport.Conn) {
			for c.QueuedBytes() < 8<<20 && !c.Gone() {
				c.Send(bytes.Repeat([]byte("x"), 64<<10), false)
				c.Flush()
			}
			c.Send([]byte("more"), false)
			c.Flush()
			for end := time.Now().Add(time.Second); c.QueuedBytes() > 0 && time.Now().Before(end); runtime.Gosched() {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, nil)
			f.handler.welcome = welcome
			c, peer := f.dial(t, "/primus", nil)
			_ = c.Close()
			<-peer.closed
		})
	}
}

func TestThePeerMayClose(t *testing.T) {
	f := serve(t, nil)
	c, peer := f.dial(t, "/ws", nil)
	require.NoError(t, c.WriteMessage(websocket.CloseMessage, nil))
	_, _, err := c.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, websocket.CloseNoStatusReceived), "%v", err)
	assert.NoError(t, <-peer.closed)
}

func TestBrokenFramesEndTheConnection(t *testing.T) {
	f := serve(t, nil)
	for name, raw := range map[string]string{
		"reserved bits":  "\xf1\x80\x00\x00\x00\x00",
		"not masked":     "\x81\x01a",
		"unknown opcode": "\x83\x80\x00\x00\x00\x00",
		"cut off":        "\x81\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			c, peer := f.dial(t, "/primus", nil)
			_, err := c.NetConn().Write([]byte(raw))
			require.NoError(t, err)
			if name == "cut off" {
				_ = c.Close()
			}
			assert.Error(t, <-peer.closed)
		})
	}
}

func TestBinaryFramesAreRefused(t *testing.T) {
	f := serve(t, nil)
	c, peer := f.dial(t, "/ws", nil)
	require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte("{}")))
	assert.Contains(t, <-peer.refused, "binary")
}

func TestPlainHTTPAround(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.Websocket.Origins = []string{"https://good.example"} })
	get := func(path string, header http.Header) *http.Response {
		req, err := http.NewRequest(http.MethodGet, "http://"+f.address+path, nil)
		require.NoError(t, err)
		req.Header = header
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		t.Cleanup(func() { _, _ = io.Copy(io.Discard, resp.Body); _ = resp.Body.Close() })
		return resp
	}
	upgrade := func(origin, version string) http.Header {
		h := http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {version},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		if origin != "" {
			h.Set("Origin", origin)
		}
		return h
	}
	assert.Equal(t, 426, get("/primus", nil).StatusCode)
	assert.Equal(t, 426, get("/ws", nil).StatusCode)
	assert.Equal(t, 200, get("/primus/spec", nil).StatusCode)
	assert.Equal(t, 404, get("/nothing", nil).StatusCode)
	assert.Equal(t, 404, get("/other", upgrade("", "13")).StatusCode)
	assert.Equal(t, 403, get("/primus", upgrade("https://evil.example", "13")).StatusCode)
	bad := get("/primus", upgrade("", "12"))
	assert.Equal(t, 400, bad.StatusCode)
	assert.Equal(t, "13, 8", bad.Header.Get("Sec-WebSocket-Version"))
	cors := get("/primus/spec", http.Header{"Origin": {"https://good.example"}})
	assert.Equal(t, "https://good.example", cors.Header.Get("Access-Control-Allow-Origin"))
	http.DefaultClient.CloseIdleConnections()
}

func TestTheFirstSubprotocolIsEchoed(t *testing.T) {
	f := serve(t, nil)
	c, _ := f.dial(t, "/primus", http.Header{"Sec-Websocket-Protocol": {"one, two"}})
	assert.Equal(t, "one", c.Subprotocol())
}

func TestManySendersToOneConnection(t *testing.T) {
	f := serve(t, nil)
	c, peer := f.dial(t, "/primus", nil)
	const senders, each = 8, 500
	var wg sync.WaitGroup
	for i := range senders {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range each {
				text := strings.Repeat(strconv.Itoa(i), 1+n*7%900) + "." + strconv.Itoa(n)
				if peer.conn.Send([]byte(text), n%3 == 0) {
					peer.conn.Flush()
				}
			}
		}()
	}
	next := map[byte]int{}
	for range senders * each {
		text := read(t, c)
		head, n, ok := strings.Cut(text, ".")
		require.True(t, ok)
		require.Equal(t, strings.Repeat(head[:1], len(head)), head)
		require.Equal(t, strconv.Itoa(next[head[0]]), n, "frames of one sender stay in order")
		next[head[0]]++
	}
	wg.Wait()
}

func TestTooManySessions(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.Limits.Sessions = 1 })
	f.dial(t, "/primus", nil)
	_, resp, err := websocket.DefaultDialer.Dial("ws://"+f.address+"/primus", nil)
	require.Error(t, err)
	defer resp.Body.Close()
	assert.Equal(t, 503, resp.StatusCode)
}
