package memory

import (
	"cmp"
	"container/heap"
	"context"
	"iter"
	"slices"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// siftFirst shows the collector the documents that may be among the first ones
// that the query wants. It looks at the chunks that have the best ranks first,
// and within them at the best ranks first, until no rank that is left can do
// better than the worst of those found. whole is false, and what was shown of
// no use, if a document may have been met twice.
func (s *Store) siftFirst(ctx context.Context, p *plan, q *datastore.Query, c datastore.Collector) (whole bool, err error) {
	removals := s.index.slots.removals.Load()
	entries := *s.index.slots.entries.Load()
	f := first{plan: p, q: q, wanted: p.wanted, collector: c}
	p.sifting.hold()
	bests := make([]ranked, len(entries))
	for n := range entries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		bests[n] = ranked{f.best(n), n}
	}
	slices.SortFunc(bests, byRank)
	for _, b := range bests {
		if f.beyond(b.rank) {
			break
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if err := s.live(); err != nil {
			return false, err
		}
		f.show(b.at, entries[b.at])
	}
	return s.index.slots.removals.Load() == removals, nil
}

// ranked is a chunk or a slot with its rank, which is less for what comes
// earlier. 0 is one that tells nothing.
type ranked struct {
	rank uint64
	at   int
}

func byRank(a, b ranked) int { return cmp.Compare(a.rank, b.rank) }

// first is one search for the first documents.
type first struct {
	*plan
	q         *datastore.Query
	wanted    int
	collector datastore.Collector

	kept  worst
	marks marks
	slots []ranked
}

// rank returns the rank of a code.
func (s *sifting) rankOf(code uint64) uint64 {
	switch {
	case code == match.CodeLook:
		return 0
	case s.reverse:
		return ^match.Rank(code)
	}
	return match.Rank(code)
}

// beyond reports whether there are enough documents with better ranks.
func (f *first) beyond(rank uint64) bool { return len(f.kept) == f.wanted && rank > f.kept[0] }

// best returns the best rank in a chunk. Ranks are in the order of codes, so
// that only the least or the greatest code needs one; CodeLook, the least of
// all, may be any.
func (f *first) best(chunk int) uint64 {
	least, greatest := ^uint64(0), uint64(0)
	cells := f.sifting.ranks[chunk]
	for i := range cells {
		code := cells[i].Load()
		greatest = max(greatest, code)
		least = min(least, code-codeUnset-1) // those of no document come out greatest
	}
	least += codeUnset + 1
	switch {
	case greatest <= codeUnset:
		return ^uint64(0)
	case least == match.CodeLook:
		return 0
	case f.sifting.reverse:
		return f.sifting.rankOf(greatest)
	}
	return f.sifting.rankOf(least)
}

// show shows the documents of one chunk.
func (f *first) show(n int, chunk *entryChunk) {
	f.sifting.mark(n, &f.marks)
	if f.slots == nil {
		f.slots = make([]ranked, 0, chunkSlots)
	}
	f.slots = f.slots[:0]
	for slot := range f.marks.each {
		rank := f.sifting.rankOf(f.sifting.ranks[n][slot].Load())
		if !f.beyond(rank) {
			f.slots = append(f.slots, ranked{rank, slot})
		}
	}
	for slot := range bestFirst(f.slots) {
		if f.beyond(slot.rank) {
			return
		}
		if doc := f.look(f.q, chunk[slot.at].Load()); doc != nil {
			f.collector.Add(doc)
			// The document may have changed since its code was read.
			if rank := f.sifting.rankOf(f.sifting.rank.codes.Of(doc)); rank > 0 {
				f.kept.keep(rank, f.wanted)
			}
		}
	}
}

// bestFirst returns the slots in order, which it takes from a heap: mostly only
// the first few are asked for.
func bestFirst(slots []ranked) iter.Seq[ranked] {
	return func(yield func(ranked) bool) {
		for i := len(slots)/2 - 1; i >= 0; i-- {
			sink(slots, i)
		}
		for len(slots) > 0 {
			if !yield(slots[0]) {
				return
			}
			last := len(slots) - 1
			slots[0] = slots[last]
			slots = slots[:last]
			sink(slots, 0)
		}
	}
}

// sink moves a slot of a heap down to where it belongs.
func sink(heap []ranked, at int) {
	for {
		child := 2*at + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child+1].rank < heap[child].rank {
			child++
		}
		if heap[at].rank <= heap[child].rank {
			return
		}
		heap[at], heap[child] = heap[child], heap[at]
		at = child
	}
}

// worst is the ranks of the documents found, the worst one on top once there
// are as many as wanted.
type worst []uint64

func (w *worst) keep(rank uint64, wanted int) {
	switch {
	case len(*w) < wanted:
		*w = append(*w, rank)
		if len(*w) == wanted {
			heap.Init(w)
		}
	case rank < (*w)[0]:
		(*w)[0] = rank
		heap.Fix(w, 0)
	}
}

// Len implements heap.Interface.
func (w worst) Len() int { return len(w) }

// Less implements heap.Interface, upside down.
func (w worst) Less(i, j int) bool { return w[i] > w[j] }

// Swap implements heap.Interface.
func (w worst) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface; keep does without it.
func (w *worst) Push(any) {}

// Pop implements heap.Interface; keep does without it.
func (w *worst) Pop() any { return nil }
