package crash

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) { os.Exit(testhost.Main(m)) }

// patience bounds every wait. It is only used up by a failure.
const patience = 15 * time.Second

// response is what these tests read of an answer.
type response struct {
	Data json.RawMessage `json:"data"`
	Meta struct {
		EventID int    `json:"eventId"`
		Status  string `json:"status"`
		Action  string `json:"action"`
	} `json:"_meta"`
}

func dial(t *testing.T, server *testhost.Server) *websocket.Conn {
	t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial("ws://"+server.Addr()+"/primus", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

func configure(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	ask(t, ws, 1, `{"action":"configure-session","eventId":1,"data":{"protocol":"happn_4","version":"13.12.1","browser":false}}`)
}

// ask sends a request and waits for the frame that answers its event id,
// passing over others.
func ask(t *testing.T, ws *websocket.Conn, eventID int, request string) json.RawMessage {
	t.Helper()
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(request)))
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(patience)))
	for {
		_, frame, err := ws.ReadMessage()
		require.NoError(t, err, "waiting for the answer to %s", request)
		if eventOf(frame) == eventID {
			return frame
		}
	}
}

// eventOf is the event id of a response, be it an object or a list that ends
// with its meta.
func eventOf(frame []byte) int {
	var one response
	if json.Unmarshal(frame, &one) == nil {
		return one.Meta.EventID
	}
	var list []struct {
		EventID int `json:"eventId"`
	}
	if json.Unmarshal(frame, &list) == nil && len(list) > 0 {
		return list[len(list)-1].EventID
	}
	return 0
}
