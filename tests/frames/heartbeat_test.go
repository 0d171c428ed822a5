package frames

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/tests/testhost"
)

// beats is long enough for a connection that answers none to be dropped.
const beats = 5

func TestOnlyWhoSpeaksHappn4IsPinged(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("side by side", func(t *testing.T) {
		url := "ws://" + testhost.Start(t, testhost.Settings{PingInterval: pingInterval}).Addr() + "/primus"
		old, unconfigured, current := dial(t, url), dial(t, url), dial(t, url)
		configure(t, old, "happn_3")
		configure(t, current, "happn_4")
		for range beats {
			answerPing(t, current)
		}
		assert.Empty(t, old.pings, "a happn_3 client does not know pings")
		assert.Empty(t, unconfigured.pings, "a session without a protocol does not know pings")
		for _, c := range []*conn{old, unconfigured, current} {
			assertServed(t, c)
		}
	})
}

func TestSilenceIsForgivenForOneBeat(t *testing.T) {
	url := "ws://" + testhost.Start(t, testhost.Settings{PingInterval: pingInterval}).Addr() + "/primus"
	silent, slow := dial(t, url), dial(t, url)
	configure(t, silent, "happn_4")
	configure(t, slow, "happn_4")
	silent.next(t, time.After(patience), pingPrefix)
	pinged := time.Now()
	for range beats {
		// Requests are no sign of life: only the answer to a ping is.
		assertServed(t, slow)
		answerPing(t, slow)
	}
	assert.Equal(t, websocket.CloseNoStatusReceived, silent.awaitClose(t))
	assert.Empty(t, silent.frames, "a dead peer is not told to stay away")
	assert.GreaterOrEqual(t, silent.ended.Sub(pinged), 2*pingInterval-pingInterval/4, "dropped before the third beat")
	assertServed(t, slow)
}

func configure(t *testing.T, c *conn, protocol string) {
	t.Helper()
	c.send(t, websocket.TextMessage, `{"action":"configure-session","eventId":1,"data":{"protocol":"`+protocol+`","version":"x","browser":false}}`)
	assert.Contains(t, c.next(t, time.After(patience), "configured"), `"status":"ok"`)
}

func answerPing(t *testing.T, c *conn) {
	t.Helper()
	ping := c.next(t, time.After(patience), pingPrefix)
	require.Regexp(t, pingNumber, ping)
	c.send(t, websocket.TextMessage, strings.Replace(ping, "ping", "pong", 1))
}

func assertServed(t *testing.T, c *conn) {
	t.Helper()
	c.send(t, websocket.TextMessage, `{"action":"describe","eventId":2,"data":null}`)
	assert.Contains(t, c.next(t, time.After(patience), "described"), `"eventId":2`)
}
