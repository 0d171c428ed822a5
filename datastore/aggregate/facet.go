package aggregate

import (
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// facet is $facet: several pipelines over the same documents.
type facet struct {
	names     []string
	pipelines [][]stage
}

func (c *compiler) facet(raw []byte, at *expr.Place) (stage, error) {
	f := facet{}
	for key, val := range rawjson.Members(raw) {
		name := string(key)
		if names, err := fieldName(name, at); err != nil || len(names) > 1 {
			return nil, at.Errorf("%q cannot name a field", name)
		}
		stages, err := c.stages(val, at.Key(name))
		if err != nil {
			return nil, err
		}
		f.names, f.pipelines = append(f.names, name), append(f.pipelines, stages)
	}
	if len(f.names) == 0 {
		return nil, at.Errorf("$facet needs an object of pipelines")
	}
	return f, nil
}

func (f facet) start(r *run, next sink) sink {
	s := &facetSink{facet: f, next: next}
	for _, stages := range f.pipelines {
		found := &collector{run: r}
		s.found = append(s.found, found)
		s.heads = append(s.heads, start(stages, r, found))
	}
	s.done = make([]bool, len(s.heads))
	return s
}

type facetSink struct {
	facet
	heads []sink
	found []*collector
	done  []bool // the pipeline wants no more
	next  sink
}

func (s *facetSink) add(doc expr.Value) (bool, error) {
	wanted := false
	for i, head := range s.heads {
		if s.done[i] {
			continue
		}
		more, err := head.add(doc)
		if err != nil {
			return false, err
		}
		s.done[i] = !more
		wanted = wanted || more
	}
	return wanted, nil
}

func (s *facetSink) end() error {
	members := make([]expr.Member, len(s.names))
	for i, head := range s.heads {
		if err := head.end(); err != nil {
			return err
		}
		members[i] = expr.Member{Name: s.names[i], Value: expr.ArrayValue(s.found[i].docs...)}
	}
	if _, err := s.next.add(expr.ObjectValue(members)); err != nil {
		return err
	}
	return s.next.end()
}
