package mongo

import (
	"context"
	"errors"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// search is a query as it is carried out.
type search struct {
	*datastore.Query
	criteria bson.D
	whole    bool       // the server's answer needs no Match
	sort     bson.D     // nil leaves sorting to us
	shown    bson.D     // projection
	by       *collation // how the server compares texts; nil is by bytes
	examined int        // documents that came from the server
}

func plan(q *datastore.Query) *search {
	p := &search{Query: q, criteria: pathCriteria(string(q.Pattern))}
	pushed, whole := criteria(q.Filter, false)
	if len(pushed) > 0 {
		p.criteria = bson.D{{Key: "$and", Value: bson.A{p.criteria, pushed}}}
	}
	p.whole = whole
	p.sort, _ = sorting(q.Order)
	p.shown = projection(p)
	return p
}

// selects reports whether a document that the server found is selected.
func (p *search) selects(doc *datastore.Document) bool {
	return p.whole || p.Filter.Match(doc)
}

// Find implements datastore.Store. Documents are handed out as the server sends
// them, unless the order is one that only we know. A document that comes twice,
// because it was written meanwhile, is left out the second time.
func (s *Store) Find(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	if err := s.settle(ctx, q.Pattern); err != nil {
		return err
	}
	return s.carryOutSearch(ctx, s.plan(q), yield)
}

// carryOutSearch changes the plan if the server refuses it.
func (s *Store) carryOutSearch(ctx context.Context, p *search, yield func(*datastore.Document) bool) error {
	err := s.yieldFound(ctx, p, yield)
	if errors.Is(err, errRefused) { // before there was anything to yield
		*p = *plan(p.Query)
		err = s.yieldFound(ctx, p, yield)
	}
	return err
}

func (s *Store) yieldFound(ctx context.Context, p *search, yield func(*datastore.Document) bool) error {
	switch {
	case p.sort == nil:
		return s.sorted(ctx, p, yield)
	case p.Limit < 0:
		return s.streamBut(ctx, p, yield)
	}
	return s.stream(ctx, p, yield)
}

// stream yields from Skip on, up to Limit.
func (s *Store) stream(ctx context.Context, p *search, yield func(*datastore.Document) bool) error {
	o := options.Find().SetSort(p.sort)
	seen, skip, last := 0, max(0, p.Skip), window(p.Query)
	if p.whole {
		o.SetSkip(int64(skip))
		skip = 0
		if p.Limit > 0 {
			o.SetLimit(int64(min(p.Limit, math.MaxInt32)))
			last = p.Limit
		} else {
			last = math.MaxInt
		}
	}
	return s.matches(ctx, p, o, func(doc *datastore.Document) bool {
		seen++
		if seen > skip && !yield(doc) {
			return false
		}
		return seen < last
	})
}

// streamBut yields all but the last -Limit: a document goes out when that many
// others have been seen after it.
func (s *Store) streamBut(ctx context.Context, p *search, yield func(*datastore.Document) bool) error {
	var held []*datastore.Document // a ring once it is full
	seen, skip := 0, max(0, p.Skip)
	hold := -max(p.Limit, -math.MaxInt)
	return s.matches(ctx, p, options.Find().SetSort(p.sort), func(doc *datastore.Document) bool {
		seen++
		if seen <= skip {
			return true
		}
		if len(held) < hold {
			held = append(held, doc)
			return true
		}
		slot := &held[(seen-skip-1)%hold]
		first := *slot
		*slot = doc
		return yield(first)
	})
}

// sorted yields in an order that the server does not know. With a Limit it holds
// no more documents than Skip and that let through.
func (s *Store) sorted(ctx context.Context, p *search, yield func(*datastore.Document) bool) error {
	docs := p.collector()
	err := s.matches(ctx, p, options.Find().SetSort(byPath()), func(doc *datastore.Document) bool {
		docs.Add(doc)
		return true
	})
	if err != nil {
		return err
	}
	first := docs.Docs()
	skip := min(max(0, p.Skip), len(first))
	for _, doc := range first[skip : skip+covers(p.Query, len(first))] {
		if !yield(doc) {
			return nil
		}
	}
	return nil
}

// collector keeps what comes first in the query's order, as many as it can need.
func (p *search) collector() datastore.Collector {
	sorter, ok := p.Order.(datastore.Sorter)
	if !ok {
		return &everything{order: p.Order}
	}
	most := window(p.Query)
	if most == math.MaxInt {
		most = 0 // all
	}
	return sorter.Collect(most)
}

// everything collects for an order that is no Sorter. It is shown documents in
// path order.
type everything struct {
	order datastore.Order
	docs  []*datastore.Document
}

// Add implements datastore.Collector.
func (e *everything) Add(doc *datastore.Document) { e.docs = append(e.docs, doc) }

// Docs implements datastore.Collector.
func (e *everything) Docs() []*datastore.Document {
	slices.SortStableFunc(e.docs, e.order.Compare)
	return e.docs
}

// matches calls visit for each selected document as the server sends them, until
// visit returns false.
func (s *Store) matches(ctx context.Context, p *search, o *options.FindOptionsBuilder, visit func(*datastore.Document) bool) error {
	o.SetProjection(p.shown)
	if len(p.sort) > 1 {
		o.SetAllowDiskUse(true)
	}
	if p.by != nil {
		o.SetCollation(p.by.option)
	}
	cursor, err := s.collection.Find(ctx, p.criteria, o)
	if err != nil {
		return s.searchFailure(p, err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // what failed is in Err
	seen := newPaths(p.Order == nil && p.by == nil)
	for cursor.Next(ctx) {
		doc, err := codec.Decode(cursor.Current)
		if err != nil {
			return err
		}
		p.examined++
		if seen.again(doc.Path) || !p.selects(doc) {
			continue
		}
		if !visit(doc) {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.failure(cursor.Err())
}

// paths remembers which came.
type paths struct {
	ascending bool // it is enough to remember the last
	last      string
	all       map[string]struct{}
}

func newPaths(ascending bool) *paths {
	p := &paths{ascending: ascending}
	if !ascending {
		p.all = make(map[string]struct{})
	}
	return p
}

// again reports whether the path has come before.
func (p *paths) again(path string) bool {
	if p.ascending {
		again := p.last != "" && path <= p.last
		p.last = path
		return again
	}
	_, again := p.all[path]
	p.all[path] = struct{}{}
	return again
}

// Count implements datastore.Store.
func (s *Store) Count(ctx context.Context, q *datastore.Query) (int, error) {
	if err := s.settle(ctx, q.Pattern); err != nil {
		return 0, err
	}
	all := *q
	all.Order = nil // the number does not depend on it
	n, err := s.countFound(ctx, s.plan(&all))
	if errors.Is(err, errRefused) {
		n, err = s.countFound(ctx, plan(&all))
	}
	if err != nil {
		return 0, err
	}
	return covers(q, n), nil
}

// countFound counts what the plan selects, as many as its window can need.
func (s *Store) countFound(ctx context.Context, p *search) (int, error) {
	enough := window(p.Query)
	if p.whole {
		o := options.Count()
		if enough < math.MaxInt {
			o.SetLimit(int64(enough))
		}
		if p.by != nil {
			o.SetCollation(p.by.option)
		}
		n, err := s.collection.CountDocuments(ctx, p.criteria, o)
		if err != nil {
			return 0, s.searchFailure(p, err)
		}
		return int(n), nil
	}
	n := 0
	p.sort = byPath()
	err := s.matches(ctx, p, options.Find().SetSort(p.sort), func(*datastore.Document) bool {
		n++
		return n < enough
	})
	return n, err
}
