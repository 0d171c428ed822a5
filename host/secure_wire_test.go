package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
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
	t       testing.TB
	ws      *websocket.Conn
	id      string // of the session, once it has logged in
	eventID int
}

// secureWire logs in over a websocket of its own.
func secureWire(t *testing.T, h *host.Host, user, password string) *wire {
	t.Helper()
	w := openWire(t, h)
	answer := w.ask(fmt.Sprintf(`{"action":"login","data":{"username":%q,"password":%q}}`, user, password))
	require.Contains(t, answer, `"status":"ok"`)
	var session struct{ Data struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(answer), &session))
	w.id = session.Data.ID
	return w
}

// openWire is connected and has not logged in.
func openWire(t testing.TB, h *host.Host) *wire {
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
	all := strings.Split(w.all(request), "\n")
	return all[len(all)-1]
}

// all is ask, with what was pushed before the answer, a line for each frame.
func (w *wire) all(request string) string {
	w.t.Helper()
	w.say(request)
	return w.await(`"eventId":` + strconv.Itoa(w.eventID) + `[,}]`)
}

// say sends a request with an eventId of its own.
func (w *wire) say(request string) {
	w.t.Helper()
	w.eventID++
	frame := fmt.Sprintf(`{"eventId":%d,%s`, w.eventID, request[1:])
	require.NoError(w.t, w.ws.WriteMessage(websocket.TextMessage, []byte(frame)))
}

// await returns the frames up to one that matches, a line for each.
func (w *wire) await(pattern string) string {
	w.t.Helper()
	wanted := regexp.MustCompile(pattern)
	var frames []string
	for {
		require.NoError(w.t, w.ws.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, frame, err := w.ws.ReadMessage()
		require.NoError(w.t, err, "no frame with %s", pattern)
		frames = append(frames, string(frame))
		if wanted.Match(frame) {
			return strings.Join(frames, "\n")
		}
	}
}

// hearing hands on the paths of publications.
func hearing(to chan<- string) client.Handler {
	return func(_ context.Context, p client.Publication) { to <- p.Meta.Path }
}
