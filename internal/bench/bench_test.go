package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/internal/bench"
	"github.com/happn-host/happn-host/internal/reference"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startReference(t *testing.T) *reference.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("the reference server is left out of short tests")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // npm may have to install it
	defer cancel()
	s, err := reference.Start(ctx, 0, nil, "")
	if errors.Is(err, reference.ErrNoNode) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	return s
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
	s := startReference(t)
	for _, scenario := range bench.Scenarios() {
		t.Run(scenario, func(t *testing.T) {
			cfg := small(scenario, s.URL())
			cfg.ServerPID = s.PID()
			report, err := bench.Run(context.Background(), cfg)
			require.NoError(t, err)
			assert.Positive(t, report.Checked)
			if scenario == bench.ScenarioIdle {
				assert.Positive(t, report.BytesPerConnection)
				return
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
	out.Reset()
	require.NoError(t, bench.Command(context.Background(), append(args, "--json"), &out, &errs))
	var report map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	for _, key := range []string{"scenario", "ops", "ops_per_second", "latency", "load_cpu_us_per_op", "clients"} {
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
