package host_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// linePlugin is the example line, compiled once for all tests.
var linePlugin = sync.OnceValues(func() (module []byte, err error) {
	out, err := os.MkdirTemp("", "happn-host-line-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	source := filepath.Join("..", "plugins", "examples", "line")
	path, err := build.Build(context.Background(), build.Options{Dir: source, Out: out})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

const lineEndpoints = `
grants: [log, listen]
required: true
limits: {instances: 2, timeout: 20s, startTimeout: 1m, wait: 10s, drain: 20s}
hooks:
  - kind: protocol
    listen:
      - {tcp: "127.0.0.1:0", tls: %t, idle: %s}
      - {websocket: /line, subprotocols: [line.v2, line.v1]}
      - {websocket: /stream, stream: true}
      - {http: /poll}
`

// speaking is a host with the plugin line.
type speaking struct {
	*host.Host
	dir string
}

func putLine(t testing.TB, dir string, encrypted bool, idle string) {
	t.Helper()
	hidden := filepath.Join(dir, ".new")
	require.NoError(t, os.WriteFile(hidden, fmt.Appendf(nil, lineEndpoints, encrypted, idle), 0o600))
	require.NoError(t, os.Rename(hidden, filepath.Join(dir, "line.yaml")))
}

// withLine makes a configuration with the plugin in it.
func withLine(t testing.TB, c *config.Config, encrypted bool) (dir string) {
	t.Helper()
	module, err := linePlugin()
	require.NoError(t, err)
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "line.wasm"), module, 0o600))
	putLine(t, dir, encrypted, "1h")
	c.Plugins.Dir, c.Plugins.Settle = dir, 20*time.Millisecond
	return dir
}

func startLine(t testing.TB, change func(*config.Config)) speaking {
	t.Helper()
	s := speaking{}
	s.Host = start(t, func(c *config.Config) {
		s.dir = withLine(t, c, false)
		if change != nil {
			change(c)
		}
	})
	require.Equal(t, plugin.StateReady, s.line().State, s.line().Reason)
	return s
}

func (s speaking) line() plugin.Info { return s.Plugins()[0] }

// tcp returns the address of the plugin's port.
func tcp(t testing.TB, h *host.Host) string {
	t.Helper()
	for _, place := range h.Plugins()[0].Listen {
		if address, ok := strings.CutPrefix(place, "tcp:"); ok {
			return address
		}
	}
	require.FailNow(t, "the plugin listens nowhere")
	return ""
}

// nc is a conversation with the plugin.
type nc struct {
	t     testing.TB
	conn  net.Conn
	lines *bufio.Reader
}

func newNC(t testing.TB, conn net.Conn, err error) *nc {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return &nc{t, conn, bufio.NewReader(conn)}
}

func dialLine(t testing.TB, h *host.Host) *nc {
	t.Helper()
	conn, err := net.Dial("tcp", tcp(t, h))
	return newNC(t, conn, err)
}

func (c *nc) say(text string) {
	c.t.Helper()
	_, err := c.conn.Write([]byte(text))
	require.NoError(c.t, err)
}

func (c *nc) next() string {
	c.t.Helper()
	line, err := c.lines.ReadString('\n')
	require.NoError(c.t, err)
	return strings.TrimSuffix(line, "\n")
}

func (c *nc) ask(line string) string {
	c.t.Helper()
	c.say(line + "\n")
	return c.next()
}

// over waits for the end of the connection.
func (c *nc) over() {
	c.t.Helper()
	_, err := c.lines.ReadByte()
	require.ErrorContains(c.t, err, "EOF")
}

