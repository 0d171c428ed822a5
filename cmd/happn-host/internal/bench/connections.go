package bench

import (
	"context"
	"fmt"
	"time"
)

// connect connects, logs in and leaves, over and over.
func (r *run) connect(ctx context.Context) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var workers []func() error
	for range r.cfg.Clients {
		workers = append(workers, func() error {
			var latency histogram
			defer func() { r.keep(&latency, nil) }()
			for !r.stopping() && ctx.Err() == nil {
				start := time.Now()
				s, err := r.cfg.open(ctx)
				if err != nil {
					return err
				}
				if r.measuring() {
					latency.record(time.Since(start))
				}
				s.close()
				r.ops.Add(1)
			}
			return ctx.Err()
		})
	}
	from, to, err := r.measure(ctx, workers)
	if err != nil {
		return nil, err
	}
	return r.report(from, to), nil
}

// practice is how many connections are made before the first reading of the
// server's memory, so that what it allocates once is not counted.
const practice = 50

// idle holds connections on which nothing happens.
func (r *run) idle(ctx context.Context) (*Report, error) {
	open := func(n int) error {
		return each(ctx, n, 16, func(ctx context.Context, _ int) error {
			_, err := r.session(ctx)
			return err
		})
	}
	settled := func() (int64, error) {
		if err := pause(ctx, r.cfg.Settle); err != nil {
			return 0, err
		}
		return serverMemory(r.cfg.ServerPID)
	}
	if err := open(practice); err != nil {
		return nil, err
	}
	before, err := settled()
	if err != nil {
		return nil, err
	}
	from, err := r.sample()
	if err != nil {
		return nil, err
	}
	if err = open(r.cfg.Connections); err != nil {
		return nil, err
	}
	to, err := r.sample()
	if err != nil {
		return nil, err
	}
	after, err := settled()
	if err != nil {
		return nil, err
	}
	for i, s := range r.sessions {
		if _, err = s.call("describe", "", nil, nil); err != nil {
			return nil, fmt.Errorf("idle connection %d is not usable: %w", i, err)
		}
		r.ops.Add(1)
	}
	report := r.report(from, to)
	report.BytesPerConnection = float64(after-before) / float64(r.cfg.Connections)
	return report, nil
}
