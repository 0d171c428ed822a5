package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/tests/testhost"
)

// wasmCache is a folder for the machine code of plugins, which all tests share.
var wasmCache string

func TestMain(m *testing.M) {
	var err error
	remove := func() {}
	if wasmCache, remove, err = testhost.WasmCache(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}))
}

func open(tb testing.TB, change func(*config.Config)) *host.Host {
	tb.Helper()
	c := config.Default()
	c.Port, c.Data.Durability, c.Data.Dir, c.Plugins.Dir = 0, "none", "", ""
	c.Plugins.CacheDir = wasmCache
	if change != nil {
		change(&c)
	}
	h, err := host.New(host.Options{Config: c, Version: "test"})
	require.NoError(tb, err)
	tb.Cleanup(func() { stop(tb, h) })
	return h
}

func stop(tb testing.TB, h *host.Host) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	assert.NoError(tb, h.Stop(ctx))
}

func start(tb testing.TB, change func(*config.Config)) *host.Host {
	tb.Helper()
	h := open(tb, change)
	require.NoError(tb, h.Start(context.Background()))
	return h
}

// eventually waits for what is sure to happen; with the race detector and on a busy machine a
// plugin in Go takes many seconds to load.
func eventually(tb testing.TB, ok func() bool, what ...any) {
	tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			require.FailNow(tb, "it did not happen", what...)
		}
		runtime.Gosched()
	}
}

func connect(tb testing.TB, h *host.Host) *client.Client {
	tb.Helper()
	c, err := client.Connect(context.Background(), client.Options{URL: "http://" + h.Addr().String()})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func TestLocalAndRemoteClientsSeeOneAnother(t *testing.T) {
	h := start(t, nil)
	ctx := context.Background()
	local, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer local.Close()
	remote := connect(t, h)
	events := make(chan string, 10)
	for name, c := range map[string]*client.Client{"local": local, "remote": remote} {
		_, err := c.On(ctx, "/x/*", func(context.Context, client.Publication) { events <- name }, nil)
		require.NoError(t, err)
	}
	_, err = local.Set(ctx, "/x/1", map[string]int{"v": 1}, nil)
	require.NoError(t, err)
	_, err = remote.Set(ctx, "/x/2", map[string]int{"v": 2}, nil)
	require.NoError(t, err)
	got := map[string]int{}
	for range 4 {
		got[<-events]++
	}
	assert.Equal(t, map[string]int{"local": 2, "remote": 2}, got)
}

func get(tb testing.TB, h *host.Host, path string) (int, map[string]any) {
	tb.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + h.Addr().String() + path)
	require.NoError(tb, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(tb, err)
	var v map[string]any
	_ = json.Unmarshal(body, &v)
	return resp.StatusCode, v
}

func TestStatusRoutes(t *testing.T) {
	h := start(t, nil)
	status, health := get(t, h, "/healthz")
	assert.Equal(t, 200, status)
	assert.Equal(t, "ok", health["status"])
	status, _ = get(t, h, "/readyz")
	assert.Equal(t, 200, status)
	status, v := get(t, h, "/VERSION")
	assert.Equal(t, 200, status)
	assert.Equal(t, "13.12.1", v["version"])
	status, _ = get(t, h, "/version?x=1")
	assert.Equal(t, 404, status)
	status, _ = get(t, h, "/ping")
	assert.Equal(t, 200, status)
}

func TestTheNameIsKept(t *testing.T) {
	dir := t.TempDir()
	name := ""
	for range 2 {
		h := open(t, func(c *config.Config) { c.Data.Dir, c.Data.Durability = dir, "sync" })
		if name == "" {
			name = h.Summary().Name
		}
		assert.NotEmpty(t, name)
		assert.Equal(t, name, h.Summary().Name)
		stop(t, h)
	}
	h := open(t, func(c *config.Config) { c.Data.Dir, c.Data.Durability, c.Name = dir, "sync", "chosen" })
	assert.Equal(t, "chosen", h.Summary().Name)
}

// Everything that was read before the host stops is answered, and what was
// answered is there afterwards.
func TestStoppingAnswersWhatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	durable := func(c *config.Config) { c.Data.Dir, c.Data.Durability = dir, "sync" }
	h := start(t, durable)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var wg sync.WaitGroup
	begun := make(chan struct{}, 4)
	for w := range 4 {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/ws", nil)
		require.NoError(t, err)
		wg.Add(2)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				if c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"action":"set","eventId":%d,"path":"/s/%d/%d","data":{}}`, i, w, i)) != nil {
					return
				}
			}
		}()
		go func() {
			defer wg.Done()
			defer c.Close()
			for n := 0; ; n++ {
				_, text, err := c.ReadMessage()
				if err != nil {
					assert.True(t, websocket.IsCloseError(err, websocket.CloseNoStatusReceived), "the connection ends in good order, not with %v", err)
					return
				}
				var answer struct {
					Meta struct{ Path, Status string } `json:"_meta"`
				}
				assert.NoError(t, json.Unmarshal(text, &answer))
				assert.Equal(t, "ok", answer.Meta.Status, "%s", text)
				mu.Lock()
				acknowledged[answer.Meta.Path] = true
				mu.Unlock()
				if n == 50 {
					begun <- struct{}{}
				}
			}
		}()
	}
	for range 4 {
		<-begun
	}
	stop(t, h)
	wg.Wait()
	again := open(t, durable)
	c, err := again.LocalClient(context.Background(), client.Options{})
	require.NoError(t, err)
	defer c.Close()
	n, err := c.Count(context.Background(), "/s/*", nil)
	require.NoError(t, err)
	assert.EqualValues(t, len(acknowledged), n, "what was stored was answered, and the other way round")
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	h := open(t, func(c *config.Config) { c.Port = l.Addr().(*net.TCPAddr).Port })
	assert.ErrorContains(t, h.Start(context.Background()), "listen on")
}
