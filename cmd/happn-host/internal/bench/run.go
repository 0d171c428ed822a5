package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Phases of a run.
const (
	phaseWarmUp int32 = iota
	phaseMeasuring
	phaseStopping
)

const (
	drainTimeout = 60 * time.Second // for the last answers and deliveries
	pollInterval = 2 * time.Millisecond
)

// run is one measurement under way.
type run struct {
	cfg  Config
	id   string // part of every path, so that runs do not meet
	desk *desk

	phase      atomic.Int32
	ops        atomic.Int64 // answered requests
	deliveries atomic.Int64 // received publications

	mu       sync.Mutex
	latency  histogram
	delivery histogram
	sessions []*session
}

func newRun(cfg Config) *run {
	return &run{cfg: cfg, id: fmt.Sprintf("%08x", rand.Uint32())}
}

func (r *run) measuring() bool { return r.phase.Load() == phaseMeasuring }
func (r *run) stopping() bool  { return r.phase.Load() == phaseStopping }

// path is a path of this run.
func (r *run) path(rest string) string { return "/bench/" + r.id + "/" + rest }

// session opens a connection that is closed with the run.
func (r *run) session(ctx context.Context) (*session, error) {
	s, err := r.cfg.open(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions = append(r.sessions, s)
	return s, nil
}

// close ends every connection.
func (r *run) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		s.close()
	}
	r.sessions = nil
}

// abort breaks every connection, so that nobody waits on one any more.
func (r *run) abort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		_ = s.conn.Close()
	}
}

// sample is what has happened up to a moment.
type sample struct {
	at              time.Time
	ops, deliveries int64
	server, own     time.Duration
}

func (r *run) sample() (sample, error) {
	s := sample{at: time.Now(), ops: r.ops.Load(), deliveries: r.deliveries.Load(), own: ownCPU()}
	var err error
	if r.cfg.ServerPID != 0 {
		s.server, err = serverCPU(r.cfg.ServerPID)
	}
	return s, err
}

// measure runs the workers through warm-up, measurement and the answers that
// are still to come, and returns what happened between the two moments.
func (r *run) measure(ctx context.Context, workers []func() error) (from, to sample, err error) {
	g, gctx := errgroup.WithContext(ctx)
	for _, worker := range workers {
		g.Go(func() error {
			err := worker()
			if err != nil {
				r.abort() // the first failure ends the run
			}
			return err
		})
	}
	stop := context.AfterFunc(ctx, r.abort)
	defer stop()
	g.Go(func() error {
		defer r.phase.Store(phaseStopping)
		if err := pause(gctx, r.cfg.WarmUp); err != nil {
			return err
		}
		if from, err = r.sample(); err != nil {
			return err
		}
		r.phase.Store(phaseMeasuring)
		if err := r.until(gctx, from); err != nil {
			return err
		}
		to, err = r.sample()
		return err
	})
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	limit := time.NewTimer(r.cfg.WarmUp + max(r.cfg.Duration, 0) + drainTimeout)
	defer limit.Stop()
	if r.cfg.Count > 0 {
		limit.Reset(maxCounted)
	}
	select {
	case err = <-done:
	case <-limit.C:
		r.abort()
		err = errors.Join(fmt.Errorf("answers or deliveries are missing %s after the end of the load", drainTimeout), <-done)
	}
	return from, to, err
}

// maxCounted bounds a run with --count, whose duration nobody knows.
const maxCounted = 15 * time.Minute

// until waits for the end of the measurement.
func (r *run) until(ctx context.Context, from sample) error {
	if r.cfg.Count == 0 {
		return pause(ctx, r.cfg.Duration)
	}
	for r.ops.Load()-from.ops < r.cfg.Count {
		if err := pause(ctx, pollInterval); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// keep adds a worker's durations to the run's.
func (r *run) keep(latency, delivery *histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if latency != nil {
		r.latency.merge(latency)
	}
	if delivery != nil {
		r.delivery.merge(delivery)
	}
}

// each runs f for every number below n, at most width at a time.
func each(ctx context.Context, n, width int, f func(ctx context.Context, i int) error) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(width)
	for i := range n {
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			return f(gctx, i)
		})
	}
	return g.Wait()
}
