package frames

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// The plain websocket endpoint is the host's own: the same frames, without the
// transport's strings, and nothing stays unanswered.
const plainEndpoint = "/ws"

func skipReference(t *testing.T) {
	t.Helper()
	if testhost.Reference() {
		t.Skip("is about the host alone")
	}
}

func TestThePlainEndpointAnswersAlike(t *testing.T) {
	skipReference(t)
	for _, s := range scripts {
		switch s.name {
		case "01-basic", "02-search", "03-subscriptions", "04-variable-depth", "05-set-options", "06-consistency", "22-misc":
			s.settings.Name, s.endpoint = serverName, plainEndpoint
			t.Run(s.name, func(t *testing.T) { run(t, s) })
		}
	}
}

func TestThePlainEndpointLeavesNothingUnanswered(t *testing.T) {
	skipReference(t)
	c := dial(t, "ws://"+testhost.Start(t, testhost.Settings{}).Addr()+plainEndpoint)
	for _, frame := range []string{`{bad json`, `"hello"`, `5`, `[]`, `{}`, `null`, `{"eventId":77}`, `{"action":"bogus","eventId":1}`,
		`"primus::ping::1"`, `{"action":"configure-session","eventId":1,"data":{"protocol":"foo_9"}}`} {
		t.Run(frame, func(t *testing.T) {
			c.send(t, websocket.TextMessage, frame)
			assertRefused(t, c)
		})
	}
	t.Run("a binary frame", func(t *testing.T) {
		c.send(t, websocket.BinaryMessage, `{"action":"describe","eventId":1}`)
		assertRefused(t, c)
	})
	assertServed(t, c)
}

func assertRefused(t *testing.T, c *conn) {
	t.Helper()
	answer, err := parse(c.next(t, time.After(patience), "an error"))
	require.NoError(t, err)
	o, ok := answer.(map[string]any)
	require.True(t, ok)
	meta, ok := o["_meta"].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, "error", meta["status"])
	e, ok := meta["error"].(map[string]any)
	require.True(t, ok)
	assert.NotEmpty(t, e["message"])
}

func TestThePlainEndpointBeatsInTheWebsocketProtocol(t *testing.T) {
	skipReference(t)
	url := "ws://" + testhost.Start(t, testhost.Settings{PingInterval: pingInterval}).Addr() + plainEndpoint
	beat := make(chan struct{}, 64)
	answering := dial(t, url, func(ws *websocket.Conn) {
		answer := ws.PingHandler()
		ws.SetPingHandler(func(data string) error {
			beat <- struct{}{}
			return answer(data)
		})
	})
	silent := dial(t, url, func(ws *websocket.Conn) {
		ws.SetPingHandler(func(string) error { return nil })
	})
	for range beats {
		select {
		case <-beat:
		case <-time.After(patience):
			require.Fail(t, "no ping came")
		}
	}
	silent.awaitClose(t)
	assertServed(t, answering)
	assert.Empty(t, answering.pings, "transport strings belong to /primus")
}
