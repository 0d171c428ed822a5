package memory

import (
	"context"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// span is the codes from first to last.
type span struct{ first, last uint64 }

// sieve lets slots pass whose code in a column is in one of the spans, or does
// not tell.
type sieve struct {
	column  *column
	spans   []span // in order, none is empty, they do not overlap
	decided bool   // what has a code in the spans satisfies the bound
}

// newSieve returns ok = false if codes cannot tell what the bound asks for.
func newSieve(c *column, b *datastore.Bound) (s sieve, ok bool) {
	s = sieve{column: c, decided: true}
	for _, in := range b.Intervals {
		first, last, decided, ok := c.codes.Span(in)
		if !ok {
			return s, false
		}
		if first <= last {
			s.spans = append(s.spans, span{first, last})
		}
		s.decided = s.decided && decided
	}
	slices.SortFunc(s.spans, func(a, b span) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	out := s.spans[:0]
	for _, next := range s.spans {
		if n := len(out); n > 0 && next.first <= out[n-1].last {
			out[n-1].last = max(out[n-1].last, next.last)
			continue
		}
		out = append(out, next)
	}
	s.spans = out
	return s, true
}

// marks is one bit for each slot of a chunk.
type marks [chunkSlots / 64]uint64

// mark sets the bits of the slots that pass.
func (s *sieve) mark(chunk *codeChunk, m *marks) {
	first, width := uint64(1), uint64(0) // without spans: codeUnset, which no ready column has
	if n := len(s.spans); n > 0 {
		first, width = s.spans[0].first, s.spans[n-1].last-s.spans[0].first
	}
	for w := range m {
		var word uint64
		cells := chunk[w*64 : w*64+64]
		for i := range cells {
			if code := cells[i].Load(); code-first <= width || code == match.CodeLook {
				word |= 1 << i
			}
		}
		m[w] = word
	}
	if len(s.spans) > 1 {
		s.cut(chunk, m)
	}
}

// cut clears the bits of the slots that do not pass.
func (s *sieve) cut(chunk *codeChunk, m *marks) {
	for slot := range m.each {
		if !s.passes(chunk[slot].Load()) {
			m[slot/64] &^= 1 << (slot % 64)
		}
	}
}

func (s *sieve) passes(code uint64) bool {
	if code == match.CodeLook {
		return true
	}
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].last >= code })
	return i < len(s.spans) && s.spans[i].first <= code
}

// each calls yield for each slot whose bit is set; bits may be cleared
// meanwhile.
func (m *marks) each(yield func(slot int) bool) {
	for w := range m {
		for word := m[w]; word != 0; word &= word - 1 {
			if !yield(w*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

func (m *marks) count() (n int) {
	for _, word := range m {
		n += bits.OnesCount64(word)
	}
	return n
}

// sifting is how a search uses columns.
type sifting struct {
	sieves  []sieve
	rank    *column // the first field of the order, if few documents of it are wanted
	reverse bool    // the greatest first

	chunks [][]*codeChunk // of the sieves
	ranks  []*codeChunk   // of rank
	fields []string       // of all of them
}

// add adds a sieve, which becomes one with another of the same column: of a
// range, one bound alone lets many pass.
func (s *sifting) add(next sieve) {
	for i := range s.sieves {
		if s.sieves[i].column == next.column {
			s.sieves[i].spans = overlap(s.sieves[i].spans, next.spans)
			return
		}
	}
	s.sieves = append(s.sieves, next)
	s.fields = append(s.fields, next.column.name)
}

// overlap returns what spans have in common; both are as sieves have them.
func overlap(a, b []span) (common []span) {
	for len(a) > 0 && len(b) > 0 {
		if first, last := max(a[0].first, b[0].first), min(a[0].last, b[0].last); first <= last {
			common = append(common, span{first, last})
		}
		if a[0].last < b[0].last {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return common
}

// hold takes the chunks in hand, after those of the entries: it has at least as
// many.
func (s *sifting) hold() {
	s.chunks = s.chunks[:0]
	for i := range s.sieves {
		s.chunks = append(s.chunks, *s.sieves[i].column.chunks.Load())
	}
	if s.rank != nil {
		s.ranks = *s.rank.chunks.Load()
	}
}

// mark sets the bits of the slots of a chunk that pass all sieves, or have a
// document if there are none.
func (s *sifting) mark(chunk int, m *marks) {
	if len(s.sieves) == 0 {
		for w := range m {
			m[w] = 0
			for i := range 64 {
				if s.ranks[chunk][w*64+i].Load() > codeUnset {
					m[w] |= 1 << i
				}
			}
		}
		return
	}
	s.sieves[0].mark(s.chunks[0][chunk], m)
	for i := 1; i < len(s.sieves); i++ {
		s.sieves[i].cut(s.chunks[i][chunk], m)
	}
}

// sift collects the documents that the query selects: in path order, or in no
// order if the query has one, but each only once.
func (s *Store) sift(ctx context.Context, p *plan, q *datastore.Query) ([]*datastore.Document, error) {
	x := s.index
	removals := x.slots.removals.Load()
	var docs []*datastore.Document
	var m marks
	entries := *x.slots.entries.Load()
	p.sifting.hold()
	for n, chunk := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.live(); err != nil {
			return nil, err
		}
		p.sifting.mark(n, &m)
		for slot := range m.each {
			if doc := p.look(q, chunk[slot].Load()); doc != nil {
				docs = append(docs, doc)
			}
		}
	}
	// A document that was removed and made again may have been met in two slots.
	again := x.slots.removals.Load() != removals
	if again || q.Order == nil {
		slices.SortFunc(docs, func(a, b *datastore.Document) int { return strings.Compare(a.Path, b.Path) })
	}
	if again {
		docs = slices.CompactFunc(docs, func(a, b *datastore.Document) bool { return a.Path == b.Path })
	}
	return docs, nil
}

// look returns the entry's document if the query selects it.
func (p *plan) look(q *datastore.Query, e *entry) *datastore.Document {
	doc := e.document()
	if doc == nil {
		return nil
	}
	p.tally.keys++
	if !p.pattern.match(doc.Path) {
		return nil
	}
	p.tally.examined++
	if !selected(q, doc) {
		return nil
	}
	return doc
}

// siftCount counts what the query selects without a look at the documents whose
// codes tell enough; ok is false if it takes that look at all of them.
func (s *Store) siftCount(ctx context.Context, p *plan, q *datastore.Query) (count int, ok bool, err error) {
	x := s.index
	removals := x.slots.removals.Load()
	if !p.exact || !x.all(p.pattern) {
		return 0, false, nil
	}
	var m marks
	entries := *x.slots.entries.Load()
	p.sifting.hold()
	for n, chunk := range entries {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		if err := s.live(); err != nil {
			return 0, false, err
		}
		p.sifting.mark(n, &m)
		count += m.count()
		for slot := range m.each {
			if p.sifting.unsure(n, slot) && p.look(q, chunk[slot].Load()) == nil {
				count--
			}
		}
	}
	return count, x.slots.removals.Load() == removals && x.all(p.pattern), nil
}

// unsure reports whether a slot passed because its code does not tell.
func (s *sifting) unsure(chunk, slot int) bool {
	for i := range s.chunks {
		if s.chunks[i][chunk][slot].Load() == match.CodeLook {
			return true
		}
	}
	return false
}

// all reports whether the pattern covers all documents.
func (x *index) all(p pattern) bool {
	if !p.all() {
		return false
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	first, _, some := x.paths.Min()
	last, _, _ := x.paths.Max()
	return !some || strings.HasPrefix(first, p.prefix) && strings.HasPrefix(last, p.prefix)
}
