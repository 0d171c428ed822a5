//go:build !wasip1

package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/metric"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// Start starts the plugin with this configuration, JSON, and fails the test if
// it refuses to. Empty means the configuration of the operator's file, or of the
// manifest, or none.
//
// The plugin may do what the operator's file in the test's folder lets it do,
// <name>.yaml by the manifest's name, in a host that keeps documents in memory.
type Start func(config string) Host

// Caller is who makes an HTTP request; the zero value is nobody that the host knows.
type Caller = answer.Caller

// Host shows messages to a plugin's hooks. A record whose Kind is zero gets the
// one that the hook sees; an outbound one becomes a response.
type Host interface {
	Inbound(abi.Record) Result
	Outbound(abi.Record) Result
	// Event shows a publication to the event hook.
	Event(abi.Record) error
	// Service calls a service as another plugin does.
	Service(name, caller string, data []byte) (answer []byte, err error)
	// Search asks a query for all that it has found, part by part.
	Search(pattern, query, argument string) ([]pipeline.Hit, error)
	// Operator shows values to an operator; ranks says whether it puts them in an
	// order.
	Operator(name, argument string, ranks bool, values ...string) ([]pipeline.Score, error)
	// HTTP sends a request to the http hook; the path of its URL is below the
	// plugin's. The test closes nothing.
	HTTP(*http.Request, Caller) *http.Response
	// Tick calls the tick hook as if it were this time.
	Tick(time.Time) error
	// Profile shows a session, whose record is the data, to the profile hook. After
	// REPLACE the message's data are the policy.
	Profile(abi.Record) Result
	// Auth asks the auth hook for an operation, such as abi.OperationLogin. After
	// REPLACE the message's data are the answer.
	Auth(operation string, r abi.Record) Result
	// Session makes the plugin find a session of this id and record, JSON.
	Session(id, record string)
	// Connect connects to the plugin, as a peer of the protocol it speaks.
	Connect() *Peer
	// Client is an administrator of the host that the plugin acts in. What it does
	// does not pass the plugin's hooks.
	Client() *client.Client
	// Metrics are those that the plugin has defined.
	Metrics() []metric.Metric
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
	n := &native{t: t, runner: sdk.Runner{Plugin: p}, world: newWorld(t), manifest: manifestOf(t, config)}
	n.world.enter(t, n.manifest)
	t.Cleanup(hostcall.Set((*calls)(n)))
	text := n.manifest.Config
	if text == nil {
		text = []byte("{}")
	}
	if !n.runner.Plugin.Configure(text) {
		t.Fatalf("the plugin refused its configuration: %s", n.Log())
	}
	return n
}

