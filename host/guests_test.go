package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/build"
)

// copyGuest is testdata/copyguest, compiled once for all tests.
var copyGuest = sync.OnceValues(func() (module []byte, err error) {
	out, err := os.MkdirTemp("", "happn-host-copyguest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	path, err := build.Build(context.Background(), build.Options{Dir: filepath.Join("testdata", "copyguest"), Out: out})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// startCopying starts a host with the plugin and one instance of it, which must
// not be waited for by itself.
func startCopying(t *testing.T, operator string, change func(*config.Config)) *host.Host {
	t.Helper()
	module, err := copyGuest()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "copy.wasm"), module, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "copy.yaml"), []byte(
		"required: true\non_error: reject\nlimits: {instances: 1, timeout: 20s, startTimeout: 1m, wait: 10s}\n"+operator), 0o600))
	h := start(t, func(c *config.Config) {
		c.Plugins.Dir = dir
		if change != nil {
			change(c)
		}
	})
	require.Equal(t, plugin.StateReady, h.Plugins()[0].State, h.Plugins()[0].Reason)
	return h
}

// TestGuestsCompile fills the cache of machine code. Run without the race detector
// before the other tests, it saves them most of their time.
func TestGuestsCompile(t *testing.T) {
	startCopying(t, copying, nil)
	startLine(t, nil)
	withPlugins(t, map[string]string{
		"apikey": `{required: true, hooks: [{kind: auth, users: ["*"]}]}`, "business-hours": "{required: true}",
		"redact-role": "{required: true, grants: [log, sessions]}",
	}, nil)
}

const copying = `
permissions:
  /in/*: {actions: [set]}
  /out: {actions: ["*"]}
  /heard/*: {actions: [set]}
  /a/*: {actions: [get, "on"], prohibit: []}
  /a/secret: {prohibit: [get]}
  "*": {actions: [get]}
`

func TestAPluginActsFromInsideOfItsHooks(t *testing.T) {
	for name, secure := range map[string]bool{"insecure": false, "secure": true} {
		t.Run(name, func(t *testing.T) {
			h := startCopying(t, copying, func(c *config.Config) { c.Secure = secure })
			ctx := context.Background()
			c, err := h.LocalClient(ctx, client.Options{})
			require.NoError(t, err)
			defer c.Close()
			events := make(chan client.Publication, 100)
			_, err = c.On(ctx, "/in/a/*", func(_ context.Context, p client.Publication) { events <- p }, nil)
			require.NoError(t, err)
			for n := range 20 {
				_, err := c.Set(ctx, fmt.Sprintf("/a/%d", n), map[string]int{"n": n}, nil)
				require.NoError(t, err)
			}
			for n := range 20 {
				p := <-events
				require.Equal(t, fmt.Sprintf("/in/a/%d", n), p.Meta.Path)
				require.JSONEq(t, fmt.Sprintf(`{"n":%d}`, n), string(p.Data))
			}
			doc, err := c.Get(ctx, "/in/a/3", nil)
			require.NoError(t, err)
			require.Equal(t, "plugin:copy", doc.Meta.ModifiedBy)
			require.Eventually(t, func() bool {
				heard, err := c.Count(ctx, "/heard/a/*", nil)
				require.NoError(t, err)
				return heard == 20
			}, 20*time.Second, 10*time.Millisecond)
			out, err := c.Get(ctx, "/out", nil)
			require.NoError(t, err)
			var counted struct{ N struct{ Value int } }
			require.NoError(t, json.Unmarshal(out.Data, &counted))
			require.GreaterOrEqual(t, counted.N.Value, 20, "publications of clients")
			require.LessOrEqual(t, counted.N.Value, 20, "and none of what the plugin itself does")
			info := h.Plugins()[0]
			require.Zero(t, info.Traps, info.LastError)
			require.Zero(t, info.Errors, info.LastError)
		})
	}
}

func TestAPluginMayDoOnlyWhatItsOperatorSays(t *testing.T) {
	for name, secure := range map[string]bool{"insecure": false, "secure": true} {
		t.Run(name, func(t *testing.T) {
			h := startCopying(t, copying, func(c *config.Config) { c.Secure = secure })
			ctx := context.Background()
			c, err := h.LocalClient(ctx, client.Options{})
			require.NoError(t, err)
			defer c.Close()
			for path, says := range map[string]string{
				"/ask/nothing":                  "not found",
				"/ask/a/secret":                 "denied",
				"/ask/_SYSTEM/_SECURITY/_USER/": "denied",
				"/ask/_SYSTEM":                  "denied",
			} {
				_, err := c.Set(ctx, path, 1, nil)
				require.ErrorContains(t, err, says, path)
			}
		})
	}
	h := startCopying(t, "permissions: {'/b/*': {actions: [get]}}", nil)
	c := connect(t, h)
	_, err := c.Set(context.Background(), "/a/1", 1, nil)
	require.ErrorContains(t, err, "denied")
}
