package plugins

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/tests/testhost"
)

// modules is where TestMain built the example plugins, and wasmCache a folder for their
// machine code, which all hosts of the tests share.
var modules, wasmCache string

func TestMain(m *testing.M) {
	os.Exit(withModules(func() int { return testhost.Main(m) }))
}

func withModules(run func() int) int {
	dir, err := os.MkdirTemp("", "happn-host-plugins-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"validate", "redact", "fulltext", "geo"} {
		source := filepath.Join("..", "..", "plugins", "examples", name)
		if _, err := build.Build(context.Background(), build.Options{Dir: source, Out: dir}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	cache, remove, err := testhost.WasmCache()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer remove()
	modules, wasmCache = dir, cache
	return run()
}

// operator is who looks after a host's plugins folder.
type operator struct {
	t      *testing.T
	server *testhost.Server
	folder string
}

func start(t *testing.T) *operator {
	if testhost.Reference() {
		t.Skip("the reference server has no plugins")
	}
	o := &operator{t: t, folder: t.TempDir()}
	o.server = testhost.Start(t, testhost.Settings{Args: []string{"--plugins", o.folder, "--plugins.cacheDir", wasmCache}})
	return o
}

func (o *operator) connect() *client.Client {
	c, err := client.Connect(o.t.Context(), client.Options{URL: o.server.URL()})
	require.NoError(o.t, err)
	o.t.Cleanup(func() { _ = c.Close() })
	return c
}

// drop puts a file into the folder in one step, as a careful operator does.
func (o *operator) drop(name string, content []byte) {
	o.t.Helper()
	tmp := filepath.Join(o.t.TempDir(), name)
	require.NoError(o.t, os.WriteFile(tmp, content, 0o600))
	require.NoError(o.t, os.Rename(tmp, filepath.Join(o.folder, name)))
}

func (o *operator) dropModule(name string) {
	o.t.Helper()
	content, err := os.ReadFile(filepath.Join(modules, name+".wasm"))
	require.NoError(o.t, err)
	o.drop(name+".wasm", content)
}

func (o *operator) remove(name string) {
	o.t.Helper()
	require.NoError(o.t, os.Remove(filepath.Join(o.folder, name)))
}

type state struct{ Name, State, Reason string }

// await waits until the host reports the plugins that ok wants.
func (o *operator) await(ok func([]state) bool) {
	o.t.Helper()
	var health struct{ Plugins []state }
	require.Eventually(o.t, func() bool {
		resp, err := http.Get(o.server.URL() + "/healthz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		health.Plugins = nil
		return json.NewDecoder(resp.Body).Decode(&health) == nil && ok(health.Plugins)
	}, time.Minute, 20*time.Millisecond, "the host last reported %v", &health)
}

func is(name, want string) func([]state) bool {
	return func(all []state) bool {
		for _, p := range all {
			if p.Name == name {
				return p.State == want
			}
		}
		return want == "gone"
	}
}

const validateConfig = `
hooks: [{kind: inbound, paths: [/sensors/*]}]
config:
  rules:
    - path: /sensors/*
      required: {value: number}
`

// TestGuestsCompile fills the cache of machine code with what several hosts run. Run before the
// other tests, and those of the command, it saves them waiting for a compiler that lets
// everybody else go first.
func TestGuestsCompile(t *testing.T) {
	o := start(t)
	for _, name := range []string{"validate", "redact"} {
		o.dropModule(name)
		o.await(is(name, "ready"))
	}
}

func TestADroppedModuleIsLiveAndARemovedOneIsGone(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	c := o.connect()
	bad := map[string]string{"value": "hot"}
	_, err := c.Set(ctx, "/sensors/1", bad, nil)
	require.NoError(t, err, "nothing checks yet")

	o.drop("validate.yaml", []byte(validateConfig))
	o.dropModule("validate")
	o.await(is("validate", "ready"))
	_, err = c.Set(ctx, "/sensors/1", bad, nil)
	assert.ErrorContains(t, err, `field "value" must be number`)
	_, err = c.Set(ctx, "/sensors/1", map[string]int{"value": 1}, nil)
	assert.NoError(t, err)
	_, err = c.Set(ctx, "/other/1", bad, nil)
	assert.NoError(t, err, "other paths are none of its business")
	_, err = c.SetAll(ctx, "/", []client.Entry{{Path: "/other/2", Data: 1}, {Path: "/sensors/2", Data: bad}}, nil)
	assert.ErrorContains(t, err, `/sensors/2: field "value" must be number`, "many documents get no more past it")

	o.remove("validate.wasm")
	o.await(is("validate", "gone"))
	_, err = c.Set(ctx, "/sensors/1", bad, nil)
	assert.NoError(t, err)
}

func TestAnOutboundLayerSeesAnswersAndPublications(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	o.drop("redact.yaml", []byte("config: {fields: ['**.password'], mask: '***'}\n"))
	o.dropModule("redact")
	o.await(is("redact", "ready"))
	c := o.connect()
	events := make(chan string, 1)
	_, err := c.On(ctx, "/people/*", func(_ context.Context, p client.Publication) { events <- string(p.Data) }, nil)
	require.NoError(t, err)
	answer, err := c.Set(ctx, "/people/ann", map[string]any{"name": "Ann", "login": map[string]string{"password": "secret"}}, nil)
	require.NoError(t, err)
	want := `{"name":"Ann","login":{"password":"***"}}`
	assert.JSONEq(t, want, string(answer.Data))
	assert.JSONEq(t, want, <-events)
	one, err := c.Get(ctx, "/people/ann", nil)
	require.NoError(t, err)
	assert.JSONEq(t, want, string(one.Data))
	all, err := c.GetAll(ctx, "/people/*", nil)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.JSONEq(t, want, string(all[0].Data))

	o.remove("redact.wasm")
	o.await(is("redact", "gone"))
	one, err = c.Get(ctx, "/people/ann", nil)
	require.NoError(t, err)
	assert.Contains(t, string(one.Data), "secret", "what is stored was never changed")
}

func TestABrokenModuleIsRefusedAndSaysWhy(t *testing.T) {
	o := start(t)
	c := o.connect()
	o.drop("junk.wasm", []byte("this is no module"))
	o.await(func(all []state) bool {
		return len(all) == 1 && all[0].State == "refused" && all[0].Reason != ""
	})
	_, err := c.Set(t.Context(), "/a", map[string]int{"v": 1}, nil)
	assert.NoError(t, err)
}

// A plugin is replaced again and again while messages flow: none is lost, none
// comes twice, none slips past it, and each publisher's stay in order.
func TestSwappingAPluginUnderLoadLosesNothing(t *testing.T) {
	o := start(t)
	mask := func(version int) {
		o.drop("redact.yaml", fmt.Appendf(nil, "config: {fields: [password], mask: 'v%d'}\n", version))
	}
	mask(0)
	o.dropModule("redact")
	o.await(is("redact", "ready"))
	const swaps = 10
	seen := o.underLoad(func(listener *client.Client) {
		for version := 1; version <= swaps; version++ {
			mask(version)
			want := fmt.Sprintf("v%d", version)
			require.Eventually(t, func() bool {
				answer, err := listener.Set(t.Context(), "/probe", map[string]string{"password": "x"}, nil)
				return err == nil && string(answer.Data) == `{"password":"`+want+`"}`
			}, time.Minute, 10*time.Millisecond, "%s never came into effect", want)
		}
	})
	assert.Greater(t, len(seen), swaps/2, "messages passed through most of the versions")
}

// underLoad makes changes while messages flow to a listener. It returns the masks
// with which redact has replaced their passwords, in the order of their first use
// for some publisher.
func (o *operator) underLoad(change func(listener *client.Client)) (masks []string) {
	t, ctx := o.t, o.t.Context()
	listener := o.connect()
	type event struct {
		I        int
		Password string
	}
	const writers = 3
	var streams [writers]chan event
	for w := range streams {
		streams[w] = make(chan event, 1<<20)
		_, err := listener.On(ctx, fmt.Sprintf("/swap/%d", w), func(_ context.Context, p client.Publication) {
			var e event
			assert.NoError(t, json.Unmarshal(p.Data, &e))
			streams[w] <- e
		}, nil)
		require.NoError(t, err)
	}
	stop := make(chan struct{})
	counts := make(chan [2]int, writers)
	for w := range writers {
		c := o.connect()
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					counts <- [2]int{w, n}
					return
				default:
				}
				_, err := c.Set(ctx, fmt.Sprintf("/swap/%d", w), map[string]any{"i": n, "password": "secret"}, nil)
				assert.NoError(t, err)
				n++
			}
		}()
	}
	change(listener)
	close(stop)
	for range writers {
		count := <-counts
		for i := range count[1] {
			select {
			case e := <-streams[count[0]]:
				require.Equal(t, i, e.I, "publisher %d", count[0])
				require.NotEqual(t, "secret", e.Password, "a message slipped past the plugin")
				if !slices.Contains(masks, e.Password) {
					masks = append(masks, e.Password)
				}
			case <-time.After(10 * time.Second):
				require.FailNow(t, "a publication was lost", "publisher %d, number %d of %d", count[0], i, count[1])
			}
		}
	}
	return masks
}
