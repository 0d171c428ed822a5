//go:build !wasip1

package sdktest

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// Start starts the plugin with this configuration, JSON, and fails the test if
// it refuses to. Empty means the configuration of the manifest, or none.
type Start func(config string) Host

// Host shows messages to a plugin's hooks. A record whose Kind is zero becomes a
// request for Inbound and a response for Outbound.
type Host interface {
	Inbound(abi.Record) Result
	Outbound(abi.Record) Result
	// Log is what the plugin has logged so far.
	Log() string
}

// Result is what became of a message.
type Result struct {
	// Verdict is what the hook decided.
	Verdict abi.Verdict
	// Message is the record with the hook's changes. After REJECT and CLOSE its
	// Error holds the reason.
	Message abi.Record
	// Err is how the hook failed, if it did.
	Err error
}

// Both runs test against p natively, and against the main package in the present
// folder compiled to Wasm.
func Both(t *testing.T, p sdk.Plugin, test func(t *testing.T, start Start)) {
	t.Run("native", func(t *testing.T) {
		test(t, func(config string) Host { return Native(t, p, config) })
	})
	t.Run("wasm", func(t *testing.T) {
		module := Compile(t, ".")
		test(t, func(config string) Host { return Wasm(t, module, config) })
	})
}

// Native starts p in this process. Plugins that run natively share one host, so
// a test that uses it must not be parallel.
func Native(t testing.TB, p sdk.Plugin, config string) Host {
	t.Helper()
	n := &native{t: t, runner: sdk.Runner{Plugin: p}}
	t.Cleanup(hostcall.Set((*calls)(n)))
	if config == "" {
		config = "{}"
	}
	if !n.runner.Plugin.Configure([]byte(config)) {
		t.Fatalf("the plugin refused its configuration: %s", n.Log())
	}
	return n
}

type native struct {
	t       testing.TB
	runner  sdk.Runner
	payload []byte
	mu      sync.Mutex
	log     bytes.Buffer
}

// Inbound implements Host.
func (n *native) Inbound(r abi.Record) Result {
	return n.show(plugin.HookInbound, r, n.runner.Inbound)
}

// Outbound implements Host.
func (n *native) Outbound(r abi.Record) Result {
	return n.show(plugin.HookOutbound, r, n.runner.Outbound)
}

func (n *native) show(kind plugin.HookKind, r abi.Record, hook func([]byte) (abi.Verdict, []byte)) Result {
	n.t.Helper()
	setKind(&r, kind)
	n.payload = r.Data
	input := make([]byte, r.Size())
	if _, err := r.Encode(input); err != nil {
		n.t.Fatal(err)
	}
	verdict, output := hook(input)
	err := plugin.Conclude(kind, &r, verdict, bytes.Clone(output))
	return Result{Verdict: verdict, Message: r, Err: err}
}

// Log implements Host.
func (n *native) Log() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

// calls answers what a native plugin asks of its host.
type calls native

// Log implements hostcall.Host.
func (c *calls) Log(level int32, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log.WriteString(levelName(level) + " " + text + "\n")
}

// Payload implements hostcall.Host.
func (c *calls) Payload() []byte { return c.payload }

// World implements hostcall.Host.
func (c *calls) World() hostcall.World { return nil }

func setKind(r *abi.Record, kind plugin.HookKind) {
	if r.Kind != 0 {
		return
	}
	r.Kind = abi.KindRequest
	if kind == plugin.HookOutbound {
		r.Kind = abi.KindResponse
	}
}

func levelName(level int32) string {
	return strings.Fields("debug info warn error")[min(max(level, 0), 3)]
}
