package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// worldGuest is testdata/worldguest, compiled once for all tests.
var worldGuest = sync.OnceValues(func() (module []byte, err error) {
	path, err := build.Build(context.Background(), build.Options{Dir: filepath.Join("testdata", "worldguest"), Out: scratch})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// world is a host for plugins that keeps documents in a map, and what was asked
// of it in a list.
type world struct {
	mu        sync.Mutex
	documents map[string]string
	asked     []string
	open      map[*actor]bool
	gate      chan struct{} // whoever sets /gate waits for its end
}

type actor struct {
	plugin.Identity
	world    *world
	channels []string
}

func newWorld() *world { return &world{documents: map[string]string{}, open: map[*actor]bool{}} }

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
}

func (w *world) Open(id plugin.Identity) (plugin.Actor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &actor{Identity: id, world: w}
	w.open[a] = true
	return a, nil
}

func (w *world) Session(id string) []byte {
	if id != "session-1" {
		return nil
	}
	return []byte(`{"id":"session-1","user":{"username":"ada"}}`)
}

func (w *world) Reads(permissions map[string]manifest.Permission) (func(path []byte) bool, error) {
	return func(path []byte) bool { _, ok := permissions[string(path)]; return ok }, nil
}

// publish delivers to every actor with a channel of this name.
func (w *world) publish(channel, path, data string) {
	w.mu.Lock()
	var to []*actor
	for a := range w.open {
		if slices.Contains(a.channels, channel) {
			to = append(to, a)
		}
	}
	w.mu.Unlock()
	for _, a := range to {
		a.Deliver(&abi.Record{Kind: abi.KindPublication, Action: abi.ActionSet, Path: []byte(path), Data: []byte(data), Channel: []byte(channel)})
	}
}

func (w *world) actors() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

func (a *actor) may(path []byte) error {
	if _, ok := a.Permissions[string(path)]; !ok {
		return fmt.Errorf("%w: %s", plugin.ErrDenied, path)
	}
	return nil
}

func (a *actor) Get(_ context.Context, path, _ []byte, doc *abi.Record) (bool, error) {
	if err := a.may(path); err != nil {
		return false, err
	}
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	data, ok := a.world.documents[string(path)]
	if !ok {
		return false, nil
	}
	*doc = abi.Record{Path: path, Data: []byte(data), Meta: []byte(`{"modified":1}`)}
	return true, nil
}

func (a *actor) Find(_ context.Context, path, options []byte, yield func(*abi.Record) bool) error {
	a.world.note("find %s %s", path, options)
	for n := range 1000 {
		if !yield(&abi.Record{Path: fmt.Appendf(nil, "/found/%d", n), Data: []byte(`"` + strings.Repeat("x", n*2000) + `"`)}) {
			a.world.note("found enough")
			return nil
		}
	}
	return errors.New("nobody stopped the search")
}

func (a *actor) Count(ctx context.Context, _, _ []byte) (int, error) { return 12, ctx.Err() }

func (a *actor) Set(ctx context.Context, path, data, options []byte, wait bool) error {
	if string(path) == "/slow" {
		<-ctx.Done()
		return fmt.Errorf("the store: %w", ctx.Err())
	}
	if string(path) == "/gate" {
		a.world.note("at the gate")
		<-a.world.gate
		return nil
	}
	if string(path) == "/broken" {
		return errors.New("disk full")
	}
	a.world.note("%s sets %s %s %s %t", a.Plugin, path, data, options, wait)
	return nil
}

func (a *actor) Publish(_ context.Context, path, data, _ []byte) error {
	a.world.note("%s publishes %s %s", a.Plugin, path, data)
	return nil
}

func (a *actor) Remove(_ context.Context, path, _ []byte, _ bool) (int, error) {
	return 3, a.may(path)
}

func (a *actor) On(_ context.Context, channel string, _ []byte) error {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	a.channels = append(a.channels, channel)
	return nil
}

func (a *actor) Off(context.Context, string) error { return nil }

func (a *actor) Close() {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	delete(a.world.open, a)
}

// openWorld starts a Manager whose plugins see w. Each operator's file is for one
// copy of the guest, by name.
func openWorld(t *testing.T, w *world, operators map[string]string) *folder {
	t.Helper()
	module, err := worldGuest()
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) {
		o.CacheDir = wasmCache
		o.Limits.Timeout, o.Limits.StartTimeout, o.Limits.Wait = 30*time.Second, time.Minute, 10*time.Second
		o.Services = w
	})
	for name, operator := range operators {
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, name+".yaml"), []byte(operator), 0o600))
		f.put(name+".wasm", withManifest(t, module, fmt.Sprintf(
			`{"name":%q,"hooks":[{"kind":"inbound"},{"kind":"service","names":["%s.echo","refuse"]}%s]}`, name, name, hooksFor(operator))))
	}
	for _, info := range f.List() {
		require.Equal(t, plugin.StateReady, info.State, info.Reason)
	}
	return f
}

