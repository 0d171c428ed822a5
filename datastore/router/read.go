package router

import (
	"context"
	"iter"
	"math"
	"strings"

	"github.com/happn-host/happn-host/datastore"
)

// Find implements datastore.Store.
func (s *Store) Find(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	if s.closed.Load() {
		return datastore.ErrClosed
	}
	owners := s.routes.owners(q.Pattern)
	if len(owners) == 1 && owners[0].strays == 0 {
		return owners[0].Find(ctx, q, yield)
	}
	return s.merge(ctx, owners, q, page(q, yield))
}

// Count implements datastore.Store.
func (s *Store) Count(ctx context.Context, q *datastore.Query) (int, error) {
	if s.closed.Load() {
		return 0, datastore.ErrClosed
	}
	owners := s.routes.owners(q.Pattern)
	if len(owners) == 1 && owners[0].strays == 0 {
		return owners[0].Count(ctx, q)
	}
	total := 0
	for _, m := range owners {
		n, err := s.countOwned(ctx, m, q)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return covers(q, total), nil
}

// countOwned counts, without Skip and with as much as Skip and Limit can need.
func (s *Store) countOwned(ctx context.Context, m *member, q *datastore.Query) (int, error) {
	all := part(q)
	all.Order = nil // the number does not depend on it
	if m.strays == 0 {
		return m.Count(ctx, &all)
	}
	n := 0
	err := s.findOwned(ctx, m, &all, func(*datastore.Document) bool {
		n++
		return true
	})
	return n, err
}

// findOwned is the member's Find without its strays. It applies a positive
// Limit of the query to what is left.
func (s *Store) findOwned(ctx context.Context, m *member, q *datastore.Query, yield func(*datastore.Document) bool) error {
	if m.strays == 0 {
		return m.Find(ctx, q, yield)
	}
	all := *q
	all.Limit = 0 // strays must not use it up
	left := q.Limit
	return m.Find(ctx, &all, func(doc *datastore.Document) bool {
		if s.routes.owner([]byte(doc.Path)) != m {
			return true
		}
		left--
		return yield(doc) && left != 0
	})
}

// stream is what one member finds, one document ahead.
type stream struct {
	head *datastore.Document
	next func() (*datastore.Document, bool)
	stop func()
	err  error // of Find, once next has said that there is no more
}

// merge yields what the owners find, in the query's order, without Skip.
func (s *Store) merge(ctx context.Context, owners []*member, q *datastore.Query, yield func(*datastore.Document) bool) error {
	sub := part(q)
	var streams []*stream
	for _, m := range owners {
		st := &stream{}
		st.next, st.stop = iter.Pull(func(push func(*datastore.Document) bool) {
			st.err = s.findOwned(ctx, m, &sub, push)
		})
		defer st.stop()
		more, err := st.advance()
		if err != nil {
			return err
		}
		if more {
			streams = append(streams, st)
		}
	}
	for len(streams) > 0 {
		first := 0
		for i := range streams[1:] {
			if before(q.Order, streams[i+1].head, streams[first].head) {
				first = i + 1
			}
		}
		if !yield(streams[first].head) {
			return nil
		}
		more, err := streams[first].advance()
		if err != nil {
			return err
		}
		if !more {
			streams = append(streams[:first], streams[first+1:]...)
		}
	}
	return nil
}

// advance takes the next document, if there is one.
func (st *stream) advance() (more bool, err error) {
	st.head, more = st.next()
	if !more {
		return false, st.err
	}
	return true, nil
}

// before reports whether a comes before b.
func before(order datastore.Order, a, b *datastore.Document) bool {
	if order != nil {
		if c := order.Compare(a, b); c != 0 {
			return c < 0
		}
	}
	return strings.Compare(a.Path, b.Path) < 0
}

// part is the query to ask of one of several members: from the start, and no
// more than the whole query can need.
func part(q *datastore.Query) datastore.Query {
	sub := *q
	skip := max(0, q.Skip)
	sub.Skip, sub.Limit = 0, 0
	if q.Limit > 0 && q.Limit <= math.MaxInt-skip {
		sub.Limit = skip + q.Limit
	}
	return sub
}

// page applies the query's Skip and Limit in front of yield.
func page(q *datastore.Query, yield func(*datastore.Document) bool) func(*datastore.Document) bool {
	seen, skip := 0, max(0, q.Skip)
	var held []*datastore.Document // with a negative Limit: a ring once it is full
	hold := max(0, -max(q.Limit, -math.MaxInt))
	return func(doc *datastore.Document) bool {
		seen++
		at := seen - skip // counted from 1
		switch {
		case at <= 0:
			return true
		case q.Limit > 0:
			return yield(doc) && at < q.Limit
		case len(held) < hold:
			held = append(held, doc)
			return true
		case hold > 0:
			slot := &held[(at-1)%hold]
			first := *slot
			*slot = doc
			return yield(first)
		}
		return yield(doc)
	}
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
