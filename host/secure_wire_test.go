package host_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
)

// wire is a session that says what no client would.
type wire struct {
	t       *testing.T
	ws      *websocket.Conn
	eventID int
}

// secureWire logs in over a websocket of its own.
func secureWire(t *testing.T, h *host.Host, user, password string) *wire {
	t.Helper()
	w := openWire(t, h)
	answer := w.ask(fmt.Sprintf(`{"action":"login","data":{"username":%q,"password":%q}}`, user, password))
	require.Contains(t, answer, `"status":"ok"`)
	return w
}

// openWire is connected and has not logged in.
func openWire(t *testing.T, h *host.Host) *wire {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/ws", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.Close() })
	return &wire{t: t, ws: ws}
}

// ask sends a request, a JSON object, with an eventId of its own and returns the
// answer. What is pushed before it is passed over.
func (w *wire) ask(request string) string {
	w.t.Helper()
	w.eventID++
	id := `"eventId":` + strconv.Itoa(w.eventID)
	require.NoError(w.t, w.ws.WriteMessage(websocket.TextMessage, []byte("{"+id+","+request[1:])))
	for {
		require.NoError(w.t, w.ws.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, frame, err := w.ws.ReadMessage()
		require.NoError(w.t, err, "no answer to %s", request)
		if answer := string(frame); strings.Contains(answer, id+",") || strings.Contains(answer, id+"}") {
			return answer
		}
	}
}

// hearing hands on the paths of publications.
func hearing(to chan<- string) client.Handler {
	return func(_ context.Context, p client.Publication) { to <- p.Meta.Path }
}
