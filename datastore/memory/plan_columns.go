package memory

import (
	"context"
	"math"

	"github.com/happn-host/happn-host/datastore"
)

// What sifting costs, in slots that are passed over.
const (
	walkSlots   = 200 // a document in a walk
	siftSlots   = 300 // a document that is met in the order of slots
	narrowSlots = 256 // a pattern that covers fewer paths than one in so many slots is walked
)

// sampleChunks is in how many chunks a search looks to guess how much it finds.
const sampleChunks = 4

// columns reports whether the plan is to sift through columns.
func (p *plan) columns() bool { return len(p.sifting.fields) > 0 }

// planColumns makes the plan, which is a walk, one through columns if there are
// some that help, and notes which ones would have.
func (x *index) planColumns(ctx context.Context, p *plan, q *datastore.Query) {
	bounds, exact, rank, reverse := x.askedFor(q, p.wanted)
	if x.columns.off || len(bounds) == 0 && rank == "" {
		return
	}
	x.columns.clock.Add(1)
	if !x.columns.eager && (x.documents.Load() < minDocs || x.narrow(p.pattern, max(narrowVisits, x.slots.size()/narrowSlots))) {
		return
	}
	var s sifting
	lacking := func(field string) { p.wishes = append(p.wishes, field) }
	for i := range bounds {
		c := x.column(ctx, bounds[i].Field)
		if c == nil {
			lacking(bounds[i].Field)
			exact = false
			continue
		}
		sieve, ok := newSieve(c, &bounds[i])
		if !ok {
			exact = false
			continue
		}
		exact = exact && sieve.decided
		s.add(sieve)
	}
	if rank != "" {
		if c := x.column(ctx, rank); c != nil {
			s.rank, s.reverse = c, reverse
			s.fields = append(s.fields, c.name)
		} else {
			lacking(rank)
		}
	}
	if len(s.fields) > 0 && (x.columns.eager || s.rank != nil || x.worthwhile(&s, q, p.wanted)) {
		p.sifting, p.exact = s, exact
	}
}

// askedFor returns what columns can do for a query: the bounds of the filter,
// and the first field of the order if the query wants few documents of it.
func (x *index) askedFor(q *datastore.Query, wanted int) (bounds []datastore.Bound, exact bool, rank string, reverse bool) {
	exact = q.Filter == nil
	if b, ok := q.Filter.(datastore.Bounded); ok {
		bounds, exact = b.Bounds()
	}
	if wanted > math.MaxInt32 || !x.columns.eager && int64(wanted) > x.documents.Load()/8 {
		return bounds, exact, "", false
	}
	if keyed, ok := q.Order.(datastore.Keyed); ok {
		if keys := keyed.Keys(); len(keys) > 0 {
			return bounds, exact, keys[0].Name, keys[0].Descending
		}
	}
	return bounds, exact, "", false
}

// worthwhile guesses from some chunks how many documents the search would meet,
// and whether a walk, which gives path order and can stop early, costs less.
func (x *index) worthwhile(s *sifting, q *datastore.Query, wanted int) bool {
	s.hold()
	chunks := len(s.chunks[0])
	for i := range s.chunks {
		chunks = min(chunks, len(s.chunks[i]))
	}
	var m marks
	step, sampled, passed := max(1, chunks/sampleChunks), 0, 0
	for n := 0; n < chunks; n += step {
		s.mark(n, &m)
		passed += m.count()
		sampled += chunkSlots
	}
	slots, documents := float64(chunks*chunkSlots), float64(x.documents.Load())
	meet := slots * float64(passed) / float64(max(1, sampled))
	walk := documents * walkSlots
	if q.Order == nil && float64(wanted) < meet {
		walk *= float64(wanted) / meet
	}
	return slots+meet*siftSlots < walk
}