// The conversation in the plugin's README happens word for word.
func TestTheLineProtocolWorksAsItsReadmeSays(t *testing.T) {
	s := startLine(t, nil)
	text, err := os.ReadFile(filepath.Join("..", "plugins", "examples", "line", "README.md"))
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(text), "$ nc 127.0.0.1 7000\n")
	require.True(t, found)
	shown, _, _ = strings.Cut(shown, "```")
	c := dialLine(t, s.Host)
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		verb, _, _ := strings.Cut(line, " ")
		if strings.Contains("SET GET SUB QUIT", verb) {
			c.say(line + "\n")
			continue
		}
		before, _, open := strings.Cut(line, "{...}")
		if got := c.next(); open {
			assert.True(t, strings.HasPrefix(got, before), got)
		} else {
			assert.Equal(t, line, got)
		}
	}
	c.over()

	t.Run("who has nothing more to say is answered", func(t *testing.T) {
		c := dialLine(t, s.Host)
		c.say("SET /half {\"n\":1}\nGET /half\n")
		require.NoError(t, c.conn.(*net.TCPConn).CloseWrite())
		assert.Equal(t, "OK", c.next())
		assert.Equal(t, `DATA {"n":1}`, c.next())
		c.over()
	})
	t.Run("many lines at once are answered in order", func(t *testing.T) {
		c := dialLine(t, s.Host)
		const many = 5000
		go func() {
			w := bufio.NewWriter(c.conn)
			for n := range many {
				fmt.Fprintf(w, "SET /many/%d {\"n\":%d}\nGET /many/%d\n", n%50, n, n%50)
			}
			_ = w.Flush()
		}()
		for range many {
			require.Equal(t, "OK", c.next())
			require.True(t, strings.HasPrefix(c.next(), "DATA "))
		}
	})
	t.Run("websockets carry messages", func(t *testing.T) { overWebsocket(t, s.Host) })
	t.Run("websockets carry a stream", func(t *testing.T) { overStream(t, s.Host) })
	t.Run("HTTP carries a stream by long polling", func(t *testing.T) { overPolls(t, s.Host) })
	t.Run("a conversation goes on when the plugin is replaced", func(t *testing.T) { handedOver(t, s) })
	t.Run("a peer that says nothing is sent away", func(t *testing.T) {
		c := dialLine(t, s.Host)
		require.Equal(t, "OK", c.ask("SUB /x"))
		putLine(t, s.dir, false, "100ms")
		require.Equal(t, "BYE nothing was heard for 100ms", c.next())
		c.over()
		putLine(t, s.dir, false, "1h")
		answer, err := http.Post("http://"+s.Addr().String()+"/api/v1/plugins/line/reload", "", nil) // which waits
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	})
	t.Run("a stop says goodbye", func(t *testing.T) {
		c := dialLine(t, s.Host)
		require.Equal(t, "OK", c.ask("SUB /x"))
		assert.Zero(t, s.line().Traps, s.line().LastError)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			stop(t, s.Host)
		}()
		require.Equal(t, "BYE the host is stopping", c.next())
		c.over()
		require.NoError(t, c.conn.Close())
		<-stopped
	})
}

func overWebsocket(t *testing.T, h *host.Host) {
	url := "ws://" + h.Addr().String() + "/line"
	_, answer, err := websocket.DefaultDialer.Dial(url, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode, "no subprotocol was offered")
	dialer := websocket.Dialer{Subprotocols: []string{"other", "line.v1", "line.v2"}}
	ws, _, err := dialer.Dial(url, nil)
	require.NoError(t, err)
	defer ws.Close()
	require.Equal(t, "line.v2", ws.Subprotocol(), "the first of the operator's")
	for _, c := range [][2]string{{`SET /ws {"n":1}`, "OK"}, {"GET /ws", `DATA {"n":1}`}} {
		require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, []byte(c[0])))
		kind, got, err := ws.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, websocket.TextMessage, kind)
		require.Equal(t, c[1], string(got))
	}
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte("QUIT")))
	_, got, err := ws.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, "BYE", string(got))
	_, _, err = ws.ReadMessage()
	var closed *websocket.CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, websocket.CloseNormalClosure, closed.Code)
	require.Equal(t, "the peer has quit", closed.Text)
}

