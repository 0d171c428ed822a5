package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/datastore/match"
)

// Codes that match does not make.
const (
	codeNone  uint64 = 0 // the slot has no document
	codeUnset uint64 = 1 // nobody has looked yet: only while a column is filled
)

// maxColumns bounds what columns cost a write, 150 to 390 ns each where it changes
// their fields (BenchmarkPutColumns).
const maxColumns = 16

// column has a code for the value of one field in each slot. Searches sift
// through it at about a nanosecond a slot.
type column struct {
	name   string
	codes  *match.Codes
	chunks atomic.Pointer[[]*codeChunk] // at least as many as there are of entries
	used   atomic.Uint64                // the search that used it last, see columns.clock

	filling sync.Mutex // held by the search that fills it
	left    int        // chunks that are not yet, the first ones; guarded by filling
	ready   atomic.Bool
}

type codeChunk [chunkSlots]atomic.Uint64

// cell is the slot's place.
func (c *column) cell(slot uint32) *atomic.Uint64 {
	return &(*c.chunks.Load())[slot/chunkSlots][slot%chunkSlots]
}

// bytes is what the column takes.
func (c *column) bytes() int { return len(*c.chunks.Load()) * chunkSlots * 8 }

// announce makes the column one that writers keep in step. The caller holds
// s.mu.
func (s *slots) announce(c *column) {
	chunks := make([]*codeChunk, len(*s.entries.Load()))
	for i := range chunks {
		chunks[i] = new(codeChunk)
		for j := range chunks[i] {
			chunks[i][j].Store(codeUnset)
		}
	}
	c.chunks.Store(&chunks)
	c.left = len(chunks)
	next := append([]*column{c}, *s.columns.Load()...)
	s.columns.Store(&next)
}

// fill looks at the documents that there were when the column was announced,
// and reports whether it is ready. If another search is at it, or ctx ends, it
// is not: the next search goes on where this one stopped.
func (s *slots) fill(ctx context.Context, c *column) bool {
	if c.ready.Load() {
		return true
	}
	if !c.filling.TryLock() {
		return false
	}
	defer c.filling.Unlock()
	entries, chunks := *s.entries.Load(), *c.chunks.Load()
	for ; c.left > 0; c.left-- {
		if ctx.Err() != nil {
			return false
		}
		at := c.left - 1
		for i := range entries[at] {
			c.fillCell(&chunks[at][i], entries[at][i].Load())
		}
	}
	c.ready.Store(true)
	return true
}

// fillCell leaves alone what a writer has stored.
func (c *column) fillCell(cell *atomic.Uint64, e *entry) {
	if cell.Load() != codeUnset {
		return
	}
	code := codeNone
	if doc := e.document(); doc != nil {
		code = c.codes.Of(doc)
	}
	cell.CompareAndSwap(codeUnset, code)
}

// makeRoom drops columns that were not used since then until there is room for
// one more of so many bytes, 0 for none more. The caller holds mu.
func (s *slots) makeRoom(bytes int, since uint64) bool {
	for {
		all := *s.columns.Load()
		total, oldest := bytes, -1
		for i, c := range all {
			total += c.bytes()
			if used := c.used.Load(); used < since && (oldest < 0 || used < all[oldest].used.Load()) {
				oldest = i
			}
		}
		if total <= s.limit && (bytes == 0 || len(all) < maxColumns) {
			return true
		}
		if oldest < 0 {
			return false
		}
		rest := make([]*column, 0, len(all))
		rest = append(append(rest, all[:oldest]...), all[oldest+1:]...)
		s.columns.Store(&rest)
	}
}
