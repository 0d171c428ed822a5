package memory

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"

	"github.com/happn-host/happn-host/datastore"
)

// Find implements datastore.Store. Results in path order are handed out as the
// walk finds them; with an Order and a Limit only Skip+Limit documents are held,
// with an Order alone all that match.
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
	switch {
	case q.Order == nil && q.Limit >= 0:
		return s.stream(ctx, p, q, yield)
	case q.Order == nil:
		return s.streamBut(ctx, p, q, yield)
	default:
		return s.sorted(ctx, p, q, yield)
	}
}

// Count implements datastore.Store.
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
	n, enough := 0, window(q)
	err := s.index.walk(ctx, p, s.live, func(doc *datastore.Document) bool {
		if selected(q, doc) {
			n++
		}
		return n < enough
	})
	if err != nil {
		return 0, err
	}
	return covers(q, n), nil
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

// stream yields in path order from Skip on, up to Limit.
func (s *Store) stream(ctx context.Context, p pattern, q *datastore.Query, yield func(*datastore.Document) bool) error {
	seen, skip, last := 0, max(0, q.Skip), window(q)
	return s.index.walk(ctx, p, s.live, func(doc *datastore.Document) bool {
		if !selected(q, doc) {
			return true
		}
		seen++
		if seen > skip && !yield(doc) {
			return false
		}
		return seen < last
	})
}

// streamBut yields in path order all but the last -Limit: a document goes out
// when that many others have been seen after it.
func (s *Store) streamBut(ctx context.Context, p pattern, q *datastore.Query, yield func(*datastore.Document) bool) error {
	var held []*datastore.Document // a ring once it is full
	seen, skip := 0, max(0, q.Skip)
	hold := -max(q.Limit, -math.MaxInt)
	return s.index.walk(ctx, p, s.live, func(doc *datastore.Document) bool {
		if !selected(q, doc) {
			return true
		}
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
func (s *Store) sorted(ctx context.Context, p pattern, q *datastore.Query, yield func(*datastore.Document) bool) error {
	t := top{before: func(a, b *datastore.Document) int {
		if c := q.Order.Compare(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.Path, b.Path)
	}, keep: window(q)}
	err := s.index.walk(ctx, p, s.live, func(doc *datastore.Document) bool {
		if selected(q, doc) {
			t.add(doc)
		}
		return true
	})
	if err != nil {
		return err
	}
	slices.SortFunc(t.docs, t.before)
	skip := min(max(0, q.Skip), len(t.docs))
	for _, doc := range t.docs[skip : skip+covers(q, len(t.docs))] {
		if !yield(doc) {
			return nil
		}
	}
	return nil
}

// top keeps the first documents of an order. While it is not full it only
// collects; from then on it is a heap with the last of them on top.
type top struct {
	before func(a, b *datastore.Document) int
	keep   int
	docs   []*datastore.Document
}

func (t *top) add(doc *datastore.Document) {
	if len(t.docs) < t.keep {
		t.docs = append(t.docs, doc)
		if len(t.docs) == t.keep {
			heap.Init(t)
		}
		return
	}
	if t.before(doc, t.docs[0]) < 0 {
		t.docs[0] = doc
		heap.Fix(t, 0)
	}
}

// Len implements heap.Interface.
func (t *top) Len() int { return len(t.docs) }

// Less implements heap.Interface, upside down.
func (t *top) Less(i, j int) bool { return t.before(t.docs[i], t.docs[j]) > 0 }

// Swap implements heap.Interface.
func (t *top) Swap(i, j int) { t.docs[i], t.docs[j] = t.docs[j], t.docs[i] }

// Push implements heap.Interface; add never grows the heap through it.
func (t *top) Push(x any) { t.docs = append(t.docs, x.(*datastore.Document)) }

// Pop implements heap.Interface; the heap is never emptied through it.
func (t *top) Pop() any {
	last := t.docs[len(t.docs)-1]
	t.docs = t.docs[:len(t.docs)-1]
	return last
}