func overStream(t *testing.T, h *host.Host) {
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/stream", nil)
	require.NoError(t, err)
	defer ws.Close()
	for _, piece := range []string{"SET /piece", "s {\"n\"", ":1}\nGET /pieces\n"} {
		require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, []byte(piece)))
	}
	all := ""
	for !strings.HasSuffix(all, "DATA {\"n\":1}\n") {
		kind, got, err := ws.ReadMessage()
		require.NoError(t, err, all)
		require.Equal(t, websocket.TextMessage, kind)
		all += string(got)
	}
	require.Equal(t, "OK\nDATA {\"n\":1}\n", all)
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte("GET /pieces\n")))
	_, _, err = ws.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseUnsupportedData), "%v", err)
}

func overPolls(t *testing.T, h *host.Host) {
	base := "http://" + h.Addr().String() + "/poll"
	do := func(method, url, body string) (int, string) {
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(text)
	}
	status, text := do("POST", base, "SET /polled {\"n\":1}\nSUB /po")
	require.Equal(t, http.StatusCreated, status, text)
	var opened struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(text), &opened))
	mine := base + "/" + opened.ID
	status, _ = do("POST", mine, "lled\n")
	require.Equal(t, http.StatusNoContent, status)
	got := ""
	receive := func(want string) {
		t.Helper()
		for len(got) < len(want) {
			status, text := do("GET", mine, "")
			require.Equal(t, http.StatusOK, status, text)
			got += text
		}
		require.Equal(t, want, got)
		got = ""
	}
	receive("OK\nOK\n")
	other, set := connect(t, h), make(chan error, 1)
	go func() {
		_, err := other.Set(t.Context(), "/polled", map[string]int{"n": 2}, nil)
		set <- err
	}()
	receive("EVENT /polled {\"n\":2}\n")
	require.NoError(t, <-set)
	status, _ = do("POST", mine, "QUIT\n")
	require.Equal(t, http.StatusNoContent, status)
	receive("BYE\n")
	status, text = do("GET", mine, "")
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, text, "the peer has quit")
	status, _ = do("GET", mine, "")
	require.Equal(t, http.StatusNotFound, status, "what has ended is forgotten")
	status, _ = do("GET", base, "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
}

func handedOver(t *testing.T, s speaking) {
	var all []*nc
	for range 4 {
		c := dialLine(t, s.Host)
		require.Equal(t, "OK", c.ask("SUB /over/*"))
		c.say("GET /ove")
		all = append(all, c)
	}
	other := connect(t, s.Host)
	before := s.line().Connections.HandedOver
	putLine(t, s.dir, false, "2h")
	eventually(t, func() bool { return s.line().Connections.HandedOver == before+4 })
	for _, c := range all {
		c.say("r/1\n")
		require.Equal(t, "NONE", c.next())
	}
	_, err := other.Set(t.Context(), "/over/2", map[string]int{"n": 1}, nil)
	require.NoError(t, err)
	for _, c := range all {
		require.Equal(t, `EVENT /over/2 {"n":1}`, c.next())
		require.NoError(t, c.conn.Close())
	}
}

