package bench

import (
	"bytes"
	"fmt"
	"time"
)

// work is what a scenario does with one connection's requests.
type work struct {
	text  string // of a request, with placeholders
	next  func(s *slot) (key, value uint64)
	check func(s *slot, m []byte) error // nil: the status is enough
	limit int64                         // requests to make, 0: until the run stops
	final bool                          // not part of the measurement: count and time nothing
}

// pipeline keeps requests under way on one session until the run stops and
// every answer has come.
type pipeline struct {
	run  *run
	s    *session
	work work

	slots    []*slot
	out      []byte
	made     int64
	answered int64
	latency  histogram
}

func newPipeline(r *run, s *session, inFlight int, w work) (*pipeline, error) {
	p := &pipeline{run: r, s: s, work: w}
	for i := range inFlight {
		slot, err := newSlot(w.text, i)
		if err != nil {
			return nil, err
		}
		p.slots = append(p.slots, slot)
	}
	return p, nil
}

// drive runs the pipeline. One system call sends every request that the
// answers of one system call made room for.
func (p *pipeline) drive() error {
	now := time.Now()
	for _, slot := range p.slots {
		p.send(slot, now)
	}
	for {
		if len(p.out) > 0 {
			if err := p.s.write(p.out); err != nil {
				return p.broken(err)
			}
			p.out = p.out[:0]
		}
		if p.answered == p.made {
			return nil
		}
		if err := p.s.fill(); err != nil {
			return p.broken(err)
		}
		if err := p.receive(); err != nil {
			return err
		}
	}
}

func (p *pipeline) broken(err error) error {
	return fmt.Errorf("connection lost with %d of %d requests unanswered: %w", p.made-p.answered, p.made, err)
}

// send puts the slot's next request among the bytes to go out, unless enough
// have been made.
func (p *pipeline) send(slot *slot, now time.Time) {
	if p.work.limit > 0 {
		if p.made == p.work.limit {
			return
		}
	} else if p.run.stopping() {
		return
	}
	p.made++
	key, value := p.work.next(slot)
	slot.use(key, value, now)
	p.out = append(p.out, slot.frame...)
}

// receive looks at every message that has come.
func (p *pipeline) receive() error {
	now := time.Now()
	measuring := !p.work.final && p.run.measuring()
	before := p.answered
	for {
		m, err := p.s.next()
		if err != nil {
			return p.broken(err)
		}
		if m == nil {
			break
		}
		if p.run.cfg.Consistency != 2 && bytes.Contains(m, []byte(`"type":"ack"`)) {
			continue // the outcome of a publication that came after its answer
		}
		slot, err := p.match(m)
		if err != nil {
			return err
		}
		p.answered++
		if measuring {
			p.latency.record(now.Sub(slot.sent))
		}
		slot.busy = false
		slot.next += uint64(len(p.slots))
		p.send(slot, now)
	}
	if !p.work.final {
		p.run.ops.Add(p.answered - before)
	}
	return nil
}

// match finds the request that a message answers and checks the answer.
func (p *pipeline) match(m []byte) (*slot, error) {
	var id uint64
	var ok bool
	const mark = `"eventId":`
	if len(m) > 0 && m[0] == '[' { // the meta is the last element
		if i := bytes.LastIndex(m, []byte(mark)); i >= 0 {
			id, ok = leadingNumber(m[i+len(mark):])
		}
	} else {
		// After the data first, where the meta usually is: the search is a good
		// part of what the generator spends on a request.
		tail := m[min(len(m), p.run.cfg.Size):]
		if id, ok = numberAfter(tail, mark); !ok {
			id, ok = numberAfter(m, mark)
		}
	}
	if !ok || id < firstEvent {
		a, err := decode(m)
		if err != nil {
			return nil, err
		}
		if id = a.Meta.EventID; id < firstEvent {
			return nil, fmt.Errorf("message answers no request: %.300s", m)
		}
	}
	slot := p.slots[(id-firstEvent)%uint64(len(p.slots))]
	if !slot.busy || slot.next != id {
		return nil, fmt.Errorf("request %d was answered twice or never made: %.300s", id, m)
	}
	const fine = `"status":"ok"`
	if tail := m[min(len(m), p.run.cfg.Size):]; !bytes.Contains(tail, []byte(fine)) && !bytes.Contains(m, []byte(fine)) {
		a, err := decode(m)
		if err == nil {
			err = a.err()
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %.300s", err, m)
		}
	}
	if p.work.check == nil {
		return slot, nil
	}
	if err := p.work.check(slot, m); err != nil {
		return nil, fmt.Errorf("wrong answer: %w: %.300s", err, m)
	}
	return slot, nil
}
