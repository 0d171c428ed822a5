package host_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/tracing/collector"
)

// tracingTo has a host send its traces there.
func tracingTo(at *collector.Collector) func(*config.Config) {
	return func(c *config.Config) {
		c.Telemetry.Traces.Enabled, c.Telemetry.Traces.Endpoint, c.Telemetry.Traces.Paths = true, at.URL, true
	}
}

// tree is the spans of one trace.
type tree struct {
	t     *testing.T
	spans []collector.Span
}

// below returns the one span of this name whose parent is that span.
func (tr tree) below(parent collector.Span, name string) collector.Span {
	tr.t.Helper()
	var found []collector.Span
	for _, s := range tr.spans {
		if s.Trace == parent.Trace && s.Parent == parent.ID && s.Name == name {
			found = append(found, s)
		}
	}
	require.Len(tr.t, found, 1, "%s below %s in %+v", name, parent.Name, tr.spans)
	return found[0]
}

// roots returns those of this name that are parts of nothing.
func (tr tree) roots(name string) (all []collector.Span) {
	for _, s := range tr.spans {
		if s.Parent == "" && s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

func stopped(t *testing.T, h *host.Host, at *collector.Collector) tree {
	stop(t, h)
	return tree{t, at.Spans()}
}

func TestATraceTellsWhatASetHasDone(t *testing.T) {
	at := collector.Start(t)
	h := startCopying(t, copying, tracingTo(at))
	c := connect(t, h)
	heard := make(chan struct{}, 10)
	_, err := c.On(t.Context(), "/a/*", func(context.Context, client.Publication) { heard <- struct{}{} }, nil)
	require.NoError(t, err)
	_, err = c.Set(t.Context(), "/a/1", map[string]int{"n": 1}, nil)
	require.NoError(t, err)
	<-heard
	_, err = c.Get(t.Context(), "/a/1", nil)
	require.NoError(t, err)
	_, err = c.GetAll(t.Context(), "/a/*", nil)
	require.NoError(t, err)
	tr := stopped(t, h, at)
	sets := tr.roots("set")
	require.Len(t, sets, 1, "what plugins set is a part of something")
	set := sets[0]
	require.Equal(t, "/a/1", set.Attributes["happn.path"])
	require.Equal(t, "happn_4", set.Attributes["happn.protocol"])
	require.False(t, set.Failed)
	inbound := tr.below(set, "plugin copy")
	require.Equal(t, map[string]string{"happn.plugin": "copy", "happn.hook": "inbound", "happn.verdict": "pass"}, inbound.Attributes)
	copied := tr.below(inbound, "set")
	require.Equal(t, "/in/a/1", copied.Attributes["happn.path"])
	tr.below(copied, "store write")
	tr.below(set, "store write")
	publish := tr.below(set, "publish")
	require.NotEqual(t, "0", publish.Attributes["happn.recipients"])
	outbound := tr.below(publish, "plugin copy")
	require.Equal(t, "outbound", outbound.Attributes["happn.hook"])
	gets := tr.roots("get")
	require.Len(t, gets, 2)
	for _, get := range gets {
		name := map[string]string{"/a/1": "store get", "/a/*": "store find"}[get.Attributes["happn.path"]]
		tr.below(get, name)
	}
	for _, event := range tr.roots("event") {
		require.Equal(t, "event", tr.below(event, "plugin copy").Attributes["happn.hook"])
	}
	require.NotEmpty(t, tr.roots("event"))
}

func TestATraceTellsWhatHasFailed(t *testing.T) {
	at := collector.Start(t)
	h := start(t, func(c *config.Config) { c.Secure = true; tracingTo(at)(c) })
	c, err := client.Connect(t.Context(), client.Options{URL: "ws://" + h.Addr().String(), Username: "nobody", Password: "x"})
	require.Error(t, err, c)
	answer, err := http.Get("http://" + h.Addr().String() + "/metrics")
	require.NoError(t, err)
	answer.Body.Close()
	tr := stopped(t, h, at)
	require.Len(t, tr.roots("login"), 1)
	require.True(t, tr.roots("login")[0].Failed)
	require.Equal(t, "AccessDenied", tr.roots("login")[0].Status)
	var statuses []string
	for _, s := range tr.roots("GET") {
		statuses = append(statuses, s.Attributes["url.path"]+" "+s.Attributes["http.response.status_code"])
	}
	require.Contains(t, statuses, "/metrics 401")
}

func TestMetricsCountSpans(t *testing.T) {
	at := collector.Start(t)
	h := start(t, tracingTo(at))
	answer, err := http.Get("http://" + h.Addr().String() + "/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `happn_trace_spans_total{outcome="dropped"} 0`)
}

func TestNothingIsTracedUnlessConfigured(t *testing.T) {
	at := collector.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", at.URL)
	h := start(t, nil)
	_, err := connect(t, h).Set(t.Context(), "/a", 1, nil)
	require.NoError(t, err)
	require.Empty(t, stopped(t, h, at).spans)
}

func TestSecretsOfHeadersComeFromTheEnvironment(t *testing.T) {
	at := collector.Start(t)
	t.Setenv("COLLECTOR_KEY", "from the environment")
	h := start(t, func(c *config.Config) {
		tracingTo(at)(c)
		c.Telemetry.Traces.Headers = []string{"x-key={$env:COLLECTOR_KEY}"}
	})
	_, err := connect(t, h).Set(t.Context(), "/a", 1, nil)
	require.NoError(t, err)
	stopped(t, h, at)
	require.Equal(t, "from the environment", at.Headers()[0].Get("X-Key"))

	c := config.Default()
	c.Telemetry.Traces.Enabled, c.Telemetry.Traces.Headers = true, []string{"x-key={$env:NOT_THERE}"}
	c.Data.Durability, c.Data.Dir, c.Plugins.Dir = "none", "", ""
	_, err = host.New(host.Options{Config: c})
	require.ErrorContains(t, err, "NOT_THERE")
}
