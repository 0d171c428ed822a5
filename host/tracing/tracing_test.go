package tracing_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/host/tracing"
	"github.com/happn-host/happn-host/host/tracing/collector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, o tracing.Options) *tracing.Tracer {
	tb.Helper()
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Queue == 0 {
		o.Queue = 100
	}
	tracer, err := tracing.New(context.Background(), o)
	require.NoError(tb, err)
	return tracer
}

func TestSpansReachTheCollectorWhenTheTracerIsClosed(t *testing.T) {
	at := collector.Start(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.name=overruled")
	tracer := open(t, tracing.Options{
		Endpoint: at.URL, Ratio: 1, Service: "mine", Version: "1", Headers: map[string]string{"Authorization": "Bearer x"},
		Attributes: map[string]string{"room": "7"},
	})
	ctx, span := tracer.Begin(context.Background(), "set")
	span.Text("happn.protocol", "happn_4")
	span.Path("happn.path", []byte("/people/ann"))
	_, part := tracing.Start(ctx, "publish")
	part.Number("happn.recipients", 3)
	part.Fail("refused")
	part.End()
	span.Child("store write").End()
	span.End()
	require.NoError(t, tracer.Close(t.Context()))
	spans := map[string]collector.Span{}
	for _, s := range at.Spans() {
		spans[s.Name] = s
	}
	require.Len(t, spans, 3)
	root := spans["set"]
	require.Equal(t, map[string]string{"happn.protocol": "happn_4"}, root.Attributes, "paths are not recorded")
	require.Equal(t, "mine", root.Resource["service.name"])
	require.Equal(t, "7", root.Resource["room"])
	require.Equal(t, "test", root.Resource["deployment.environment"])
	for _, name := range []string{"publish", "store write"} {
		require.Equal(t, root.ID, spans[name].Parent)
		require.Equal(t, root.Trace, spans[name].Trace)
	}
	require.True(t, spans["publish"].Failed)
	require.Equal(t, "refused", spans["publish"].Status)
	require.Equal(t, "3", spans["publish"].Attributes["happn.recipients"])
	require.Equal(t, "Bearer x", at.Headers()[0].Get("Authorization"))
	require.Equal(t, tracing.Stats{Sent: 3}, tracer.Stats())
	_, late := tracer.Begin(context.Background(), "late")
	late.End()
	require.Len(t, at.Spans(), 3)
}

func TestTheEnvironmentNamesTheCollector(t *testing.T) {
	at := collector.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", at.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "key=secret")
	t.Setenv("OTEL_SERVICE_NAME", "by-environment")
	tracer := open(t, tracing.Options{Ratio: 1})
	_, span := tracer.Begin(context.Background(), "get")
	span.End()
	require.NoError(t, tracer.Close(t.Context()))
	require.Equal(t, "by-environment", at.Spans()[0].Resource["service.name"])
	require.Equal(t, "secret", at.Headers()[0].Get("Key"))
}

func TestARatioOfTracesIsRecorded(t *testing.T) {
	at := collector.Start(t)
	tracer := open(t, tracing.Options{Endpoint: at.URL, Ratio: 0.25, Queue: 10_000})
	recorded := 0
	for range 4000 {
		ctx, span := tracer.Begin(context.Background(), "get")
		_, part := tracing.Start(ctx, "part")
		require.Equal(t, span == nil, part == nil, "a trace is recorded whole or not at all")
		if part.End(); span != nil {
			recorded++
		}
		span.End()
	}
	require.InDelta(t, 1000, recorded, 200)
	require.NoError(t, tracer.Close(t.Context()))
	require.Len(t, at.Spans(), 2*recorded)
}

func TestACollectorThatIsAwayIsNeitherWaitedForNorRemembered(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer gone.Close() // it accepts nobody, so that requests hang
	failed := make(chan error, 10)
	tracer := open(t, tracing.Options{Endpoint: "http://" + gone.Addr().String(), Ratio: 1, Queue: 10, Failed: func(err error) { failed <- err }})
	const spans = 2000
	begun := time.Now()
	for range spans {
		_, span := tracer.Begin(context.Background(), "get")
		span.End()
	}
	require.Less(t, time.Since(begun), 5*time.Second)
	require.Positive(t, tracer.Stats().Dropped)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun = time.Now()
	require.NoError(t, tracer.Close(ctx))
	require.Less(t, time.Since(begun), 5*time.Second)
	require.Error(t, <-failed)
	stats := tracer.Stats()
	require.Zero(t, stats.Sent)
	require.EqualValues(t, spans, stats.Failed+stats.Dropped)
}

func TestRequestsBelongToTheTraceThatTheyName(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
	for name, c := range map[string]struct {
		header  string
		parents bool
		ratio   float64
		spans   int
		known   bool
	}{
		"recorded":           {parent + "01", true, 0, 1, true},
		"not recorded":       {parent + "00", true, 1, 0, false},
		"none":               {"", true, 1, 1, false},
		"nonsense":           {"00-zz-1", true, 1, 1, false},
		"that are not heard": {parent + "01", false, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			at := collector.Start(t)
			tracer := open(t, tracing.Options{Endpoint: at.URL, Ratio: c.ratio, Parents: c.parents, Paths: true})
			mux := http.NewServeMux()
			mux.HandleFunc("GET /a/{x}", func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, c.spans > 0, tracing.In(r.Context()) != nil)
				w.WriteHeader(http.StatusBadGateway)
			})
			r := httptest.NewRequest(http.MethodGet, "/a/1", nil)
			r.Header.Set("traceparent", c.header)
			tracer.Handler(mux).ServeHTTP(httptest.NewRecorder(), r)
			require.NoError(t, tracer.Close(t.Context()))
			spans := at.Spans()
			require.Len(t, spans, c.spans)
			if c.spans == 0 {
				return
			}
			require.Equal(t, c.known, spans[0].Trace == "0af7651916cd43dd8448eb211c80319c" && spans[0].Parent == "b7ad6b7169203331")
			require.True(t, spans[0].Failed)
			require.Equal(t, map[string]string{
				"http.request.method": "GET", "http.route": "GET /a/{x}", "http.response.status_code": "502", "url.path": "/a/1",
			}, spans[0].Attributes)
		})
	}
}

