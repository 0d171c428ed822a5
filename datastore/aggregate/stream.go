package aggregate

import (
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/datastore/match"
)

// minGrowth is by how many bytes a document may grow for nothing.
const minGrowth = 64 << 10

// transform is a stage that makes each document into one other, or none.
type transform func(r *run, doc expr.Value) (out expr.Value, ok bool, err error)

func (t transform) start(r *run, next sink) sink { return &transformSink{t, r, next} }

type transformSink struct {
	do   transform
	run  *run
	next sink
}

func (s *transformSink) add(doc expr.Value) (bool, error) {
	out, ok, err := s.do(s.run, doc)
	if err != nil || !ok {
		return true, err
	}
	if out.Size() > maxDocument {
		return false, &Error{Problem: "a document in the pipeline grows beyond 32 MiB"}
	}
	if out.Size() > 2*doc.Size()+minGrowth { // what comes next has more to do than the store has
		if err := s.run.multiply(out); err != nil {
			return false, err
		}
	}
	return s.next.add(out)
}

func (s *transformSink) end() error { return s.next.end() }

func (c *compiler) match(arg []byte, at *expr.Place) (stage, error) {
	f, err := match.CompileObjectFilter(arg, at.String(), c.by, c.variables...)
	if err != nil {
		return nil, err
	}
	return matchStage{f}, nil
}

// matchStage writes a document down to match it, unless it is text already.
type matchStage struct{ filter *match.ObjectFilter }

func (m matchStage) start(r *run, next sink) sink {
	return &matchSink{filter: m.filter, run: r, next: next}
}

type matchSink struct {
	filter *match.ObjectFilter
	run    *run
	next   sink
	room   []byte
}

func (s *matchSink) add(doc expr.Value) (bool, error) {
	raw := doc.JSON()
	if raw == nil {
		s.room = doc.AppendJSON(s.room[:0])
		raw = s.room
	}
	if !s.filter.Match(raw, s.run.env.Given) {
		return true, nil
	}
	return s.next.add(doc)
}

func (s *matchSink) end() error { return s.next.end() }

// window is $skip and $limit.
type window struct {
	limit bool
	n     int
}

func (w window) start(_ *run, next sink) sink { return &windowSink{window: w, next: next} }

type windowSink struct {
	window
	next sink
	seen int
}

func (s *windowSink) add(doc expr.Value) (bool, error) {
	s.seen++
	switch {
	case !s.limit && s.seen <= s.n:
		return true, nil
	case s.limit && s.seen > s.n:
		return false, nil
	}
	more, err := s.next.add(doc)
	return more && (!s.limit || s.seen < s.n), err
}

func (s *windowSink) end() error { return s.next.end() }

func (c *compiler) replace(raw []byte, at *expr.Place) (stage, error) {
	e, err := c.expression(raw, at)
	if err != nil {
		return nil, err
	}
	return transform(func(r *run, doc expr.Value) (expr.Value, bool, error) {
		v, err := e.Eval(r.env, doc)
		if err == nil && v.Kind() != expr.Object {
			err = at.Errorf("the new document must be an object, found %s", v.Kind())
		}
		return v, true, err
	}), nil
}

func (c *compiler) countStage(raw []byte, at *expr.Place) (stage, error) {
	name, ok := text(raw)
	if !ok {
		return nil, at.Errorf("$count needs the name of a field")
	}
	names, err := fieldName(name, at)
	if err != nil || len(names) > 1 {
		return nil, at.Errorf("%q cannot name a field", name)
	}
	return counter(name), nil
}

type counter string

func (c counter) start(_ *run, next sink) sink { return &counterSink{name: string(c), next: next} }

type counterSink struct {
	name string
	n    int64
	next sink
}

func (s *counterSink) add(expr.Value) (bool, error) { s.n++; return true, nil }

func (s *counterSink) end() error {
	if s.n > 0 {
		if _, err := s.next.add(expr.ObjectValue([]expr.Member{{Name: s.name, Value: expr.IntValue(s.n)}})); err != nil {
			return err
		}
	}
	return s.next.end()
}
