package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is something that is done, with what is done for it. A nil one is of
// something that is not recorded, and all its methods do nothing.
type Span struct {
	span   trace.Span
	tracer *Tracer
}

type spanKey struct{}

// In returns the span that ctx carries, nil if nothing is recorded.
func In(ctx context.Context) *Span {
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}

// Start begins a part of the span that ctx carries. Without one it returns ctx and
// nil.
func Start(ctx context.Context, name string) (context.Context, *Span) {
	if ctx == nil || ctx == context.Background() {
		return ctx, nil
	}
	if s := In(ctx); s != nil {
		return s.start(ctx, name)
	}
	return ctx, nil
}

func (s *Span) start(ctx context.Context, name string) (context.Context, *Span) {
	return s.tracer.start(trace.ContextWithSpan(ctx, s.span), name, trace.SpanKindInternal)
}

// With returns ctx with the span in it, for what is done under another context
// than that which Begin or Start have returned.
func (s *Span) With(ctx context.Context) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, spanKey{}, s)
}

// Child begins a part of the span for which nobody needs a context.
func (s *Span) Child(name string) *Span {
	if s == nil {
		return nil
	}
	_, child := s.start(context.Background(), name)
	return child
}

// Text adds an attribute. Only what the operator or the protocol has named belongs
// there: names of plugins, actions, routes.
func (s *Span) Text(name, value string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(name, value))
	}
}

// Number adds an attribute.
func (s *Span) Number(name string, value int) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(name, value))
	}
}

// Path adds a path, which tells about people, unless paths are not recorded.
func (s *Span) Path(name string, path []byte) {
	if s != nil && s.tracer.paths && len(path) > 0 {
		s.span.SetAttributes(attribute.String(name, string(path)))
	}
}

// Fail says that it failed. reason is of the host's making, never text that a
// client or a plugin has chosen.
func (s *Span) Fail(reason string) {
	if s != nil {
		s.span.SetStatus(codes.Error, reason)
	}
}

// End ends it. Nothing may be added afterwards.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}
