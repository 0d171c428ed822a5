package bench

import (
	"context"
	"math/rand/v2"
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

func (d *documents) checkStored(s *slot, m []byte) error {
	return checkData(m, d.cfg.Size, s.uses[0], s.uses[1])
}

// keyed is where a document whose number is all that it has lies.
func (d *documents) keyed(folder string) func(n uint64) place {
	return func(n uint64) place {
		return place{path: d.path(folder + "/" + tenDigits(n)), key: n, value: n}
	}
}

// set overwrites documents at random.
func (d *documents) set(ctx context.Context) (*Report, error) {
	if err := d.desk.fill(ctx, d.cfg.Docs, d.keyed("d")); err != nil {
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
				n := uint64(d.fresh.Add(1) - 1)
				return n, n
			},
			check: d.checkStored,
		}
	})
	if err != nil {
		return nil, err
	}
	if err = d.desk.count(ctx, d.path("n/*"), d.fresh.Load()); err != nil {
		return nil, err
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
	if err = d.desk.verify(ctx, n, d.keyed("n")); err != nil {
		return nil, err
	}
	report.Checked += int64(n)
	return report, nil
}

// get reads documents at random.
func (d *documents) get(ctx context.Context) (*Report, error) {
	if err := d.desk.fill(ctx, d.cfg.Docs, d.keyed("d")); err != nil {
		return nil, err
	}
	return d.drive(ctx, func(s *session) work {
		return work{
			text: requestText("get", d.path("d/"+keyMark), "null", s.id, ""),
			next: func(*slot) (uint64, uint64) {
				n := rand.Uint64N(uint64(d.cfg.Docs))
				return n, n
			},
			check: d.checkStored,
		}
	})
}

// getWildcard reads groups of documents at random.
func (d *documents) getWildcard(ctx context.Context) (*Report, error) {
	size := uint64(d.cfg.Results)
	groups := uint64(d.cfg.Docs) / size
	err := d.desk.fill(ctx, d.cfg.Docs, func(n uint64) place {
		key, value := n/size, n%size
		return place{path: d.path("w/" + tenDigits(key) + "/" + tenDigits(value)), key: key, value: value}
	})
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
