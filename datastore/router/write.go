package router

import (
	"context"
	"errors"
	"sync"

	"github.com/happn-host/happn-host/datastore"
)

// Write implements datastore.Store.
func (s *Store) Write(ctx context.Context, w *datastore.Write, done datastore.Written) {
	if s.turns != nil {
		done = s.turns.forWrite(done)
	}
	if s.closed.Load() {
		done.Written(nil, datastore.ErrClosed)
		return
	}
	s.routes.owner(w.Path).Write(ctx, w, done)
}

// Remove implements datastore.Store. When several stores are concerned and one
// of them fails, done gets the error, and what the others removed is removed.
func (s *Store) Remove(ctx context.Context, q *datastore.Query, done datastore.Removed) {
	if s.turns != nil {
		done = s.turns.forRemove(done)
	}
	if s.closed.Load() {
		done.Removed(0, datastore.ErrClosed)
		return
	}
	owners := s.routes.owners(q.Pattern)
	if len(owners) == 1 && owners[0].strays == 0 {
		owners[0].Remove(ctx, q, done)
		return
	}
	all := &sum{done: done, waiting: 1} // one for this loop: done may reuse the query
	for _, m := range owners {
		if m.strays == 0 {
			all.add()
			m.Remove(ctx, q, all)
			continue
		}
		s.removeOwned(ctx, m, q, all)
	}
	all.Removed(0, nil)
}

// removeOwned removes what the query selects, but strays, path by path. Each is
// asked for with the filter again, since it may have changed meanwhile.
func (s *Store) removeOwned(ctx context.Context, m *member, q *datastore.Query, all *sum) {
	var picked []string
	err := s.findOwned(ctx, m, &datastore.Query{Pattern: q.Pattern, Filter: q.Filter}, func(doc *datastore.Document) bool {
		picked = append(picked, doc.Path)
		return true
	})
	if err != nil {
		all.add()
		all.Removed(0, err)
		return
	}
	for _, path := range picked {
		all.add()
		m.Remove(context.WithoutCancel(ctx), &datastore.Query{Pattern: []byte(path), Filter: q.Filter}, all)
	}
}

// sum waits for several removals and answers them as one.
type sum struct {
	done datastore.Removed

	mu      sync.Mutex
	waiting int
	n       int
	errs    []error
}

func (s *sum) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
}

// Removed implements datastore.Removed.
func (s *sum) Removed(n int, err error) {
	s.mu.Lock()
	s.n += n
	if err != nil {
		s.errs = append(s.errs, err)
	}
	s.waiting--
	last := s.waiting == 0
	s.mu.Unlock()
	if !last {
		return
	}
	if err := errors.Join(s.errs...); err != nil {
		s.done.Removed(0, err)
		return
	}
	s.done.Removed(s.n, nil)
}
