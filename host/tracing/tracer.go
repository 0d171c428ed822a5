package tracing

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer begins traces. It may be used by any goroutine; a nil one records nothing.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	queue    *queue
	ratio    float64
	parents  bool
	paths    bool
	requests inFlight
}

// New returns a tracer that sends what it records until Close. A collector that is
// away is no error.
func New(ctx context.Context, o Options) (*Tracer, error) {
	exporter, err := o.exporter(ctx)
	if err != nil {
		return nil, err
	}
	about, err := o.resource(ctx)
	if err != nil {
		return nil, errors.Join(err, exporter.Shutdown(ctx))
	}
	t := &Tracer{queue: newQueue(exporter, o.Queue, o.Failed), ratio: o.Ratio, parents: o.Parents, paths: o.Paths}
	// Whether to record is decided before a span is begun, which is what costs.
	t.provider = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithResource(about), sdk.WithSpanProcessor(t.queue))
	t.tracer = t.provider.Tracer("github.com/happn-host/happn-host")
	return t, nil
}

// Close waits for requests that are not over, sends what waits, for as long as ctx lets it, and ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	t.requests.wait(ctx)
	return t.provider.Shutdown(ctx)
}

// Stats counts spans.
type Stats struct {
	Sent    int64 // taken by the collector
	Failed  int64 // that could not be sent
	Dropped int64 // because too many waited
}

// Stats returns the counts since New.
func (t *Tracer) Stats() Stats {
	return Stats{Sent: t.queue.sent.Load(), Failed: t.queue.failed.Load(), Dropped: t.queue.dropped.Load()}
}

// Begin begins a trace, if this one is to be recorded: the span is nil otherwise,
// and the context the one that was given. If ctx carries a span already, what is
// begun is a part of it.
func (t *Tracer) Begin(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	if ctx != context.Background() {
		if parent := In(ctx); parent != nil {
			return parent.start(ctx, name)
		}
	}
	if !t.chosen() {
		return ctx, nil
	}
	return t.start(ctx, name, trace.SpanKindServer)
}

// chosen draws whether a trace is recorded.
func (t *Tracer) chosen() bool { return t.ratio >= 1 || t.ratio > 0 && rand.Float64() < t.ratio }

// BeginHTTP is Begin for a request over HTTP, whose traceparent (W3C Trace Context)
// says which trace it belongs to, and whether that is recorded.
func (t *Tracer) BeginHTTP(r *http.Request, name string) (context.Context, *Span) {
	ctx := r.Context()
	if t == nil {
		return ctx, nil
	}
	if !t.parents {
		return t.Begin(ctx, name)
	}
	outside := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	parent := trace.SpanContextFromContext(outside)
	if !parent.IsValid() {
		return t.Begin(ctx, name)
	}
	if !parent.IsSampled() {
		return ctx, nil
	}
	return t.start(trace.ContextWithRemoteSpanContext(ctx, parent), name, trace.SpanKindServer)
}

func (t *Tracer) start(ctx context.Context, name string, kind trace.SpanKind) (context.Context, *Span) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind))
	s := &Span{span: span, tracer: t}
	return context.WithValue(ctx, spanKey{}, s), s
}
