package memory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// secondary keeps the documents on some paths in the order of some fields. A
// key is that of the fields (see match.IndexKeys) with the path behind it, so
// that documents with equal values lie in path order. Documents that cannot
// have such a key lie in front, under oddKey and their path: every search
// looks at them too.
type secondary struct {
	name     string
	unique   bool
	fields   []datastore.IndexField
	patterns []pattern
	keys     *match.IndexKeys

	mu      sync.RWMutex // guards tree and changes
	tree    *btree.Map[string, place]
	changes uint64 // of the tree so far

	arrays atomic.Int64 // documents in whose keys an array had a part
	odd    atomic.Int64 // documents under oddKey
	bytes  atomic.Int64 // of the keys, with the paths
}

// place is what a key leads to.
type place struct {
	entry  *entry
	fields int // how much of the key is that of the fields
}

// oddKey is before the keys of all values, behindOdd between them.
const (
	oddKey    = "\x00"
	behindOdd = "\x01"
)

// newSecondary makes an empty index.
func newSecondary(def datastore.Index) (*secondary, error) {
	ix := &secondary{
		name: def.String(), unique: def.Unique, fields: slices.Clone(def.Fields),
		tree: btree.NewMap[string, place](64),
	}
	var err error
	if ix.keys, err = match.CompileIndexKeys(def.Fields); err != nil {
		return nil, err
	}
	if len(def.Paths) == 0 {
		return nil, fmt.Errorf("index %s: name at least one path pattern, \"*\" is all documents", ix.name)
	}
	for _, text := range def.Paths {
		ix.patterns = append(ix.patterns, compile(text))
	}
	return ix, nil
}

// covers reports whether documents at the path belong to the index.
func (ix *secondary) covers(path string) bool {
	for i := range ix.patterns {
		if ix.patterns[i].match(path) {
			return true
		}
	}
	return false
}

// change is what happens to the document of one entry: before or after is nil
// when there is none.
type change struct {
	entry         *entry
	before, after *datastore.Document
}

// path is that of the document.
func (c *change) path() string {
	if c.after != nil {
		return c.after.Path
	}
	return c.before.Path
}

// reindex keeps the secondary indexes in step. An error means that a unique
// index stands against what happens at the path, and nothing was changed; for
// removals there is none. The caller holds shard.writers of all the paths.
func (x *index) reindex(changes ...change) (path string, err error) {
	if len(x.secondaries) == 0 {
		return "", nil
	}
	if path, err = x.reindexUnique(changes); err != nil {
		return path, err
	}
	for _, ix := range x.secondaries {
		if !ix.unique {
			steps := ix.steps(changes)
			ix.mu.Lock()
			ix.take(steps)
			_, _ = ix.put(steps) // fails only for unique indexes
			ix.mu.Unlock()
		}
	}
	return "", nil
}

// reindexUnique changes the unique indexes, which stay locked until all of them
// have agreed.
func (x *index) reindexUnique(changes []change) (path string, err error) {
	type agreed struct {
		ix    *secondary
		steps []step
	}
	var done []agreed
	defer func() {
		for _, a := range done {
			a.ix.mu.Unlock()
		}
	}()
	for _, ix := range x.secondaries {
		if !ix.unique {
			continue
		}
		steps := ix.steps(changes)
		if len(steps) == 0 {
			continue
		}
		ix.mu.Lock()
		done = append(done, agreed{ix, steps})
		ix.take(steps)
		if path, err = ix.put(steps); err != nil {
			ix.untake(steps)
			for _, a := range done[:len(done)-1] {
				a.ix.unput(a.steps)
				a.ix.untake(a.steps)
			}
			return path, err
		}
	}
	return "", nil
}

// step is one change as it concerns one index.
type step struct {
	change
	old, new keySet
}

// keySet is the keys of one document, the path not included.
type keySet struct {
	keys   []string
	arrays bool
	odd    bool // it is there, but has none
}

func (ix *secondary) keySet(doc *datastore.Document) (s keySet) {
	if doc != nil {
		var ok bool
		s.keys, s.arrays, ok = ix.keys.Append(nil, doc)
		if s.odd = !ok; s.odd {
			s.keys, s.arrays = []string{oddKey}, false
		}
	}
	return s
}

