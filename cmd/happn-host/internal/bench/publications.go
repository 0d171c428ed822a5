package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// publications are the scenarios that publish and subscribe.
type publications struct {
	*run
	publishers  []*session
	subscribers []*subscriber
	finished    atomic.Bool // every publication has come
}

// subscriber is a connection that receives.
type subscriber struct {
	*session
	index   int
	accept  func(m []byte) error // checks and tallies a publication
	latency histogram
}

func (r *run) publications(ctx context.Context, publishers int) (*publications, error) {
	p := &publications{
		run: r, publishers: make([]*session, publishers),
		subscribers: make([]*subscriber, r.cfg.Subscribers),
	}
	err := each(ctx, publishers+r.cfg.Subscribers, 32, func(ctx context.Context, i int) error {
		s, err := r.session(ctx)
		if i < publishers {
			p.publishers[i] = s
		} else {
			p.subscribers[i-publishers] = &subscriber{session: s, index: i - publishers}
		}
		return err
	})
	return p, err
}

// options of a publishing request.
func (p *publications) options() string {
	o := `{"consistency":` + strconv.Itoa(p.cfg.Consistency) + `,"noDataResponse":true`
	if !p.cfg.Store {
		o += `,"noStore":true`
	}
	return o + "}"
}

// pubsub publishes on one topic for each publisher to subscribers of all.
func (p *publications) pubsub(ctx context.Context) (*Report, error) {
	tallies := make([][]tally, len(p.subscribers))
	for i, s := range p.subscribers {
		options := map[string]any{"event_type": "all", "count": 0}
		if _, err := s.call("on", "/ALL@"+p.path("t/*"), nil, options); err != nil {
			return nil, err
		}
		tallies[i] = make([]tally, len(p.publishers))
		s.accept = func(m []byte) error {
			topic, ok := numberAfter(m, keyMember)
			value, ok2 := numberAfter(m, idMark)
			if !ok || !ok2 || topic >= uint64(len(p.publishers)) || len(m) < p.cfg.Size {
				return fmt.Errorf("publication is not one of ours: %.300s", m)
			}
			tallies[i][topic].add(value)
			return nil
		}
	}
	sent := make([]uint64, len(p.publishers))
	report, err := p.drive(ctx, p.cfg.Subscribers, func(i int, s *session) work {
		return work{
			text: requestText("set", p.path("t/"+keyMark), payload(p.cfg.Size, true), s.id, p.options()),
			next: func(*slot) (uint64, uint64) {
				sent[i]++
				return uint64(i), sent[i]
			},
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range tallies {
		for topic, t := range tallies[i] {
			if err = t.complete(int64(sent[topic])); err != nil {
				return nil, fmt.Errorf("subscriber %d, publisher %d: %w", i, topic, err)
			}
		}
	}
	return report, nil
}

// under publishes on paths at random, each of which one of very many
// subscriptions matches.
func (p *publications) under(ctx context.Context) (*Report, error) {
	if err := p.subscribe(ctx); err != nil {
		return nil, err
	}
	tallies := make([]tally, len(p.subscribers))
	mark := channelMark + p.path("m/")
	for i, s := range p.subscribers {
		s.accept = func(m []byte) error {
			key, ok := numberAfter(m, keyMember)
			value, ok2 := numberAfter(m, idMark)
			channel, ok3 := numberAfter(m, mark)
			if !ok || !ok2 || !ok3 || channel != key || key%uint64(len(p.subscribers)) != uint64(i) {
				return fmt.Errorf("publication does not belong to subscriber %d: %.300s", i, m)
			}
			tallies[i].add(value)
			return nil
		}
	}
	var sent atomic.Int64
	report, err := p.drive(ctx, 1, func(_ int, s *session) work {
		return work{
			text: requestText("set", p.path("m/"+keyMark), payload(p.cfg.Size, true), s.id, p.options()),
			next: func(*slot) (uint64, uint64) {
				return rand.Uint64N(uint64(p.cfg.Subscriptions)), uint64(sent.Add(1))
			},
		}
	})
	if err != nil {
		return nil, err
	}
	var total tally
	for _, t := range tallies {
		total.count += t.count
		total.sum += t.sum
	}
	if err = total.complete(sent.Load()); err != nil {
		return nil, err
	}
	return report, nil
}

// subscribe spreads the subscriptions over the subscribers.
func (p *publications) subscribe(ctx context.Context) error {
	sessions := make([]*session, len(p.subscribers))
	for i, s := range p.subscribers {
		sessions[i] = s.session
	}
	err := p.spread(ctx, sessions, p.cfg.Subscriptions, func(s *session, use func() uint64) work {
		return work{
			text: requestText("on", "/ALL@"+p.path("m/"+keyMark), "null", s.id, `{"event_type":"all","count":0}`),
			next: func(*slot) (uint64, uint64) { return use(), 0 },
			check: func(_ *slot, m []byte) error {
				a, err := decode(m)
				if err == nil && len(a.Data) < len(`{"id":""}`)+1 {
					err = fmt.Errorf("no subscription reference")
				}
				return err
			},
		}
	})
	if err != nil {
		return fmt.Errorf("make %d subscriptions: %w", p.cfg.Subscriptions, err)
	}
	return nil
}

// spread makes n requests, unmeasured, spread over the sessions; use gets each
// number below n once.
func (r *run) spread(ctx context.Context, sessions []*session, n int, make func(s *session, use func() uint64) work) error {
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

// drive publishes until the run stops and every publication has been received
// by as many subscribers as match.
func (p *publications) drive(ctx context.Context, matching int, make func(i int, s *session) work) (*Report, error) {
	var workers []func() error
	var publishing sync.WaitGroup
	var made atomic.Int64
	for i, s := range p.publishers {
		line, err := newPipeline(p.run, s, p.cfg.InFlight, make(i, s))
		if err != nil {
			return nil, err
		}
		publishing.Add(1)
		workers = append(workers, func() error {
			defer publishing.Done()
			err := line.drive()
			made.Add(line.made)
			p.keep(&line.latency, nil)
			return err
		})
	}
	for _, s := range p.subscribers {
		workers = append(workers, func() error {
			err := p.receive(s)
			p.keep(nil, &s.latency)
			return err
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers = append(workers, func() error {
		publishing.Wait()
		return p.drain(ctx, &made, int64(matching))
	})
	from, to, err := p.measure(ctx, workers)
	if err != nil {
		return nil, err
	}
	return p.report(from, to), nil
}

// drain waits for the last deliveries and then makes the subscribers stop.
func (p *publications) drain(ctx context.Context, made *atomic.Int64, matching int64) error {
	deadline := time.Now().Add(drainTimeout)
	for p.deliveries.Load() < made.Load()*matching {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d publications came of %d", p.deliveries.Load(), made.Load()*matching)
		}
		if err := pause(ctx, pollInterval); err != nil {
			return err
		}
	}
	if err := pause(ctx, stragglers); err != nil { // what comes now is too many
		return err
	}
	p.finished.Store(true)
	for _, s := range p.subscribers {
		_ = s.conn.SetReadDeadline(time.Now())
	}
	return nil
}

// stragglers is how long to wait for publications that nobody sent.
const stragglers = 50 * time.Millisecond

// receive takes publications until drain says that all have come.
func (p *publications) receive(s *subscriber) error {
	for {
		if err := s.fill(); err != nil {
			if p.finished.Load() {
				return nil
			}
			return fmt.Errorf("subscriber %d lost its connection: %w", s.index, err)
		}
		now := time.Now()
		measuring := p.measuring()
		var n int64
		for {
			m, err := s.next()
			if err != nil {
				return fmt.Errorf("subscriber %d: %w", s.index, err)
			}
			if m == nil {
				break
			}
			if err = s.accept(m); err != nil {
				return err
			}
			n++
			if sent, ok := numberAfter(m, timeMember); ok && measuring {
				s.latency.record(now.Sub(time.Unix(0, int64(sent))))
			}
		}
		p.deliveries.Add(n)
	}
}
