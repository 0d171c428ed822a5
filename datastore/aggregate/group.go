package aggregate

import (
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// groups is a compiled $group, and what $bucket and $bucketAuto put out.
type groups struct {
	key    *expr.Expression
	fields []groupField
}

// outputs compiles the fields with accumulators; skip is a member that is none.
func (c *compiler) outputs(raw []byte, at *expr.Place, skip string) ([]groupField, error) {
	var out []groupField
	for key, val := range rawjson.Members(raw) {
		name := string(key)
		if name == skip {
			continue
		}
		at := at.Key(name)
		if names, err := fieldName(name, at); err != nil || len(names) > 1 {
			return nil, at.Errorf("%q cannot name a field", name)
		}
		f, err := c.accumulator(name, val, at)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (c *compiler) group(raw []byte, at *expr.Place) (stage, error) {
	id, ok := rawjson.Lookup(raw, "_id")
	if !ok {
		return nil, at.Errorf("$group needs _id; null makes one group of all")
	}
	g := groups{}
	var err error
	if g.key, err = c.expression(id, at.Key("_id")); err != nil {
		return nil, err
	}
	g.fields, err = c.outputs(raw, at, "_id")
	return g, err
}

func (g groups) start(r *run, next sink) sink {
	return &groupSink{groups: g, run: r, next: next, byKey: map[string]*groupState{}}
}

// groupSink keeps the groups in the order in which they are first met.
type groupSink struct {
	groups
	run   *run
	next  sink
	byKey map[string]*groupState
	order []*groupState
	room  []byte
}

type groupState struct {
	id     expr.Value
	fields []accumulator
}

func (s *groupSink) add(doc expr.Value) (bool, error) {
	id, err := s.key.Eval(s.run.env, doc)
	if err != nil {
		return false, err
	}
	state, err := s.stateOf(id)
	if err != nil {
		return false, err
	}
	return true, state.add(s.run, s.fields, doc)
}

// stateOf returns the group with a key, which it makes if there is none.
func (s *groupSink) stateOf(id expr.Value) (*groupState, error) {
	if id.Kind() == expr.Missing {
		id = expr.NullValue()
	}
	s.room = id.AppendKey(s.run.by, s.room[:0])
	state := s.byKey[string(s.room)]
	if state == nil {
		if err := s.run.keep(1, len(s.room)+id.Size()+128*len(s.fields)); err != nil {
			return nil, err
		}
		state = &groupState{id: id, fields: newAccumulators(s.fields)}
		s.byKey[string(s.room)] = state
		s.order = append(s.order, state)
	}
	return state, nil
}

func (g *groupState) add(r *run, fields []groupField, doc expr.Value) error {
	for i := range fields {
		v, err := fields[i].eval(r, doc)
		if err != nil {
			return err
		}
		if n := g.fields[i].add(v); n != 0 {
			if err := r.keep(0, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// document returns the group as it leaves the stage.
func (g *groupState) document(fields []groupField) expr.Value {
	members := make([]expr.Member, 1, len(fields)+1)
	members[0] = expr.Member{Name: "_id", Value: g.id}
	for i := range fields {
		members = append(members, expr.Member{Name: fields[i].name, Value: g.fields[i].result()})
	}
	return expr.ObjectValue(members)
}

func (s *groupSink) end() error {
	for _, state := range s.order {
		if err := s.run.step(); err != nil {
			return err
		}
		if more, err := s.next.add(state.document(s.fields)); err != nil || !more {
			return ended(s.next, err)
		}
	}
	return s.next.end()
}

// ended ends a sink that wants no more, unless something failed.
func ended(next sink, err error) error {
	if err != nil {
		return err
	}
	return next.end()
}

// sortByCount is a $group that counts and a $sort.
func (c *compiler) sortByCount(raw []byte, at *expr.Place) ([]stage, error) {
	e, err := c.expression(raw, at)
	if err != nil {
		return nil, err
	}
	count, err := c.accumulator("count", []byte(`{"$sum":1}`), at)
	return []stage{
		groups{key: e, fields: []groupField{count}},
		sorter{keys: []expr.SortKey{{Names: []string{"count"}, Desc: true}}},
	}, err
}