// steps returns what the changes do to the index. Changes that leave the keys
// as they are do nothing, since a key leads to the entry.
func (ix *secondary) steps(changes []change) []step {
	var steps []step
	for _, c := range changes {
		if !ix.covers(c.path()) {
			continue
		}
		s := step{change: c, old: ix.keySet(c.before), new: ix.keySet(c.after)}
		if !slices.Equal(s.old.keys, s.new.keys) || s.old.arrays != s.new.arrays {
			steps = append(steps, s)
		}
	}
	return steps
}

// take removes the old keys.
func (ix *secondary) take(steps []step) {
	for i := range steps {
		ix.delete(&steps[i].old, steps[i].path())
	}
}

// untake takes take back.
func (ix *secondary) untake(steps []step) {
	for i := range steps {
		ix.insert(&steps[i].old, steps[i].path(), steps[i].entry)
	}
}

// put adds the new keys. On an error, which is about the path, it has added
// none.
func (ix *secondary) put(steps []step) (path string, err error) {
	for i := range steps {
		s := &steps[i]
		if err := ix.allows(s); err != nil {
			ix.unput(steps[:i])
			return s.path(), err
		}
		ix.insert(&s.new, s.path(), s.entry)
	}
	return "", nil
}

// unput takes put back.
func (ix *secondary) unput(steps []step) {
	for i := range steps {
		ix.delete(&steps[i].new, steps[i].path())
	}
}

// errOdd is the answer to a document whose values a unique index cannot
// compare.
var errOdd = errors.New("a unique index cannot hold two arrays in a document, " +
	"nor values of more than 1 kB: change the document, or make the index one that is not unique")

// allows reports what in a unique index stands against the new keys.
func (ix *secondary) allows(s *step) error {
	if !ix.unique {
		return nil
	}
	if s.new.odd {
		return fmt.Errorf("index %s: %w", ix.name, errOdd)
	}
	for _, key := range s.new.keys {
		other, taken := "", false
		ix.tree.Ascend(key, func(found string, _ place) bool {
			other, taken = strings.CutPrefix(found, key)
			return false
		})
		if taken {
			return fmt.Errorf("%w: index %s, document %s", datastore.ErrDuplicate, ix.name, other)
		}
	}
	return nil
}

func (ix *secondary) insert(s *keySet, path string, e *entry) {
	for _, key := range s.keys {
		ix.tree.Set(key+path, place{e, len(key)})
	}
	ix.count(s, path, 1)
}

func (ix *secondary) delete(s *keySet, path string) {
	for _, key := range s.keys {
		ix.tree.Delete(key + path)
	}
	ix.count(s, path, -1)
}

// count keeps the numbers in step; n is 1 or -1.
func (ix *secondary) count(s *keySet, path string, n int64) {
	if len(s.keys) == 0 {
		return
	}
	ix.changes++
	if s.arrays {
		ix.arrays.Add(n)
	}
	if s.odd {
		ix.odd.Add(n)
	}
	size := 0
	for _, key := range s.keys {
		size += len(key) + len(path)
	}
	ix.bytes.Add(n * int64(size))
}

// build fills the secondary indexes before the store is open.
func (x *index) build() error {
	for _, ix := range x.secondaries {
		if err := ix.build(x.paths); err != nil {
			return err
		}
	}
	return nil
}

// build sorts the keys first: a tree that is filled in order is filled sooner,
// and twice as full.
func (ix *secondary) build(paths *btree.Map[string, *entry]) error {
	type item struct {
		key   string
		place place
	}
	var items []item
	var odd error
	paths.Scan(func(path string, e *entry) bool {
		if !ix.covers(path) {
			return true
		}
		s := ix.keySet(e.doc.Load())
		if ix.unique && s.odd {
			odd = fmt.Errorf("index %s: %w: %s", ix.name, errOdd, path)
			return false
		}
		for _, key := range s.keys {
			items = append(items, item{key + path, place{e, len(key)}})
		}
		ix.count(&s, path, 1)
		return true
	})
	if odd != nil {
		return odd
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.key, b.key) })
	for i, it := range items {
		if i > 0 && ix.unique {
			before := items[i-1]
			if n := it.place.fields; n == before.place.fields && it.key[:n] == before.key[:n] {
				return fmt.Errorf("%w: index %s, documents %s and %s: change one of them, or make the index one that is not unique",
					datastore.ErrDuplicate, ix.name, before.key[n:], it.key[n:])
			}
		}
		ix.tree.Load(it.key, it.place)
	}
	return nil
}
