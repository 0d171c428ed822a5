package aggregate

import (
	"context"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// grouping returns what a store may do of the first of some stages, nil if that
// is no $group of which it could do anything.
func (c *compiler) grouping(rest []rawStage) *datastore.Grouping {
	if len(rest) == 0 || c.by != nil {
		return nil
	}
	g := &datastore.Grouping{Ordered: !totallyOrdered(rest[1:])}
	switch first := rest[0]; first.name {
	case "$sortByCount":
		g.Key, g.Values = first.arg, []datastore.Accumulation{{Operator: "$sum", Of: []byte("1")}}
	case "$group":
		for name, value := range rawjson.Members(first.arg) {
			if string(name) == "_id" {
				g.Key = value
				continue
			}
			a, ok := accumulation(value)
			if !ok {
				return nil
			}
			g.Values = append(g.Values, a)
		}
	default:
		return nil
	}
	if rawjson.IsNull(g.Key) {
		g.Ordered = false // there is one
	}
	return g
}

// totallyOrdered reports whether it does not matter in which order groups come to
// some stages. Keys that are arrays are not meant.
func totallyOrdered(stages []rawStage) bool {
	if len(stages) == 0 {
		return false
	}
	if stages[0].name == "$sort" {
		_, byKey := rawjson.Lookup(stages[0].arg, "_id")
		return byKey
	}
	return stages[0].name == "$count"
}

// accumulation reads a field of a $group, false for what no store does.
func accumulation(raw []byte) (datastore.Accumulation, bool) {
	name, arg, _ := rawjson.NextMember(raw, 1)
	switch string(name) {
	case "$count":
		return datastore.Accumulation{Operator: "$sum", Of: []byte("1")}, true
	case "$sum", "$min", "$max":
		return datastore.Accumulation{Operator: string(name), Of: arg}, true
	}
	return datastore.Accumulation{}, false
}

// runGroups is RunOn for a pipeline whose groups the store makes.
func (p *Pipeline) runGroups(ctx context.Context, from datastore.Aggregator, q *datastore.Query, o Options) (result []byte, done bool, err error) {
	groups, done, err := from.Group(ctx, q, p.search.grouping)
	if err != nil || !done {
		return nil, false, err
	}
	r, out := p.newRun(ctx, o)
	sink := start(p.stages[p.search.stages:], r, out).(*groupSink)
	for _, g := range groups {
		if err := sink.addGroup(g); err != nil {
			return nil, false, err
		}
	}
	if err := sink.end(); err != nil {
		return nil, false, err
	}
	return out.json, true, nil
}

// addGroup takes in a part of a group.
func (s *groupSink) addGroup(g datastore.Group) error {
	if err := s.run.step(); err != nil {
		return err
	}
	state, err := s.stateOf(expr.FromJSON(g.Key))
	if err != nil {
		return err
	}
	for i, value := range g.Values {
		if n := state.fields[i].add(shown{value: expr.FromJSON(value)}); n != 0 {
			if err := s.run.keep(0, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// runWhole is RunOn for a store that runs whole pipelines.
func (p *Pipeline) runWhole(ctx context.Context, from datastore.Aggregator, q *datastore.Query, o Options) (result []byte, done bool, err error) {
	whole := &datastore.Stages{Raw: p.raw}
	if p.by != nil {
		sourced, ok := p.by.(interface{ Source() []byte })
		if !ok {
			return nil, false, nil
		}
		whole.Collation = sourced.Source()
	}
	r, out := p.newRun(ctx, o)
	done, err = from.Aggregate(ctx, q, whole, func(raw []byte) error {
		_, err := out.add(expr.FromJSON(raw))
		return onlyOne(err, r.step())
	})
	if err != nil || !done {
		return nil, false, err
	}
	return out.json, true, out.end()
}
