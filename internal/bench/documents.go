package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
)

// documents are the scenarios that store and read.
type documents struct {
	*run
	sessions []*session
	fresh    atomic.Int64 // keys given to new documents
}

func (r *run) documents(ctx context.Context) (*documents, error) {
	d := &documents{run: r, sessions: make([]*session, r.cfg.Clients)}
	err := each(ctx, r.cfg.Clients, 32, func(ctx context.Context, i int) (err error) {
		d.sessions[i], err = r.session(ctx)
		return err
	})
	return d, err
}

// drive makes every session work and measures.
func (d *documents) drive(ctx context.Context, make func(s *session) work) (*Report, error) {
	workers, err := d.workers(d.sessions, make)
	if err != nil {
		return nil, err
	}
	from, to, err := d.measure(ctx, workers)
	if err != nil {
		return nil, err
	}
	return d.report(from, to), nil
}

func (r *run) workers(sessions []*session, make func(s *session) work) ([]func() error, error) {
	var workers []func() error
	for _, s := range sessions {
		p, err := newPipeline(r, s, r.cfg.InFlight, make(s))
		if err != nil {
			return nil, err
		}
		workers = append(workers, func() error {
			err := p.drive()
			r.keep(&p.latency, nil)
			return err
		})
	}
	return workers, nil
}

// all makes n requests, unmeasured, spread over the sessions; use gets each
// number below n once.
func (r *run) all(ctx context.Context, sessions []*session, n int, make func(s *session, use func() uint64) work) error {
	const inFlight = 64
	return each(ctx, len(sessions), len(sessions), func(ctx context.Context, i int) error {
		mine := n / len(sessions)
		if i < n%len(sessions) {
			mine++
		}
		if mine == 0 {
			return nil
		}
		number := uint64(i)
		w := make(sessions[i], func() uint64 {
			defer func() { number += uint64(len(sessions)) }()
			return number
		})
		w.limit, w.final = int64(mine), true
		p, err := newPipeline(r, sessions[i], inFlight, w)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = sessions[i].conn.Close() })
		defer stop()
		return p.drive()
	})
}

// fill stores the documents to be read, each at the path with its key, and its
// key for value, unless split says otherwise.
func (d *documents) fill(ctx context.Context, path string, split func(n uint64) (key, value uint64)) error {
	err := d.all(ctx, d.sessions, d.cfg.Docs, func(s *session, use func() uint64) work {
		return work{
			text:  requestText("set", d.path(path), payload(d.cfg.Size, false), s.id, `{"noPublish":true}`),
			next:  func(*slot) (uint64, uint64) { return split(use()) },
			check: d.checkStored,
		}
	})
	if err != nil {
		return fmt.Errorf("store %d documents: %w", d.cfg.Docs, err)
	}
	return nil
}

func (d *documents) checkStored(s *slot, m []byte) error {
	return checkData(m, d.cfg.Size, s.uses[0], s.uses[1])
}

func same(n uint64) (key, value uint64) { return n, n }

// set overwrites documents at random.
func (d *documents) set(ctx context.Context) (*Report, error) {
	if err := d.fill(ctx, "d/"+keyMark, same); err != nil {
		return nil, err
	}
	return d.drive(ctx, func(s *session) work {
		var n uint64
		return work{
			text: requestText("set", d.path("d/"+keyMark), payload(d.cfg.Size, false), s.id, ""),
			next: func(*slot) (uint64, uint64) {
				n++
				return rand.Uint64N(uint64(d.cfg.Docs)), n
			},
			check: d.checkStored,
		}
	})
}

// setNew stores documents on paths that are new, and counts them at the end.
func (d *documents) setNew(ctx context.Context) (*Report, error) {
	report, err := d.drive(ctx, func(s *session) work {
		return work{
			text: requestText("set", d.path("n/"+keyMark), payload(d.cfg.Size, false), s.id, ""),
			next: func(*slot) (uint64, uint64) {
				return same(uint64(d.fresh.Add(1) - 1))
			},
			check: d.checkStored,
		}
	})
	if err != nil {
		return nil, err
	}
	raw, err := d.sessions[0].call("count", d.path("n/*"), nil, nil)
	if err != nil {
		return nil, err
	}
	var count struct{ Value int64 }
	if err = json.Unmarshal(raw, &count); err != nil || count.Value != d.fresh.Load() {
		return nil, fmt.Errorf("the server counts %s documents, %d were acknowledged", raw, d.fresh.Load())
	}
	return report, nil
}

// setDurable is setNew, after which everything that was acknowledged is read.
func (d *documents) setDurable(ctx context.Context) (*Report, error) {
	report, err := d.setNew(ctx)
	if err != nil {
		return nil, err
	}
	n := int(d.fresh.Load())
	err = d.all(ctx, d.sessions, n, func(s *session, use func() uint64) work {
		w := d.reading(s, "n/"+keyMark)
		w.next = func(*slot) (uint64, uint64) { return same(use()) }
		return w
	})
	if err != nil {
		return nil, fmt.Errorf("read back %d acknowledged documents: %w", n, err)
	}
	report.Checked += int64(n)
	return report, nil
}

func (d *documents) reading(s *session, path string) work {
	return work{text: requestText("get", d.path(path), "null", s.id, ""), check: d.checkStored}
}

// get reads documents at random.
func (d *documents) get(ctx context.Context) (*Report, error) {
	if err := d.fill(ctx, "d/"+keyMark, same); err != nil {
		return nil, err
	}
	return d.drive(ctx, func(s *session) work {
		w := d.reading(s, "d/"+keyMark)
		w.next = func(*slot) (uint64, uint64) { return same(rand.Uint64N(uint64(d.cfg.Docs))) }
		return w
	})
}

// getWildcard reads groups of documents at random.
func (d *documents) getWildcard(ctx context.Context) (*Report, error) {
	size := uint64(d.cfg.Results)
	groups := uint64(d.cfg.Docs) / size
	err := d.fill(ctx, "w/"+keyMark+"/"+valueMark, func(n uint64) (uint64, uint64) { return n / size, n % size })
	if err != nil {
		return nil, err
	}
	return d.drive(ctx, func(s *session) work {
		return work{
			text: requestText("get", d.path("w/"+keyMark+"/*"), "null", s.id, ""),
			next: func(*slot) (uint64, uint64) { return rand.Uint64N(groups), 0 },
			check: func(s *slot, m []byte) error {
				return checkList(m, d.cfg.Size, d.cfg.Results, s.uses[0])
			},
		}
	})
}

// cleanUp removes what the run has stored.
func (r *run) cleanUp(ctx context.Context) error {
	s, err := r.session(ctx)
	if err != nil {
		return err
	}
	if _, err = s.call("remove", r.path("*"), nil, map[string]any{"noPublish": true}); err != nil {
		return fmt.Errorf("remove the documents of the run, %s: %w", strconv.Quote(r.path("*")), err)
	}
	return nil
}