func TestWhatIsNotConfiguredWellIsAnError(t *testing.T) {
	for _, o := range []tracing.Options{{Endpoint: "::"}, {Endpoint: "http://127.0.0.1", CAFile: "not-there.pem"}, {CAFile: "doc.go"}} {
		_, err := tracing.New(t.Context(), o)
		require.Error(t, err)
	}
}

func BenchmarkWhatIsNotRecorded(b *testing.B) {
	for name, tracer := range map[string]*tracing.Tracer{"off": nil, "not drawn": open(b, tracing.Options{Endpoint: "http://127.0.0.1:1"})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx, span := tracer.Begin(context.Background(), "get")
				_, part := tracing.Start(ctx, "part")
				part.End()
				span.End()
			}
		})
		require.NoError(b, tracer.Close(context.Background()))
	}
}

func BenchmarkRecorded(b *testing.B) {
	at := collector.Start(b)
	tracer := open(b, tracing.Options{Endpoint: at.URL, Ratio: 1, Queue: 1})
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Begin(context.Background(), "get")
		span.End()
	}
	require.NoError(b, tracer.Close(context.Background()))
}

// A refusal that writes past the server has been read before the request is over.
func TestTheLastRequestIsWaitedFor(t *testing.T) {
	at := collector.Start(t)
	tracer := open(t, tracing.Options{Endpoint: at.URL, Ratio: 1})
	release := make(chan struct{})
	server := httptest.NewServer(tracer.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 401 no\r\nConnection: close\r\n\r\n"))
			_ = conn.Close()
		}
		<-release
	})))
	answer, err := http.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	server.Close() // which does not wait for it
	closed := make(chan error, 1)
	go func() { closed <- tracer.Close(context.Background()) }()
	select {
	case <-closed:
		t.Error("it did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	require.NoError(t, <-closed)
	require.Len(t, at.Spans(), 1)
}
