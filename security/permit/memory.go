package permit

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/happn-host/happn-host/security"
)

// Bounds of what a Set remembers: at most 2,048 paths of at most 256 bytes.
const (
	fewestSlots = 8
	mostSlots   = 2048
	longestPath = 256
)

// memory is what a Set has decided, by path. Readers take no lock and write
// nothing. A path may be in two places, and is kept when it is asked for twice in a
// row, so that a search through many documents leaves the memory as it is. It
// grows while paths come to places that are taken.
type memory struct {
	seed  maphash.Seed
	table atomic.Pointer[table]
}

type table struct {
	slots   []slot
	crowded atomic.Int64 // times that a place was taken by another path
}

type slot struct {
	decided atomic.Pointer[decision]
	asked   atomic.Uint32 // part of the hash of the last path that was not there
}

// decision is immutable.
type decision struct {
	path    string
	allowed security.Actions
}

func (m *memory) init() { m.seed = maphash.MakeSeed() }

func (m *memory) hash(path []byte) uint64 { return maphash.Bytes(m.seed, path) }

// recall returns what was decided about the path.
func (m *memory) recall(hash uint64, path []byte) (allowed security.Actions, known bool) {
	t := m.table.Load()
	if t == nil {
		return 0, false
	}
	for _, at := range [...]*slot{t.at(hash), t.at(hash ^ 1)} {
		if d := at.decided.Load(); d != nil && d.path == string(path) {
			return d.allowed, true
		}
	}
	return 0, false
}

func (t *table) at(hash uint64) *slot { return &t.slots[hash&uint64(len(t.slots)-1)] }

// keep remembers a decision if the path is asked for the second time.
func (m *memory) keep(hash uint64, path []byte, allowed security.Actions) {
	if len(path) > longestPath {
		return
	}
	t := m.table.Load()
	if t == nil {
		t = &table{slots: make([]slot, fewestSlots)}
		if !m.table.CompareAndSwap(nil, t) {
			return
		}
	}
	asked := uint32(hash >> 32)
	if t.at(hash).asked.Swap(asked) == asked && t.put(hash, &decision{string(path), allowed}) {
		return
	}
	if len(t.slots) < mostSlots && t.at(hash).decided.Load() != nil && t.crowded.Add(1) == int64(2*len(t.slots)) {
		m.grow(t)
	}
}

// put stores a decision in one of the two places that it may have, and reports
// whether that was free.
func (t *table) put(hash uint64, d *decision) bool {
	for _, at := range [...]*slot{t.at(hash), t.at(hash ^ 1)} {
		if at.decided.CompareAndSwap(nil, d) {
			return true
		}
	}
	t.at(hash ^ hash>>63).decided.Store(d)
	return false
}

// grow doubles the table. What others decide meanwhile may be lost; it is then
// decided again.
func (m *memory) grow(t *table) {
	larger := &table{slots: make([]slot, 2*len(t.slots))}
	for i := range t.slots {
		if d := t.slots[i].decided.Load(); d != nil {
			larger.put(m.hash([]byte(d.path)), d)
		}
	}
	m.table.CompareAndSwap(t, larger)
}
