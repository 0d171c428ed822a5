package memory

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/happn-host/happn-host/datastore"
)

// shardCount spreads the writers of different paths. It is a power of two; one
// shard costs about 100 bytes while it is empty.
const shardCount = 256

// entry is one path's place in the index. Overwriting a document swaps the
// pointer and touches neither the map nor the ordered paths. nil means removed:
// a walk that has picked the entry up skips it.
type entry struct {
	doc  atomic.Pointer[datastore.Document]
	slot uint32 // set before there is a document, see slots
}

// document returns the entry's document, nil if there is none.
func (e *entry) document() *datastore.Document {
	if e == nil {
		return nil
	}
	return e.doc.Load()
}

// shard is one part of the hash map.
type shard struct {
	// writers makes changes to the paths of this shard one at a time, from
	// reading the old document to queueing the new one.
	writers sync.Mutex
	// mu guards entries. Only a goroutine that holds writers changes the map,
	// so that goroutine reads it without mu.
	mu      sync.RWMutex
	entries map[string]*entry
}

// index finds entries by path and keeps the paths in order.
type index struct {
	seed   maphash.Seed
	shards [shardCount]shard

	mu    sync.RWMutex // guards paths
	paths *btree.Map[string, *entry]

	secondaries []*secondary

	slots   slots
	columns columns

	documents atomic.Int64
	bytes     atomic.Int64
}

// newIndex returns an index with these secondary ones, all empty.
func newIndex(secondaries []datastore.Index) (*index, error) {
	x := &index{seed: maphash.MakeSeed(), paths: btree.NewMap[string, *entry](64)}
	for i := range x.shards {
		x.shards[i].entries = make(map[string]*entry)
	}
	x.slots.init()
	x.columns.wishes = make(map[string]*wish)
	for _, def := range secondaries {
		ix, err := newSecondary(def)
		if err != nil {
			return nil, err
		}
		x.secondaries = append(x.secondaries, ix)
	}
	return x, nil
}

// shard returns the shard that the path belongs to.
func (x *index) shard(path []byte) *shard {
	return &x.shards[x.shardNumber(path)]
}

// shardNumber returns the place of the shard that the path belongs to.
func (x *index) shardNumber(path []byte) uint8 {
	return uint8(maphash.Bytes(x.seed, path) & (shardCount - 1))
}

// shardOf is shard for a path that is a string already.
func (x *index) shardOf(path string) *shard {
	return &x.shards[maphash.String(x.seed, path)&(shardCount-1)]
}

// get returns the document at the path, or nil.
func (x *index) get(path []byte) *datastore.Document {
	s := x.shard(path)
	s.mu.RLock()
	e := s.entries[string(path)]
	s.mu.RUnlock()
	if e == nil {
		return nil
	}
	return e.doc.Load()
}

// put makes doc the document of its path. The caller holds s.writers; e is the
// path's entry, or an empty one if there is none.
func (x *index) put(s *shard, e *entry, doc *datastore.Document) {
	before := e.doc.Load()
	if before != nil {
		e.doc.Store(doc)
		x.slots.keep(e, doc)
		x.bytes.Add(weight(doc) - weight(before))
		return
	}
	x.slots.give(e)
	e.doc.Store(doc)
	s.mu.Lock()
	s.entries[doc.Path] = e
	s.mu.Unlock()
	x.mu.Lock()
	x.paths.Set(doc.Path, e)
	x.mu.Unlock()
	x.slots.keep(e, doc) // now: no column tells of a document whose path is not known, see siftCount
	x.documents.Add(1)
	x.bytes.Add(weight(doc))
}

// load is put for documents that arrive in path order before the store is
// open, when nobody else looks at the index.
func (x *index) load(doc *datastore.Document) {
	e := new(entry)
	x.slots.give(e)
	e.doc.Store(doc)
	x.shardOf(doc.Path).entries[doc.Path] = e
	x.paths.Load(doc.Path, e)
	x.documents.Add(1)
	x.bytes.Add(weight(doc))
}

// remove takes the document out, but not out of the secondary indexes. The caller holds s.writers.
func (x *index) remove(s *shard, e *entry, doc *datastore.Document) {
	e.doc.Store(nil)
	x.slots.drop(e)
	s.mu.Lock()
	delete(s.entries, doc.Path)
	s.mu.Unlock()
	x.mu.Lock()
	x.paths.Delete(doc.Path)
	x.mu.Unlock()
	x.documents.Add(-1)
	x.bytes.Add(-weight(doc))
}

// weight is what a document counts in bytes: its text, without overhead.
func weight(doc *datastore.Document) int64 {
	return int64(len(doc.Path) + len(doc.Data) + len(doc.ModifiedBy) + len(doc.Tag))
}