func TestAConnectionOfAPluginIsASessionLikeAnyOther(t *testing.T) {
	h := guarded(t, func(c *config.Config) {
		c.TLS.SelfSigned = true
		c.Security.LoginTimeout = 3 * time.Second
		withLine(t, c, true)
	})
	require.Equal(t, plugin.StateReady, h.Plugins()[0].State, h.Plugins()[0].Reason)
	secure := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"mqtt"}}
	dial := func() *nc {
		conn, err := tls.Dial("tcp", tcp(t, h), secure)
		return newNC(t, conn, err)
	}
	hasty := dial()
	require.Contains(t, hasty.ask("GET /desk/1"), "ERR ", "without a login there is nothing")
	require.Equal(t, "BYE", hasty.next())
	hasty.over()
	c := dial()
	require.Contains(t, c.ask("LOGIN bob wrong"), "ERR ")
	require.Equal(t, "OK", c.ask("LOGIN bob pwd"))
	require.Equal(t, "OK", c.ask(`SET /desk/1 {"n":1}`))
	require.Equal(t, `DATA {"n":1}`, c.ask("GET /desk/1"))
	require.Equal(t, "ERR unauthorized", c.ask("GET /desk/secret"))
	require.Equal(t, "ERR unauthorized", c.ask("SUB /other"))

	late := dial()
	require.Equal(t, "BYE", late.next(), "it has not logged in")
	late.over()

	for s := range h.Sessions() {
		if s.Origin.Endpoint == "plugin:line" {
			s.Close(0, "enough", true)
		}
	}
	require.Equal(t, "BYE enough", c.next())
	c.over()
}

// Connections stay with the version that they were opened with, until that ends.
func TestConnectionsOfACanaryAreItsOwn(t *testing.T) {
	s := startLine(t, nil)
	module, err := linePlugin()
	require.NoError(t, err)
	put := func(name string, content []byte) {
		t.Helper()
		hidden := filepath.Join(s.dir, ".new")
		require.NoError(t, os.WriteFile(hidden, content, 0o600))
		require.NoError(t, os.Rename(hidden, filepath.Join(s.dir, name)))
	}
	try := func(version string) {
		t.Helper()
		canary, err := wasmbin.AppendCustom(module, "version", []byte(version))
		require.NoError(t, err)
		put("line.canary.wasm", canary)
		sum := fmt.Sprintf("%x", sha256.Sum256(canary))
		eventually(t, func() bool {
			c := s.line().Canary
			return c != nil && c.State == plugin.StateReady && c.SHA256 == sum && c.Share == 100
		})
	}
	do := func(what string) {
		t.Helper()
		answer, err := http.Post("http://"+s.Addr().String()+"/api/v1/plugins/line/"+what, "", nil)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	var all []*nc
	dial := func() {
		t.Helper()
		c := dialLine(t, s.Host)
		require.Equal(t, "OK", c.ask("SUB /all/*"))
		all = append(all, c)
	}
	other, n := connect(t, s.Host), 0
	hear := func() {
		t.Helper()
		n++
		_, err := other.Set(t.Context(), "/all/1", map[string]int{"n": n}, nil)
		require.NoError(t, err)
		for _, c := range all {
			require.Equal(t, fmt.Sprintf(`EVENT /all/1 {"n":%d}`, n), c.next())
		}
	}
	handed := func(want uint64) {
		t.Helper()
		eventually(t, func() bool { return s.line().Connections.HandedOver >= want })
		hear()
		require.Equal(t, want, s.line().Connections.HandedOver)
	}
	put("line.yaml", append(fmt.Appendf(nil, lineEndpoints, false, "1h"), "canary: {share: 100}\n"...))
	try("1")
	own := s.line().Calls
	dial()
	dial()
	hear()
	require.Equal(t, own, s.line().Calls, "both are the canary's")
	require.Positive(t, s.line().Canary.Calls)
	do("rollback")
	handed(2)
	require.Greater(t, s.line().Calls, own)

	try("2")
	dial() // the third is the canary's, the others stay where they are
	hear()
	require.EqualValues(t, 2, s.line().Connections.HandedOver)
	require.Positive(t, s.line().Canary.Calls)
	do("promote")
	handed(4)
	require.Nil(t, s.line().Canary)

	try("3")
	put("line.yaml", append(fmt.Appendf(nil, lineEndpoints, false, "2h"), "canary: {share: 100}\n"...))
	eventually(t, func() bool { // the plugin's own version was replaced, and its sessions see a canary now
		before := s.line().Canary.Calls
		hear()
		return s.line().Canary.Calls == before+3
	})
	require.EqualValues(t, 3, s.line().Connections.Open)
	require.Zero(t, s.line().Traps)
}
