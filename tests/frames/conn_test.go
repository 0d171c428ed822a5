package frames

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait for the server. It is only ever used up by a
// failure.
const patience = 15 * time.Second

const pingPrefix = `"primus::ping::`

// conn is one connection of the client. A goroutine reads it until it ends;
// heartbeats go their own way because they come at any time.
type conn struct {
	ws     *websocket.Conn
	frames chan string
	pings  chan string
	closed chan int  // receives the close code once
	ended  time.Time // when the connection ended; to be read after closed
}

// dial opens a connection; prepare gets it before anything is read.
func dial(t *testing.T, url string, prepare ...func(*websocket.Conn)) *conn {
	t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial(url, http.Header{})
	require.NoError(t, err, "open %s", url)
	require.NoError(t, resp.Body.Close())
	for _, p := range prepare {
		p(ws)
	}
	c := &conn{ws: ws, frames: make(chan string, 4096), pings: make(chan string, 4096), closed: make(chan int, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.read()
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-done
	})
	return c
}

func (c *conn) read() {
	// The server waits for our end of the connection after its close frame.
	defer c.ws.Close()
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			c.ended = time.Now()
			c.closed <- closeCode(err)
			return
		}
		if frame := string(data); strings.HasPrefix(frame, pingPrefix) {
			c.pings <- frame
		} else {
			c.frames <- frame
		}
	}
}

func closeCode(err error) int {
	var closing *websocket.CloseError
	if errors.As(err, &closing) {
		return closing.Code
	}
	return websocket.CloseAbnormalClosure
}

func (c *conn) send(t *testing.T, kind int, text string) {
	t.Helper()
	require.NoError(t, c.ws.WriteMessage(kind, []byte(text)))
}

// next waits for a frame. It fails the test when none comes.
func (c *conn) next(t *testing.T, deadline <-chan time.Time, want string) string {
	t.Helper()
	from := c.frames
	if strings.HasPrefix(want, pingPrefix) {
		from = c.pings
	}
	select {
	case frame := <-from:
		return frame
	case <-deadline:
		require.Fail(t, "no frame came", "recorded: %s", want)
	}
	return ""
}

// close closes the connection as the recorded client did: a code of 1005 is a
// close frame without a code, 1006 no close frame at all.
func (c *conn) close(t *testing.T, code int) {
	t.Helper()
	if code == websocket.CloseAbnormalClosure {
		require.NoError(t, c.ws.NetConn().Close())
		return
	}
	var payload []byte
	if code != websocket.CloseNoStatusReceived {
		payload = websocket.FormatCloseMessage(code, "bye")
	}
	err := c.ws.WriteControl(websocket.CloseMessage, payload, time.Now().Add(patience))
	require.NoError(t, err)
	c.awaitClose(t)
}

func (c *conn) awaitClose(t *testing.T) int {
	t.Helper()
	select {
	case code := <-c.closed:
		return code
	case <-time.After(patience):
		require.Fail(t, "the server did not close the connection")
	}
	return 0
}
