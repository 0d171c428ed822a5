package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/metrics"
	"github.com/happn-host/happn-host/host/tracing"
)

// lastTraces bounds how long a stop waits for the collector.
const lastTraces = 3 * time.Second

// openTraces begins to record traces, if that is configured.
func (h *Host) openTraces(ctx context.Context) (err error) {
	c := h.config.Telemetry.Traces
	if !c.Enabled {
		return nil
	}
	headers, err := config.Revealed(config.Pairs(c.Headers))
	if err != nil {
		return err
	}
	h.tracer, err = tracing.New(ctx, tracing.Options{
		Endpoint: c.Endpoint, Headers: headers, CAFile: c.CAFile,
		Ratio: c.Share(), Parents: c.Parents, Paths: c.Paths, Queue: c.Queue,
		Service: c.Service, Version: h.version, Instance: h.name, Attributes: config.Pairs(c.Attributes),
		Failed: (&seldom{log: h.log}).say,
	})
	return err
}

// closeTraces sends what was recorded last. A collector that is away is no error of
// the host's.
func (h *Host) closeTraces(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastTraces)
	defer cancel()
	if err := h.tracer.Close(ctx); err != nil {
		h.log.Warn("the end of traces failed", "error", err)
	}
}

// seldom logs that traces could not be sent, once a minute. One goroutine calls it.
type seldom struct {
	log  *slog.Logger
	last time.Time
}

func (s *seldom) say(err error) {
	if now := time.Now(); s.last.IsZero() || now.Sub(s.last) >= time.Minute {
		s.last = now
		s.log.Warn("traces could not be sent; look at telemetry.traces.endpoint", "error", err)
	}
}

func (f *families) traces(t *tracing.Tracer) {
	if t == nil {
		return
	}
	stats := t.Stats()
	f.of("happn_trace_spans_total", "Spans of traces, by what became of them.", metrics.Counter, []string{"outcome"}, []metrics.Value{
		{Labels: []string{"sent"}, Value: float64(stats.Sent)},
		{Labels: []string{"failed"}, Value: float64(stats.Failed)},
		{Labels: []string{"dropped"}, Value: float64(stats.Dropped)},
	})
}
