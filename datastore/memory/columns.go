package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/datastore/match"
)

// Bounds of what is remembered and kept for columns.
const (
	maxWishes = 64  // fields that searches asked for and that have none
	minDocs   = 256 // documents from which on a column may help

	// wishWalks is how many times the documents of the store must have been
	// looked at in searches for a field before it gets a column, which costs
	// about one time.
	wishWalks = 4
)

// columns decides which fields have one: those that were searched for often,
// within the bytes allowed. A search that finds the time come fills the column
// itself before it goes on.
type columns struct {
	off   bool // there are none
	eager bool // tests: a column for every field at its first search, taken whenever it can be

	clock  atomic.Uint64 // searches so far
	mu     sync.Mutex    // guards wishes; taken before slots.mu
	wishes map[string]*wish
}

// wish is a field without a column.
type wish struct {
	since  uint64 // clock at the first search
	walked int    // documents looked at in its searches
}

// column returns the field's column, if there is one and it is ready.
func (x *index) column(ctx context.Context, field string) *column {
	for _, c := range *x.slots.columns.Load() {
		if c.name == field {
			c.used.Store(x.columns.clock.Load())
			if x.slots.fill(ctx, c) {
				return c
			}
			return nil
		}
	}
	if !x.due(field) {
		return nil
	}
	if c := x.addColumn(field); c != nil && x.slots.fill(ctx, c) {
		return c
	}
	return nil
}

// due reports whether it is time for the field to get a column.
func (x *index) due(field string) bool {
	if x.columns.eager {
		return true
	}
	x.columns.mu.Lock()
	defer x.columns.mu.Unlock()
	w := x.columns.wishes[field]
	return w != nil && w.walked >= wishWalks*int(x.documents.Load())
}

// addColumn announces a column for the field, unless another search has done
// so, or there is no room and the others have all been used more lately.
func (x *index) addColumn(field string) *column {
	codes, err := match.CompileCodes(field)
	if err != nil {
		return nil // names that no index takes either
	}
	x.columns.mu.Lock()
	defer x.columns.mu.Unlock()
	since := x.columns.clock.Load()
	if w := x.columns.wishes[field]; w != nil {
		since = w.since
		delete(x.columns.wishes, field) // with a column, or to begin anew
	}
	s := &x.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range *s.columns.Load() {
		if c.name == field {
			return nil
		}
	}
	if !s.makeRoom(s.size()*8, since) {
		return nil
	}
	c := &column{name: field, codes: codes}
	c.used.Store(x.columns.clock.Load())
	s.announce(c)
	return c
}

// learn notes that a search for these fields has looked at so many documents.
func (x *index) learn(fields []string, walked int) {
	if len(fields) == 0 || walked < minDocs {
		return
	}
	c := &x.columns
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, field := range fields {
		w := c.wishes[field]
		if w == nil {
			if len(c.wishes) == maxWishes {
				c.forgetOne()
			}
			w = &wish{since: c.clock.Load()}
			c.wishes[field] = w
		}
		w.walked += walked
	}
}

// forgetOne drops the wish that is least likely to be fulfilled.
func (c *columns) forgetOne() {
	least := ""
	for field, w := range c.wishes {
		if least == "" || w.walked < c.wishes[least].walked {
			least = field
		}
	}
	delete(c.wishes, least)
}
