//go:build !wasip1

package sdktest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// startTimeout bounds building and starting a plugin.
const startTimeout = 5 * time.Minute

// Compile builds the plugin in dir and returns the path of the module.
func Compile(t testing.TB, dir string) (module string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	module, err := build.Build(ctx, build.Options{Dir: dir, Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// Wasm starts a compiled plugin in the host's engine. Failures of the hook
// become the verdict ERROR, with Result.Err saying why.
func Wasm(t testing.TB, module, config string) Host {
	t.Helper()
	dir, name := t.TempDir(), filepath.Base(module)
	content, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	plain := strings.TrimSuffix(name, ".wasm")
	if operator := operatorFile(t, plain, config); operator != nil {
		if err := os.WriteFile(filepath.Join(dir, plain+".yaml"), operator, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &wasm{t: t, world: newWorld(t)}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	w.manager, err = plugin.Open(ctx, plugin.Options{
		Dir: dir, CacheDir: filepath.Join(filepath.Dir(module), "cache"), // one compilation for all starts
		Limits:   limit.Set{Instances: 1, Timeout: time.Second},
		Services: services{w.world.host.PluginServices(), w.world},
		Network:  noNetwork{w.world.host.PluginNetwork()},
		Logger:   slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.manager.Close(); err != nil {
			t.Error(err)
		}
	})
	if info := w.manager.List()[0]; info.State != plugin.StateReady {
		t.Fatalf("plugin is %s: %s\n%s", info.State, info.Reason, w.Log())
	}
	return w
}

type wasm struct {
	t       testing.TB
	world   *world
	manager *plugin.Manager
	mu      sync.Mutex
	log     bytes.Buffer
}

// Inbound implements Host.
func (w *wasm) Inbound(r abi.Record) Result {
	w.t.Helper()
	setKind(&r, hook.KindInbound)
	return w.show(w.manager.Inbound(), r)
}

// Outbound implements Host.
func (w *wasm) Outbound(r abi.Record) Result {
	w.t.Helper()
	setKind(&r, hook.KindOutbound)
	return w.show(w.manager.Outbound(), r)
}

func (w *wasm) show(layers []pipeline.Layer, r abi.Record) Result {
	w.t.Helper()
	if len(layers) != 1 {
		w.t.Fatal("the plugin has no such hook; see hooks in its manifest")
	}
	if !layers[0].Handles(r.Kind, r.Action, pipeline.Reach(r.Action, r.Path, r.Options)) {
		return Result{Verdict: abi.VerdictPass, Message: r}
	}
	verdict, err := layers[0].Call(context.Background(), &r)
	if err != nil {
		verdict = abi.VerdictError
	}
	return Result{Verdict: verdict, Message: r, Err: err}
}

// Event implements Host.
func (w *wasm) Event(r abi.Record) error { return event(w.manager.Calls(hook.KindEvent), r) }

// Service implements Host.
func (w *wasm) Service(name, caller string, data []byte) ([]byte, error) {
	return service(w.manager.Calls(hook.KindService), name, caller, data)
}

// Search implements Host.
func (w *wasm) Search(pattern, query, argument string) ([]pipeline.Hit, error) {
	return search(w.manager.Calls(hook.KindSearch), pattern, query, argument)
}

// Operator implements Host.
func (w *wasm) Operator(name, argument string, ranks bool, values ...string) ([]pipeline.Score, error) {
	return operator(w.manager.Calls(hook.KindSearch), name, argument, ranks, values)
}

// HTTP implements Host.
func (w *wasm) HTTP(r *http.Request, caller Caller) *http.Response {
	w.t.Helper()
	return request(w.t, w.manager.Calls(hook.KindHTTP), r, caller)
}

// Tick implements Host.
func (w *wasm) Tick(now time.Time) error {
	call := w.manager.Calls(hook.KindTick)
	if call == nil {
		return errNoHook
	}
	verdict, output, err := call(&abi.Record{EventID: uint64(now.UnixMilli())})
	if err != nil {
		return err
	}
	return outcome(verdict, output)
}

// Profile implements Host.
func (w *wasm) Profile(r abi.Record) Result {
	w.t.Helper()
	return decision(w.t, hook.KindProfile, w.manager.Calls(hook.KindProfile), r)
}

// Auth implements Host.
func (w *wasm) Auth(name string, r abi.Record) Result {
	w.t.Helper()
	r.Options = operation(name)
	return decision(w.t, hook.KindAuth, w.manager.Calls(hook.KindAuth), r)
}

// Session implements Host.
func (w *wasm) Session(id, record string) { w.world.know(id, record) }

// Client implements Host.
func (w *wasm) Client() *client.Client { return w.world.client }

// Metrics implements Host.
func (w *wasm) Metrics() []metric.Metric { return w.manager.List()[0].Metrics }

// Log implements Host.
func (w *wasm) Log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// Write receives what the host logs.
func (w *wasm) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}
