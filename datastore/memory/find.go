package memory

import (
	"context"
	"math"

	"github.com/happn-host/happn-host/datastore"
)

// Find implements datastore.Store. Results in path order, or in that of an
// index, are handed out as the search finds them; with another Order and a
// Limit only Skip+Limit documents are held, with an Order alone all that match.
func (s *Store) Find(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	if err := s.live(); err != nil {
		return err
	}
	p := compile(string(q.Pattern))
	if p.exact {
		if doc := s.index.get(q.Pattern); doc != nil && selected(q, doc) && covers(q, 1) == 1 {
			yield(doc)
		}
		return ctx.Err()
	}
	plan := s.index.plan(ctx, q, p)
	return s.carryOut(ctx, &plan, q, yield)
}

// carryOut is Find with a plan.
func (s *Store) carryOut(ctx context.Context, p *plan, q *datastore.Query, yield func(*datastore.Document) bool) error {
	defer func() { s.index.learn(p.wishes, p.tally.examined) }()
	switch {
	case !p.ordered:
		return s.sorted(ctx, p, q, yield)
	case q.Limit >= 0:
		return s.stream(ctx, p, q, yield)
	default:
		return s.streamBut(ctx, p, q, yield)
	}
}

// Count implements datastore.Store. Where the keys of an index tell enough, it
// looks at no document.
func (s *Store) Count(ctx context.Context, q *datastore.Query) (int, error) {
	if err := s.live(); err != nil {
		return 0, err
	}
	p := compile(string(q.Pattern))
	if p.exact {
		if doc := s.index.get(q.Pattern); doc != nil && selected(q, doc) {
			return covers(q, 1), ctx.Err()
		}
		return 0, ctx.Err()
	}
	unordered := *q
	unordered.Order = nil
	plan := s.index.plan(ctx, &unordered, p)
	n, err := s.count(ctx, &plan, &unordered)
	if err != nil {
		return 0, err
	}
	return covers(q, n), nil
}

// count is Count with a plan, before Skip and Limit: at least as many as they
// can need.
func (s *Store) count(ctx context.Context, plan *plan, q *datastore.Query) (n int, err error) {
	defer func() { s.index.learn(plan.wishes, plan.tally.examined) }()
	if plan.columns() {
		if n, ok, err := s.siftCount(ctx, plan, q); ok || err != nil {
			return n, err
		}
	}
	enough := window(q)
	if plan.ix != nil && plan.exact && plan.inside && !plan.repeats {
		err = plan.ix.scan(ctx, plan, s.live, func(*entry) bool {
			n++
			return n < enough
		})
	} else {
		err = s.matches(ctx, plan, q, func(*datastore.Document) bool {
			n++
			return n < enough
		})
	}
	return n, err
}

// matches calls visit for each document that the query's pattern and filter
// select, as the plan meets them, until visit returns false.
func (s *Store) matches(ctx context.Context, p *plan, q *datastore.Query, visit func(*datastore.Document) bool) error {
	if p.columns() {
		docs, err := s.sift(ctx, p, q)
		for _, doc := range docs {
			if !visit(doc) {
				break
			}
		}
		return err
	}
	if p.ix == nil {
		return s.index.walk(ctx, p.pattern, s.live, func(doc *datastore.Document) bool {
			p.tally.examined++
			return !selected(q, doc) || visit(doc)
		})
	}
	var seen map[*entry]struct{}
	if p.repeats {
		seen = make(map[*entry]struct{})
	}
	return p.ix.scan(ctx, p, s.live, func(e *entry) bool {
		p.tally.keys++
		doc := e.doc.Load()
		if doc == nil || !p.inside && !p.pattern.match(doc.Path) {
			return true
		}
		if seen != nil {
			if _, again := seen[e]; again {
				return true
			}
			seen[e] = struct{}{}
		}
		p.tally.examined++
		return !selected(q, doc) || visit(doc)
	})
}

// selected reports whether the filter, if any, lets the document pass.
func selected(q *datastore.Query, doc *datastore.Document) bool {
	return q.Filter == nil || q.Filter.Match(doc)
}

// covers returns how many of n matches Skip and Limit leave.
func covers(q *datastore.Query, n int) int {
	n = max(0, n-max(0, q.Skip))
	switch {
	case q.Limit > 0:
		return min(n, q.Limit)
	case q.Limit < 0:
		return max(0, n+q.Limit)
	}
	return n
}

// window returns how many matches a query can need at most: Skip+Limit, or all.
func window(q *datastore.Query) int {
	skip := max(0, q.Skip)
	if q.Limit <= 0 || q.Limit > math.MaxInt-skip {
		return math.MaxInt
	}
	return skip + q.Limit
}

// stream yields in the order of the search from Skip on, up to Limit.
func (s *Store) stream(ctx context.Context, p *plan, q *datastore.Query, yield func(*datastore.Document) bool) error {
	seen, skip, last := 0, max(0, q.Skip), window(q)
	return s.matches(ctx, p, q, func(doc *datastore.Document) bool {
		seen++
		if seen > skip && !yield(doc) {
			return false
		}
		return seen < last
	})
}

// streamBut yields in the order of the search all but the last -Limit: a
// document goes out when that many others have been seen after it.
func (s *Store) streamBut(ctx context.Context, p *plan, q *datastore.Query, yield func(*datastore.Document) bool) error {
	var held []*datastore.Document // a ring once it is full
	seen, skip := 0, max(0, q.Skip)
	hold := -max(q.Limit, -math.MaxInt)
	return s.matches(ctx, p, q, func(doc *datastore.Document) bool {
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

// sorted yields in the query's order.
func (s *Store) sorted(ctx context.Context, p *plan, q *datastore.Query, yield func(*datastore.Document) bool) error {
	c, err := s.collect(ctx, p, q)
	if err != nil {
		return err
	}
	docs := c.Docs()
	skip := min(max(0, q.Skip), len(docs))
	for _, doc := range docs[skip : skip+covers(q, len(docs))] {
		if !yield(doc) {
			return nil
		}
	}
	return nil
}

// collect shows what the query selects to a collector: all of it, or at least
// what may come first.
func (s *Store) collect(ctx context.Context, p *plan, q *datastore.Query) (datastore.Collector, error) {
	c := collector(q)
	if p.sifting.rank != nil {
		if whole, err := s.siftFirst(ctx, p, q, c); whole || err != nil {
			return c, err
		}
		c = collector(q)
	}
	return c, s.matches(ctx, p, q, func(doc *datastore.Document) bool {
		c.Add(doc)
		return true
	})
}
