package host_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// lineOver is a conversation with the plugin by some transport.
type lineOver struct {
	say   func(line string)
	next  func() string
	ended func() // waits for the end
}

// overAll has a conversation by each transport that is not tcp.
func overAll(t *testing.T, h *host.Host) map[string]lineOver {
	base := "http://" + h.Addr().String()
	dial := func(path, sub string) *websocket.Conn {
		dialer := websocket.Dialer{}
		if sub != "" {
			dialer.Subprotocols = []string{sub}
		}
		ws, _, err := dialer.Dial("ws"+strings.TrimPrefix(base, "http")+path, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = ws.Close() })
		return ws
	}
	over := func(ws *websocket.Conn, kind int, end string) lineOver {
		return lineOver{
			say: func(line string) { require.NoError(t, ws.WriteMessage(kind, []byte(line+end))) },
			next: func() string {
				_, b, err := ws.ReadMessage()
				require.NoError(t, err)
				return strings.TrimSuffix(string(b), end)
			},
			ended: func() {
				_, _, err := ws.ReadMessage()
				require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
			},
		}
	}
	c := dialLine(t, h)
	return map[string]lineOver{
		"tcp":              {say: func(line string) { c.say(line + "\n") }, next: c.next, ended: c.over},
		"websocket":        over(dial("/line", "line.v1"), websocket.TextMessage, ""),
		"websocket stream": over(dial("/stream", ""), websocket.BinaryMessage, "\n"),
		"http":             overHTTP(t, base+"/poll"),
	}
}

// overHTTP is a conversation by long polling that acknowledges what has arrived.
func overHTTP(t *testing.T, url string) lineOver {
	do := func(method, url, body string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer, string(text)
	}
	_, text := do("POST", url, "")
	var opened struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(text), &opened), text)
	mine, from := url+"/"+opened.ID, "0"
	return lineOver{
		say: func(line string) {
			answer, text := do("POST", mine, line+"\n")
			require.Equal(t, http.StatusNoContent, answer.StatusCode, text)
		},
		next: func() string {
			answer, text := do("GET", mine+"?from="+from, "")
			require.Equal(t, http.StatusOK, answer.StatusCode, text)
			from = answer.Header.Get("Happn-Next")
			return strings.TrimSuffix(text, "\n")
		},
		ended: func() {
			answer, text := do("GET", mine+"?from="+from, "")
			require.Equal(t, http.StatusGone, answer.StatusCode, text)
			require.Contains(t, text, "enough")
		},
	}
}

func TestOperatorsSeeAndEndConnectionsOfPlugins(t *testing.T) {
	s := startLine(t, func(c *config.Config) {
		c.Websocket.MaxMessageBytes, c.Websocket.WriteQueueBytes = 256<<10, 1<<20
	})
	t.Run("an administrator ends them whatever carries them", func(t *testing.T) {
		all := overAll(t, s.Host)
		for name, c := range all {
			c.say("SUB /never")
			require.Equal(t, "OK", c.next(), name)
		}
		for session := range s.Sessions() {
			if session.Origin.Endpoint == "plugin:line" {
				session.Close(0, "enough", true)
			}
		}
		for name, c := range all {
			require.Equal(t, "BYE enough", c.next(), name)
			c.ended()
		}
		eventually(t, func() bool { return s.line().Connections.Closed.Host == 4 })
		require.Zero(t, s.line().Connections.Open)
	})
	t.Run("who does not read is ended, whatever carries it", func(t *testing.T) {
		slow := overAll(t, s.Host)
		for name, c := range slow {
			c.say("SUB /big")
			require.Equal(t, "OK", c.next(), name)
		}
		fine, writer := dialLine(t, s.Host), connect(t, s.Host)
		big := strings.Repeat("x", 100<<10)
		for began := time.Now(); s.line().Connections.Closed.Lost < 4 && time.Since(began) < time.Minute; {
			_, err := writer.Set(t.Context(), "/big", big, &client.SetOptions{NoStore: true})
			require.NoError(t, err)
			require.Equal(t, "NONE", fine.ask("GET /none"))
		}
		require.EqualValues(t, 4, s.line().Connections.Closed.Lost)
		require.Equal(t, "NONE", fine.ask("GET /none"))
	})
	t.Run("they count for limits.sessions, whatever carries them", func(t *testing.T) {
		other := startLine(t, func(c *config.Config) { c.Limits.Sessions = 3 })
		overHTTP(t, "http://"+other.Addr().String()+"/poll")
		overHTTP(t, "http://"+other.Addr().String()+"/poll")
		require.Equal(t, "NONE", dialLine(t, other.Host).ask("GET /none"))
		refused := dialLine(t, other.Host)
		_, err := refused.lines.ReadByte()
		require.Error(t, err)
		answer, err := http.Post("http://"+other.Addr().String()+"/poll", "", nil)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	})
	t.Run("they are counted", func(t *testing.T) {
		status, metrics := text(t, s.Host, "/metrics")
		require.Equal(t, http.StatusOK, status)
		for _, line := range []string{
			`happn_plugin_connections{endpoint="http:/poll",plugin="line"} 0`,
			`happn_plugin_connections_opened_total{endpoint="websocket:/line",plugin="line"} 2`,
			`happn_plugin_connections_closed_total{endpoint="websocket:/stream",plugin="line",reason="host"} 1`,
			`happn_plugin_connections_closed_total{endpoint="http:/poll",plugin="line",reason="lost"} 1`,
			`happn_plugin_received_bytes_total{endpoint="http:/poll",plugin="line"} 20`,
		} {
			require.Contains(t, metrics, "\n"+line+"\n")
		}
		status, shown := text(t, s.Host, "/api/v1/plugins/line")
		require.Equal(t, http.StatusOK, status, shown)
		var plugin host.PluginRecord
		require.NoError(t, json.Unmarshal([]byte(shown), &plugin))
		require.EqualValues(t, 9, plugin.Connections.Opened)
		require.EqualValues(t, 4, plugin.Connections.Closed["host"])
		require.EqualValues(t, 4, plugin.Connections.Closed["lost"])
		require.Len(t, plugin.Endpoints, 4)
	})
}

// text returns the status and the body of an answer.
func text(t *testing.T, h *host.Host, path string) (int, string) {
	answer, err := http.Get("http://" + h.Addr().String() + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(b)
}
