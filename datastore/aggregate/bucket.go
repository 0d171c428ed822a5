package aggregate

import (
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// bucket is $bucket: a group for each range between two boundaries.
type bucket struct {
	at       *expr.Place
	groups   groups
	bounds   []expr.Value
	other    expr.Value // the _id of what is in none, or Missing
	hasOther bool
}

// output compiles the output of $bucket and $bucketAuto; without one they count.
func (c *compiler) output(raw []byte, at *expr.Place) ([]groupField, error) {
	out, ok := rawjson.Lookup(raw, "output")
	if !ok {
		out = []byte(`{"count":{"$sum":1}}`)
	}
	if !rawjson.IsObject(out) {
		return nil, at.Errorf("output must be an object of fields with accumulators")
	}
	return c.outputs(out, at.Key("output"), "_id")
}

func (c *compiler) groupBy(name string, raw []byte, at *expr.Place) (groups, error) {
	g := groups{}
	by, ok := rawjson.Lookup(raw, "groupBy")
	if !ok {
		return g, at.Errorf("%s needs groupBy", name)
	}
	var err error
	if g.key, err = c.expression(by, at.Key("groupBy")); err != nil {
		return g, err
	}
	g.fields, err = c.output(raw, at)
	return g, err
}

func (c *compiler) bucket(raw []byte, at *expr.Place) (stage, error) {
	err := known("$bucket", raw, at, "groupBy", "boundaries", "default", "output")
	if err != nil {
		return nil, err
	}
	b := bucket{at: at}
	if b.groups, err = c.groupBy("$bucket", raw, at); err != nil {
		return nil, err
	}
	bounds, _ := rawjson.Lookup(raw, "boundaries")
	for elem := range rawjson.Elements(bounds) {
		v := expr.FromJSON(elem)
		if n := len(b.bounds); n > 0 && (v.Kind() != b.bounds[n-1].Kind() || expr.CompareBy(c.by, b.bounds[n-1], v) >= 0) {
			return nil, at.Key("boundaries").Errorf("boundaries must be of one type, each greater than the one before")
		}
		b.bounds = append(b.bounds, v)
	}
	if len(b.bounds) < 2 {
		return nil, at.Errorf("$bucket needs boundaries, an array of at least two values")
	}
	if other, ok := rawjson.Lookup(raw, "default"); ok {
		b.other, b.hasOther = expr.FromJSON(other), true
	}
	return b, nil
}

func (b bucket) start(r *run, next sink) sink {
	return &bucketSink{bucket: b, run: r, next: next, states: make([]*groupState, len(b.bounds))}
}

type bucketSink struct {
	bucket
	run    *run
	next   sink
	states []*groupState // by lower bound; the last is what is in no range
}

func (s *bucketSink) add(doc expr.Value) (bool, error) {
	v, err := s.groups.key.Eval(s.run.env, doc)
	if err != nil {
		return false, err
	}
	i, exact := slices.BinarySearchFunc(s.bounds, v, func(a, b expr.Value) int { return expr.CompareBy(s.run.by, a, b) })
	if !exact {
		i--
	}
	last := len(s.bounds) - 1
	id := s.other
	if i < 0 || i >= last {
		if !s.hasOther {
			return false, s.at.Errorf("a document is in no bucket and there is no default")
		}
		i = last
	} else {
		id = s.bounds[i]
	}
	if s.states[i] == nil {
		s.states[i] = &groupState{id: id, fields: newAccumulators(s.groups.fields)}
	}
	return true, s.states[i].add(s.run, s.groups.fields, doc)
}

func (s *bucketSink) end() error {
	states := slices.DeleteFunc(s.states, func(g *groupState) bool { return g == nil })
	slices.SortStableFunc(states, func(a, b *groupState) int { return expr.CompareBy(s.run.by, a.id, b.id) })
	for _, g := range states {
		if more, err := s.next.add(g.document(s.groups.fields)); err != nil || !more {
			return ended(s.next, err)
		}
	}
	return s.next.end()
}

// bucketAuto is $bucketAuto: as many documents in each group, as far as equal
// values allow it.
type bucketAuto struct {
	groups groups
	n      int
}

func (c *compiler) bucketAuto(raw []byte, at *expr.Place) (stage, error) {
	err := known("$bucketAuto", raw, at, "groupBy", "buckets", "output")
	if err != nil {
		return nil, err
	}
	b := bucketAuto{}
	if b.groups, err = c.groupBy("$bucketAuto", raw, at); err != nil {
		return nil, err
	}
	n, _ := rawjson.Lookup(raw, "buckets")
	b.n, err = c.wholeNumber("$bucketAuto with buckets", n, at)
	return b, err
}

func (b bucketAuto) start(r *run, next sink) sink {
	return &autoSink{bucketAuto: b, run: r, next: next}
}

// keyedDocument is a document with what it is grouped by.
type keyedDocument struct{ doc, key expr.Value }

type autoSink struct {
	bucketAuto
	run  *run
	next sink
	docs []keyedDocument
}

func (s *autoSink) add(doc expr.Value) (bool, error) {
	v, err := s.groups.key.Eval(s.run.env, doc)
	if err != nil {
		return false, err
	}
	if v.Kind() == expr.Missing {
		v = expr.NullValue()
	}
	s.docs = append(s.docs, keyedDocument{doc, v})
	return true, s.run.keep(1, doc.Size()+v.Size())
}

func (s *autoSink) end() error {
	compare := func(a, b keyedDocument) int { return expr.CompareBy(s.run.by, a.key, b.key) }
	slices.SortStableFunc(s.docs, compare)
	size := max(1, (len(s.docs)+s.n/2)/s.n)
	for i, made := 0, 1; i < len(s.docs); made++ {
		end := min(i+size, len(s.docs))
		if made == s.n {
			end = len(s.docs)
		}
		for end < len(s.docs) && compare(s.docs[end-1], s.docs[end]) == 0 {
			end++
		}
		upper := s.docs[len(s.docs)-1].key
		if end < len(s.docs) {
			upper = s.docs[end].key
		}
		g := &groupState{fields: newAccumulators(s.groups.fields)}
		g.id = expr.ObjectValue([]expr.Member{{Name: "min", Value: s.docs[i].key}, {Name: "max", Value: upper}})
		for _, d := range s.docs[i:end] {
			if err := g.add(s.run, s.groups.fields, d.doc); err != nil {
				return err
			}
		}
		if more, err := s.next.add(g.document(s.groups.fields)); err != nil || !more {
			return ended(s.next, err)
		}
		i = end
	}
	return s.next.end()
}
