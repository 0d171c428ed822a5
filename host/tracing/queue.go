package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// sendAt is how many spans are sent together, sendAfter how long the first of
	// them waits for others.
	sendAt    = 512
	sendAfter = 2 * time.Second
	// sendWithin bounds one try to send, with what the exporter does to repeat it.
	sendWithin = 10 * time.Second
)

var _ sdk.SpanProcessor = (*queue)(nil)

// queue holds ended spans until its goroutine has sent them.
type queue struct {
	exporter sdk.SpanExporter
	report   func(error)
	spans    chan sdk.ReadOnlySpan
	sending  context.Context // of what is being sent; ends when Shutdown may wait no longer
	giveUp   context.CancelFunc

	ending sync.RWMutex // held for reading by OnEnd, for writing to close spans
	ended  bool
	idle   chan struct{} // closed when the goroutine has ended

	sent, failed, dropped atomic.Int64
}

func newQueue(exporter sdk.SpanExporter, most int, report func(error)) *queue {
	q := &queue{exporter: exporter, report: report, spans: make(chan sdk.ReadOnlySpan, max(most, 1)), idle: make(chan struct{})}
	q.sending, q.giveUp = context.WithCancel(context.Background())
	go q.run()
	return q
}

// OnStart implements sdk.SpanProcessor.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor. It waits for nothing.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	q.ending.RLock()
	defer q.ending.RUnlock()
	if q.ended {
		q.dropped.Add(1)
		return
	}
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

// ForceFlush implements sdk.SpanProcessor; nobody asks for it.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown sends what waits, until ctx ends, and then what is left never.
func (q *queue) Shutdown(ctx context.Context) error {
	q.ending.Lock()
	already := q.ended
	if q.ended = true; !already {
		close(q.spans)
	}
	q.ending.Unlock()
	stop := context.AfterFunc(ctx, q.giveUp)
	<-q.idle // soon after giveUp
	stop()
	q.giveUp()
	if already {
		return nil
	}
	return q.exporter.Shutdown(context.WithoutCancel(ctx))
}

// run sends spans until there are no more to come.
func (q *queue) run() {
	defer close(q.idle)
	batch := make([]sdk.ReadOnlySpan, 0, sendAt)
	timer := time.NewTimer(sendAfter)
	defer timer.Stop()
	for {
		select {
		case s, more := <-q.spans:
			if !more {
				q.send(batch)
				return
			}
			if batch = append(batch, s); len(batch) == 1 {
				timer.Reset(sendAfter)
			}
			if len(batch) < sendAt {
				continue
			}
		case <-timer.C:
		}
		q.send(batch)
		clear(batch)
		batch = batch[:0]
	}
}

func (q *queue) send(batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(q.sending, sendWithin)
	defer cancel()
	if err := q.exporter.ExportSpans(ctx, batch); err != nil {
		q.failed.Add(int64(len(batch)))
		q.report(err)
		return
	}
	q.sent.Add(int64(len(batch)))
}