// hooksFor adds an event hook for operators that speak of one.
func hooksFor(operator string) string {
	if strings.Contains(operator, "kind: event") {
		return `,{"kind":"event","paths":["/e/*"]}`
	}
	return ""
}

const all = "grants: [log, publish, sessions]\npermissions: {/a: {actions: [get, set, remove]}, /none: {actions: [get]}}\n"

// do has the first plugin do something and returns what it says.
func (f *folder) do(what, data string) string {
	f.t.Helper()
	rec := request()
	rec.Path, rec.Data = []byte("!"+what), []byte(data)
	_, err := f.call(rec)
	require.NoError(f.t, err)
	return string(rec.Data)
}

func TestWhatAPluginDoesInTheHost(t *testing.T) {
	w := newWorld()
	w.documents["/a"] = `{"n":1}`
	f := openWorld(t, w, map[string]string{"p": all})
	for name, c := range map[string]struct{ what, data, says string }{
		"get":                 {"get /a", "1", `"/a {\"n\":1} {\"modified\":1}"`},
		"get of nothing":      {"get /none", "1", `"not found"`},
		"get without a grant": {"get /b", "1", `"denied: no grant covers it: no permission of the plugin covers it: /b"`},
		"find":                {"find /x*", "1", `"/found/0,/found/1,/found/2"`},
		"count":               {"count /x", "1", `"12"`},
		"set":                 {"set /a", `{"x":1}`, `"set"`},
		"set that fails":      {"set /broken", "1", `"the host failed: disk full"`},
		"publish":             {"publish /a", "7", `"published"`},
		"remove":              {"remove /a", "1", `"3"`},
		"session":             {"session", "1", `"{\"id\":\"session-1\",\"user\":{\"username\":\"ada\"}}"`},
		"too many calls":      {"often /none", "1", `"over a limit: over a limit: 10001 calls to the host, above the limit of 10000 (limits.hostCalls)"`},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			require.Equal(t, c.says, f.do(c.what, c.data))
		})
	}
	f.t = t
	require.Equal(t, `"started"`, f.do("start /a", "1"))
	require.Subset(t, w.asked, []string{"p sets /a {\"x\":1} {} true", "p sets /a 1  false", "p publishes /a 7", "find /x* {}", "found enough"})
	require.Zero(t, f.only().Traps)
	require.LessOrEqual(t, w.actors(), 2, "one for each instance")
	f.remove("p.wasm")
	require.Zero(t, w.actors(), "a plugin that is gone acts no more")
}

func TestAPluginIsToldWhatTheHostIsAndWhatItMayDo(t *testing.T) {
	f := openWorld(t, newWorld(), map[string]string{"p": all + "limits: {timeout: 70ms, outputKiB: 9}"})
	var told plugin.Features
	text := ""
	require.NoError(t, json.Unmarshal([]byte(f.do("features", "1")), &text))
	require.NoError(t, json.Unmarshal([]byte(text), &told), text)
	require.Equal(t, abi.Version, told.ABI)
	require.Equal(t, []manifest.Grant{manifest.GrantLog, manifest.GrantPublish, manifest.GrantSessions}, told.Grants)
	require.Equal(t, plugin.FeatureLimits{TimeoutMS: 70, Fuel: 71 * 100_000_000, MemoryMiB: 64, OutputKiB: 9, HostCalls: 10_000}, told.Limits)
	require.Contains(t, told.Hooks, "protocol")
	require.Subset(t, told.Imports, []string{"features", "get", "conn_send"})
}

