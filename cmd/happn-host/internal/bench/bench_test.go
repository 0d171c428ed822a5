package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/cmd/happn-host/internal/bench"
	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withHost{m}) }

// withHost runs the tests with a happn-host to load.
type withHost struct{ tests *testing.M }

func (w withHost) Run() int { return testhost.Main(w.tests) }

func startReference(t *testing.T) *testhost.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("the reference server is left out of short tests")
	}
	return testhost.StartReference(t, testhost.Settings{Name: "loaded"})
}

func startHost(t *testing.T) *testhost.Server {
	t.Helper()
	return testhost.Start(t, testhost.Settings{Name: "loaded"})
}

// small is a load that takes no time to speak of.
func small(scenario, url string) bench.Config {
	cfg := bench.DefaultConfig()
	cfg.Scenario, cfg.URL = scenario, url
	cfg.Clients, cfg.InFlight = 3, 4
	cfg.Duration, cfg.WarmUp, cfg.Settle = 200*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	cfg.Docs, cfg.Results, cfg.Subscriptions, cfg.Connections, cfg.Publishers = 205, 20, 300, 60, 2
	return cfg
}

func TestEveryScenarioMeasuresTheReference(t *testing.T) {
	measureEveryScenario(t, startReference(t))
}

func TestEveryScenarioMeasuresTheHost(t *testing.T) {
	measureEveryScenario(t, startHost(t))
}

func measureEveryScenario(t *testing.T, s *testhost.Server) {
	for _, scenario := range bench.Scenarios() {
		t.Run(scenario, func(t *testing.T) {
			cfg := small(scenario, s.URL())
			cfg.ServerPID = s.PID()
			report, err := bench.Run(context.Background(), cfg)
			require.NoError(t, err)
			assert.Equal(t, bench.ServerInfo{Name: "loaded"}, report.Server)
			assert.Positive(t, report.Checked)
			if scenario == bench.ScenarioIdle {
				return // whose memory may not grow for so few
			}
			assert.Positive(t, report.Ops)
			assert.Positive(t, report.OpsPerSec)
			assert.Positive(t, report.Latency.P50)
			assert.LessOrEqual(t, report.Latency.P50, report.Latency.P999)
			assert.LessOrEqual(t, report.Latency.P999, report.Latency.Max)
			assert.Positive(t, report.LoadCPUPerOp)
			switch scenario {
			case bench.ScenarioPubSub:
				assert.Greater(t, report.Deliveries, 5*report.Ops, "ten subscribers get everything")
				assert.Positive(t, report.DeliveryLatency.P50)
			case bench.ScenarioSubscriptions:
				assert.Positive(t, report.Deliveries)
			}
		})
	}
}

func TestIdleConnectionsCostMemory(t *testing.T) {
	s := startHost(t)
	cfg := small(bench.ScenarioIdle, s.URL())
	cfg.ServerPID, cfg.Connections = s.PID(), 1000
	report, err := bench.Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.Positive(t, report.BytesPerConnection)
	assert.GreaterOrEqual(t, report.Checked, int64(cfg.Connections), "each is used once at the end")
}

// left counts the documents of benches on a server.
func left(t *testing.T, s *testhost.Server) int64 {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: s.URL()})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	n, err := c.Count(t.Context(), "/bench/*", nil)
	require.NoError(t, err)
	return n
}

func TestDocumentsOfARunAreRemovedUnlessKept(t *testing.T) {
	s := startHost(t)
	for _, scenario := range []string{bench.ScenarioGetWildcard, bench.ScenarioSetDurable} {
		_, err := bench.Run(t.Context(), small(scenario, s.URL()))
		require.NoError(t, err)
		assert.Zero(t, left(t, s), scenario)
	}
	cfg := small(bench.ScenarioGet, s.URL())
	cfg.Keep = true
	_, err := bench.Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, int64(cfg.Docs), left(t, s))
}

func TestServersThatCannotBeLoadedAreTold(t *testing.T) {
	s := startHost(t)
	s.Kill()
	_, err := bench.Run(t.Context(), small(bench.ScenarioGet, s.URL()))
	assert.ErrorContains(t, err, "bench get: connect to ws://"+s.Addr())
}

func TestOtherWaysToLoadTheReference(t *testing.T) {
	s := startReference(t)
	t.Run("count instead of duration", func(t *testing.T) {
		cfg := small(bench.ScenarioGet, s.URL())
		cfg.Count, cfg.Duration, cfg.WarmUp = 500, 0, 0
		report, err := bench.Run(context.Background(), cfg)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, report.Ops, int64(500))
	})
	for consistency := range 3 {
		t.Run("stored publications at consistency "+strconv.Itoa(consistency), func(t *testing.T) {
			cfg := small(bench.ScenarioPubSub, s.URL())
			cfg.Consistency, cfg.Store = consistency, true
			_, err := bench.Run(context.Background(), cfg)
			assert.NoError(t, err)
		})
	}
	t.Run("large documents", func(t *testing.T) {
		cfg := small(bench.ScenarioGetWildcard, s.URL())
		cfg.Size, cfg.Clients, cfg.InFlight, cfg.Docs = 70_000, 1, 2, 40
		_, err := bench.Run(context.Background(), cfg)
		assert.NoError(t, err)
	})
}

func TestCommandReports(t *testing.T) {
	s := startReference(t)
	args := []string{"set", "--url", s.URL(), "--duration", "100ms", "--warm-up", "0", "--docs", "20", "--clients", "2",
		"--server-pid", strconv.Itoa(s.PID())}
	var out, errs bytes.Buffer
	require.NoError(t, bench.Command(context.Background(), args, &out, &errs))
	assert.Contains(t, out.String(), "every answer was right")
	assert.Contains(t, out.String(), "server CPU")
	assert.Contains(t, out.String(), "p99.9")
	assert.Contains(t, out.String(), "loaded, without security")
	out.Reset()
	require.NoError(t, bench.Command(context.Background(), append(args, "--json"), &out, &errs))
	var report map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	for _, key := range []string{"scenario", "ops", "ops_per_second", "latency", "load_cpu_us_per_op", "clients", "server"} {
		assert.Contains(t, report, key)
	}
	assert.Empty(t, errs.String())
}

func TestCommandTellsMistakes(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no scenario", nil, "name one scenario"},
		{"two scenarios", []string{"get", "set"}, "name one scenario"},
		{"unknown scenario", []string{"gett"}, `no scenario is called "gett"`},
		{"unknown flag", []string{"get", "--what"}, "unknown flag"},
		{"no room for the checks", []string{"get", "--size", "10"}, "--size is 10"},
		{"tls", []string{"get", "--url", "wss://host"}, "--url"},
		{"idle without a process", []string{"idle"}, "--server-pid"},
		{"more results than documents", []string{"get-wildcard", "--docs", "5"}, "--results"},
		{"consistency 3", []string{"pubsub", "--consistency", "3"}, "--consistency"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := bench.Command(context.Background(), test.args, &out, &errs)
			assert.ErrorContains(t, err, test.want)
			assert.Empty(t, out.String())
		})
	}
	var out, errs bytes.Buffer
	assert.NoError(t, bench.Command(context.Background(), []string{"--help"}, &out, &errs))
	assert.Contains(t, errs.String(), "get-wildcard")
}
