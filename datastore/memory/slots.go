package memory

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/datastore"
)

// chunkSlots is how many slots are made at a time. It is a multiple of 64.
const chunkSlots = 1024

// slots numbers the entries, so that columns can be arrays. A number is used
// again when its document has been removed; there are never fewer of them than
// there once were.
//
// Whoever changes a document stores it first and then its codes in the columns
// that there are by then; a column is announced before it is filled. So no
// change is lost between the two: either the writer sees the column, or the one
// who fills it sees the document.
type slots struct {
	limit int // bytes of all columns

	mu   sync.Mutex // guards used, free, and which columns there are
	used uint32
	free []uint32

	entries  atomic.Pointer[[]*entryChunk]
	columns  atomic.Pointer[[]*column]
	removals atomic.Uint64 // of documents so far
}

type entryChunk [chunkSlots]atomic.Pointer[entry]

// init makes s ready to use.
func (s *slots) init() {
	s.entries.Store(new([]*entryChunk))
	s.columns.Store(new([]*column))
}

// give numbers an entry that has no document yet.
func (s *slots) give(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		e.slot = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		e.slot = s.used
		s.used++
		if e.slot%chunkSlots == 0 {
			s.grow()
		}
	}
	(*s.entries.Load())[e.slot/chunkSlots][e.slot%chunkSlots].Store(e)
}

// grow adds a chunk, to the columns first. The caller holds mu.
func (s *slots) grow() {
	for _, c := range *s.columns.Load() {
		added(&c.chunks, new(codeChunk))
	}
	added(&s.entries, new(entryChunk))
	s.makeRoom(0, math.MaxUint64)
}

// added appends to a list that others read meanwhile.
func added[T any](list *atomic.Pointer[[]T], item T) {
	old := *list.Load()
	next := append(old, item) // what old has is not touched
	list.Store(&next)
}

// keep brings the columns in step with the entry's document, which is stored
// already. The caller holds the writers of its shard.
func (s *slots) keep(e *entry, doc *datastore.Document) {
	for _, c := range *s.columns.Load() {
		c.cell(e.slot).Store(c.codes.Of(doc))
	}
}

// drop takes the entry out, whose document is gone already. The caller holds the
// writers of its shard.
func (s *slots) drop(e *entry) {
	for _, c := range *s.columns.Load() {
		c.cell(e.slot).Store(codeNone)
	}
	(*s.entries.Load())[e.slot/chunkSlots][e.slot%chunkSlots].Store(nil)
	s.removals.Add(1)
	s.mu.Lock()
	s.free = append(s.free, e.slot)
	s.mu.Unlock()
}

// size is how many slots there are, in whole chunks.
func (s *slots) size() int { return len(*s.entries.Load()) * chunkSlots }
