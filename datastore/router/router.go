package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Store = (*Store)(nil)

// Member is one of the stores.
type Member struct {
	Name     string          // for errors and Strays; each has its own
	Store    datastore.Store // belongs to the router once Open has succeeded
	Patterns []string        // paths that belong to the store
}

// Options says what a router is made of.
type Options struct {
	// Members are the stores, at least one.
	Members []Member

	// Default names the member that everything without a pattern belongs to; ""
	// is the first.
	Default string

	// AnyOrder gives up the promise that the writes of one goroutine are
	// answered in the order in which they were made: it is kept for each store,
	// not between stores. A caller that puts answers in order itself should set
	// it, since otherwise the answer of a fast store waits for all writes that
	// any goroutine made to slower ones before.
	AnyOrder bool
}

// Store routes requests to its members. Open makes one.
type Store struct {
	routes *routes
	turns  *turns // nil with AnyOrder, and when there is only one member
	closed atomic.Bool
}

// Open makes a router of stores that are open, and looks through them once for
// strays. After an error the stores are still the caller's.
func Open(ctx context.Context, o Options) (*Store, error) {
	r, err := newRoutes(o)
	if err != nil {
		return nil, fmt.Errorf("routing between data stores: %w", err)
	}
	s := &Store{routes: r}
	if !o.AnyOrder && len(r.members) > 1 {
		s.turns = newTurns()
	}
	if len(r.members) == 1 {
		return s, nil
	}
	for _, m := range r.members {
		err := m.Find(ctx, &datastore.Query{Pattern: star}, func(doc *datastore.Document) bool {
			if r.owner([]byte(doc.Path)) != m {
				m.strays++
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("routing between data stores: looking through store %q: %w", m.name, err)
		}
	}
	return s, nil
}

// Strays returns, by the name of the store, how many documents it held on paths
// of other stores when the router was opened. Stores without any are left out.
func (s *Store) Strays() map[string]int {
	strays := make(map[string]int)
	for _, m := range s.routes.members {
		if m.strays > 0 {
			strays[m.name] = m.strays
		}
	}
	return strays
}

// Owner returns the name of the store that a path belongs to.
func (s *Store) Owner(path []byte) string { return s.routes.owner(path).name }

// Get implements datastore.Store.
func (s *Store) Get(ctx context.Context, path []byte) (*datastore.Document, error) {
	if s.closed.Load() {
		return nil, datastore.ErrClosed
	}
	return s.routes.owner(path).Get(ctx, path)
}

// Check implements datastore.Store: all members must be well.
func (s *Store) Check(ctx context.Context) error {
	if s.closed.Load() {
		return datastore.ErrClosed
	}
	var errs []error
	for _, m := range s.routes.members {
		if err := m.Check(ctx); err != nil {
			errs = append(errs, fmt.Errorf("store %q: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}

// Close implements datastore.Store. It closes every member, also after one has
// failed to close.
func (s *Store) Close() error {
	// Before any member refuses a write: who is refused by one must not be
	// served by another afterwards.
	s.closed.Store(true)
	var errs []error
	for _, m := range s.routes.members {
		if err := m.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing store %q: %w", m.name, err))
		}
	}
	if s.turns != nil {
		s.turns.wait()
	}
	return errors.Join(errs...)
}