// manifestOf returns the manifest of the plugin in the present folder, merged
// with its operator's file. A folder without a manifest has a plugin that may do
// nothing.
func manifestOf(t testing.TB, config string) *manifest.Manifest {
	t.Helper()
	content, err := os.ReadFile(build.ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = []byte(`{"name":"test"}`), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := manifest.Parse(build.ManifestFile, content)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.ParseBoth(build.ManifestFile, content, wanted.Name+".yaml", operatorFile(t, wanted.Name, config))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// operatorFile returns the operator's file of a plugin, with this configuration
// in place of its own unless it is empty; nil if there is none.
func operatorFile(t testing.TB, name, config string) []byte {
	t.Helper()
	operator := map[string]any{}
	content, err := os.ReadFile(name + ".yaml")
	switch {
	case errors.Is(err, fs.ErrNotExist) && config == "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &operator); err != nil {
		t.Fatal(err)
	}
	if config != "" {
		operator["config"] = json.RawMessage(config)
	}
	out, err := json.Marshal(operator) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	return out
}

type native struct {
	t        testing.TB
	runner   sdk.Runner
	world    *world
	manifest *manifest.Manifest
	payload  []byte
	metrics  metric.Set
	conns    *plugin.Connections // nil before there is one
	hooks    sync.Mutex          // held while a hook runs
	mu       sync.Mutex
	log      bytes.Buffer
}

// Inbound implements Host.
func (n *native) Inbound(r abi.Record) Result {
	return n.show(hook.KindInbound, r, n.runner.Inbound)
}

// Outbound implements Host.
func (n *native) Outbound(r abi.Record) Result {
	return n.show(hook.KindOutbound, r, n.runner.Outbound)
}

func (n *native) show(kind hook.Kind, r abi.Record, hook func([]byte) (abi.Verdict, []byte)) Result {
	n.t.Helper()
	setKind(&r, kind)
	verdict, output, _ := n.call(hook)(&r)
	err := plugin.Conclude(kind, &r, verdict, output)
	return Result{Verdict: verdict, Message: r, Err: err}
}

// call makes of a hook of the runner what the host calls.
func (n *native) call(hook func([]byte) (abi.Verdict, []byte)) plugin.Call {
	return func(r *abi.Record) (abi.Verdict, []byte, error) {
		n.hooks.Lock()
		defer n.hooks.Unlock()
		n.payload = r.Data
		input := make([]byte, r.Size())
		if _, err := r.Encode(input); err != nil {
			return 0, nil, err
		}
		verdict, output := hook(input)
		return verdict, bytes.Clone(output), nil
	}
}

// Event implements Host.
func (n *native) Event(r abi.Record) error { return event(n.call(n.runner.Event), r) }

// Service implements Host.
func (n *native) Service(name, caller string, data []byte) ([]byte, error) {
	return service(n.call(n.runner.Service), name, caller, data)
}

// Search implements Host.
func (n *native) Search(pattern, query, argument string) ([]pipeline.Hit, error) {
	return search(n.call(n.runner.Search), pattern, query, argument)
}

// Operator implements Host.
func (n *native) Operator(name, argument string, ranks bool, values ...string) ([]pipeline.Score, error) {
	return operator(n.call(n.runner.Search), name, argument, ranks, values)
}

// HTTP implements Host.
func (n *native) HTTP(r *http.Request, caller Caller) *http.Response {
	n.t.Helper()
	return request(n.t, n.call(n.runner.HTTP), r, caller)
}

// Tick implements Host.
func (n *native) Tick(now time.Time) error {
	n.hooks.Lock()
	defer n.hooks.Unlock()
	return outcome(n.runner.Tick(now.UnixMilli()))
}

// Profile implements Host.
func (n *native) Profile(r abi.Record) Result {
	n.t.Helper()
	return decision(n.t, hook.KindProfile, n.call(n.runner.Profile), r)
}

// Auth implements Host.
func (n *native) Auth(name string, r abi.Record) Result {
	n.t.Helper()
	r.Options = operation(name)
	return decision(n.t, hook.KindAuth, n.call(n.runner.Auth), r)
}

// Session implements Host.
func (n *native) Session(id, record string) { n.world.know(id, record) }

// Client implements Host.
func (n *native) Client() *client.Client { return n.world.client }

// Metrics implements Host.
func (n *native) Metrics() []metric.Metric { return n.metrics.All() }

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

// Features implements hostcall.Host.
func (c *calls) Features() []byte {
	text, err := json.Marshal(plugin.FeaturesOf(c.manifest))
	if err != nil {
		panic(err) // it holds words and numbers
	}
	return text
}

// DefineMetric implements hostcall.Host.
func (c *calls) DefineMetric(definition []byte) int32 {
	limits := limit.Default()
	n, err := c.metrics.Define(definition, &limits)
	if err != nil {
		return int32(plugin.Errno(err))
	}
	return int32(n)
}

// AddMetric implements hostcall.Host.
func (c *calls) AddMetric(number int32, value float64, labels []byte) int32 {
	limits := limit.Default()
	if err := c.metrics.Add(int(number), value, labels, &limits); err != nil {
		return int32(plugin.Errno(err))
	}
	return 0
}

// World implements hostcall.Host.
func (c *calls) World() hostcall.World { return nativeWorld{c.world, c.manifest} }

func setKind(r *abi.Record, kind hook.Kind) {
	if r.Kind != 0 {
		return
	}
	r.Kind = abi.KindRequest
	if kind == hook.KindOutbound {
		r.Kind = abi.KindResponse
	}
}

func levelName(level int32) string {
	return strings.Fields("debug info warn error")[min(max(level, 0), 3)]
}