func TestAHostCallThatTakesTooLongEndsTheCall(t *testing.T) {
	f := openWorld(t, newWorld(), map[string]string{"p": all + "limits: {timeout: 200ms}"})
	rec := request()
	rec.Path = []byte("!set /slow")
	_, err := f.call(rec)
	require.ErrorContains(t, err, "did not finish within its time limit")
	require.EqualValues(t, 1, f.only().Traps)
}

func TestImportsNeedTheirGrants(t *testing.T) {
	module, err := worldGuest()
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) { o.Services = newWorld() })
	f.put("p.wasm", module)
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Regexp(t, `import happn\.(publish|session_get) needs the grant "(publish|sessions)": add it to grants`, f.only().Reason)
}

func TestPluginsCallEachOtherWhenBothOperatorsFilesSaySo(t *testing.T) {
	w := newWorld()
	for name, c := range map[string]struct{ caller, callee, what, says string }{
		"both":         {"calls: [b.echo]", "hooks: [{kind: service, callers: [a]}]", "call b.echo", `"{\"caller\":\"a\",\"got\":1}"`},
		"any caller":   {"calls: [b.echo]", "hooks: [{kind: service, callers: ['*']}]", "call b.echo", `"{\"caller\":\"a\",\"got\":1}"`},
		"caller only":  {"calls: [b.echo]", "", "call b.echo", `plugin b does not have a among its callers`},
		"callee only":  {"", "hooks: [{kind: service, callers: [a]}]", "call b.echo", `is not among calls in the operator's file`},
		"nobody":       {"calls: [c.echo]", "", "call c.echo", `"not found"`},
		"itself":       {"calls: [a.echo]\nhooks: [{kind: service, callers: [a]}]", "", "call a.echo", `plugin a is waiting for this very call`},
		"what refuses": {"calls: [refuse]", "hooks: [{kind: service, names: [b.echo, refuse], callers: [a]}]", "call refuse", `not today`},
	} {
		t.Run(name, func(t *testing.T) {
			caller := all + c.caller
			if !strings.Contains(caller, "hooks") {
				caller += "\nhooks: [{kind: service, names: [a.echo]}]"
			}
			f := openWorld(t, w, map[string]string{"a": caller, "b": all + c.callee})
			require.Contains(t, f.do(c.what, "1"), c.says, "%s", f.log.String())
		})
	}
}

func TestAPluginHearsEventsInTheirOrder(t *testing.T) {
	w := newWorld()
	f := openWorld(t, w, map[string]string{"p": all + "hooks: [{kind: event, paths: ['/e/*', '/f']}]"})
	for n := range 100 {
		w.publish("/ALL@/e/*", fmt.Sprintf("/e/%d", n), fmt.Sprint(n))
	}
	w.publish("/ALL@/f", "/f/bad", "0")
	w.publish("/ALL@/f", "/f/last", "1")
	require.Eventually(t, func() bool { return strings.Contains(f.log.String(), "heard /f/last") }, 20*time.Second, 5*time.Millisecond)
	at := 0
	for n := range 100 {
		i := strings.Index(f.log.String()[at:], fmt.Sprintf("heard /e/%d %d on /ALL@/e/*", n, n))
		require.GreaterOrEqual(t, i, 0, "%d after what came before", n)
		at += i
	}
	require.EqualValues(t, 1, f.only().Errors, "an event that the plugin fails on")

	f.put("p.yaml", []byte(all+"hooks: [{kind: event, paths: ['/g']}]"))
	w.publish("/ALL@/f", "/f/not", "1")
	w.publish("/ALL@/g", "/g", "1")
	require.Eventually(t, func() bool { return strings.Contains(f.log.String(), "heard /g") }, 20*time.Second, 5*time.Millisecond)
	require.NotContains(t, f.log.String(), "/f/not", "the operator took it away")
}

func TestEveryInstanceHearsEachEventIfItAsks(t *testing.T) {
	w := newWorld()
	module, err := worldGuest()
	require.NoError(t, err)
	f := openWorld(t, w, map[string]string{})
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "p.yaml"), []byte(all), 0o600))
	f.put("p.wasm", withManifest(t, module, `{"name":"p","hooks":[{"kind":"event","paths":["/e"],"deliver":"each"}]}`))
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
	w.publish("/ALL@/e", "/e", "1")
	require.Eventually(t, func() bool { return strings.Count(f.log.String(), "heard /e 1") == 2 }, 20*time.Second, 5*time.Millisecond)
	f.remove("p.wasm")
	require.Zero(t, w.actors())
}
