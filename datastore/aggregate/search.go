package aggregate

import (
	"context"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// search is what of a pipeline a store can do by itself: the first stages, as far
// as they select and order stored documents.
type search struct {
	filters     []datastore.Filter
	order       *match.Order
	skip, limit int
	stages      int // how many of the pipeline's that is
	counts      bool
	grouping    *datastore.Grouping // what the next stage may be
	members     []string            // of the data that the stages after that look at; nil is all
}

// plan finds out what a store can do of a pipeline whose text is an array of raw
// stages.
func (c *compiler) plan(raw []byte, stages []stage) search {
	s := search{}
	var rest []rawStage
	for elem := range rawjson.Elements(raw) {
		name, arg, _ := rawjson.NextMember(elem, 1)
		rest = append(rest, rawStage{string(name), arg})
	}
	for len(rest) > 0 && c.absorb(&s, rest[0], rest[1:]) {
		rest = rest[1:]
		s.stages++
	}
	s.counts = len(rest) > 0 && rest[0].name == "$count" && s.order == nil
	s.members = needs(rest)
	if s.order == nil {
		s.grouping = c.grouping(rest)
	}
	if s.stages > len(stages) { // a stage that is made of others is never among the first
		return search{}
	}
	return s
}

// rawStage is a stage as it came.
type rawStage struct {
	name string
	arg  []byte
}

// absorb adds a stage to the search, if that means the same there.
func (c *compiler) absorb(s *search, one rawStage, after []rawStage) bool {
	switch one.name {
	case "$match":
		return s.skip == 0 && s.limit == 0 && c.absorbMatch(s, one.arg)
	case "$sort":
		return s.order == nil && s.skip == 0 && s.limit == 0 && bounded(after) && c.absorbSort(s, one.arg)
	case "$skip", "$limit":
		n, err := c.wholeNumber(one.name, one.arg, nil)
		if err != nil || s.limit > 0 {
			return false
		}
		if one.name == "$skip" {
			s.skip += n
		} else {
			s.limit = n
		}
		return true
	}
	return false
}

// bounded reports whether the stages let through a number of documents that is
// known: only then a store need not keep all that it sorts.
func bounded(stages []rawStage) bool {
	for _, s := range stages {
		switch s.name {
		case "$limit":
			return true
		case "$skip", "$match":
		default:
			return false
		}
	}
	return false
}

func (c *compiler) absorbMatch(s *search, arg []byte) bool {
	if !storedCriteria(arg) {
		return false
	}
	f, err := match.CompileFilterBy(arg, c.by)
	if err != nil {
		return false
	}
	if !f.All() {
		s.filters = append(s.filters, f)
	}
	return true
}

func (c *compiler) absorbSort(s *search, arg []byte) bool {
	var seen []string
	for raw := range rawjson.Members(arg) {
		name := string(raw)
		// Deeper names meet arrays on the way, of which find and a pipeline take
		// different elements.
		if !storedName(name) || strings.Count(name, ".") > 1 || slices.Contains(seen, name) {
			return false
		}
		seen = append(seen, name)
	}
	var err error
	s.order, err = match.CompileOrderBy(arg, c.by)
	return err == nil
}

// storedCriteria reports whether criteria of a pipeline mean the same for a stored
// document: all names are of what is stored.
func storedCriteria(raw []byte) bool {
	for name, value := range rawjson.Members(raw) {
		switch name := string(name); name {
		case "$and", "$or", "$nor":
			if !rawjson.IsArray(value) {
				return false
			}
			for element := range rawjson.Elements(value) {
				if !rawjson.IsObject(element) || !storedCriteria(element) {
					return false
				}
			}
		case "$comment":
		default:
			if !storedName(name) {
				return false
			}
		}
	}
	return true
}

// storedName reports whether a field name of a pipeline is one of a stored
// document.
func storedName(name string) bool {
	switch name {
	case "path", "created", "modified", "modifiedBy":
		return true
	}
	rest, ok := strings.CutPrefix(name, "data.")
	return ok && rest != ""
}

// RunOn runs the pipeline on what a query selects from a store, which does by
// itself what it can: the first stages that select become a part of the query, a
// number of documents is asked for as such, groups are left to a store that makes
// the same ones, and members of the data that no stage looks at may be left out. A
// store that is to run whole pipelines does. The query must have no Order, Skip or Limit. It is
// changed.
func (p *Pipeline) RunOn(ctx context.Context, from datastore.Reader, q *datastore.Query, o Options) ([]byte, error) {
	s := &p.search
	able, _ := from.(datastore.Aggregator)
	if able != nil && len(p.lookups) == 0 { // what a $lookup reads is permitted one by one
		if result, done, err := p.runWhole(ctx, able, q, o); done || err != nil {
			return result, err
		}
	}
	if len(s.filters) > 0 {
		filters := s.filters
		if q.Filter != nil {
			filters = append([]datastore.Filter{q.Filter}, filters...)
		}
		q.Filter = both(filters)
	}
	if s.order != nil {
		q.Order = s.order
	}
	q.Skip, q.Limit, q.Members = s.skip, s.limit, s.members
	if able != nil && s.grouping != nil {
		if result, done, err := p.runGroups(ctx, able, q, o); done || err != nil {
			return result, err
		}
	}
	if !s.counts {
		rest := Pipeline{stages: p.stages[s.stages:], by: p.by}
		return rest.Run(ctx, func(yield func(*datastore.Document) bool) error { return from.Find(ctx, q, yield) }, o)
	}
	n, err := from.Count(ctx, q)
	if err != nil {
		return nil, err
	}
	r, out := p.newRun(ctx, o)
	counted := start(p.stages[s.stages:], r, out).(*counterSink)
	counted.n = int64(n)
	if err := counted.end(); err != nil {
		return nil, err
	}
	return out.json, nil
}

// both is several filters, all of which must match.
type both []datastore.Filter

var (
	_ datastore.Conjunct  = both(nil)
	_ datastore.Bounded   = both(nil)
	_ datastore.Selective = both(nil)
)

// Match implements datastore.Filter.
func (b both) Match(doc *datastore.Document) bool {
	for _, f := range b {
		if !f.Match(doc) {
			return false
		}
	}
	return true
}

// Source implements datastore.Filter.
func (b both) Source() []byte {
	source := []byte(`{"$and":[`)
	for i, f := range b {
		if i > 0 {
			source = append(source, ',')
		}
		source = append(source, f.Source()...)
	}
	return append(source, "]}"...)
}

// Parts implements datastore.Conjunct.
func (b both) Parts() ([]datastore.Filter, bool) { return b, true }

// Members implements datastore.Selective.
func (b both) Members() (names []string, known bool) {
	known = true
	for _, f := range b {
		if names, known = datastore.MembersOf(names, f); !known {
			return nil, false
		}
	}
	return names, true
}

// Bounds implements datastore.Bounded.
func (b both) Bounds() (bounds []datastore.Bound, exact bool) {
	exact = true
	for _, f := range b {
		bounded, ok := f.(datastore.Bounded)
		if !ok {
			exact = false
			continue
		}
		its, all := bounded.Bounds()
		bounds, exact = append(bounds, its...), exact && all
	}
	return bounds, exact
}
