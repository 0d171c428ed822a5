package memory

import (
	"context"
	"slices"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/effect"
)

var _ datastore.Batcher = (*Store)(nil)

// WriteAll implements datastore.Batcher. The order of calls is that of Write.
// The whole batch waits for room in the queue as one write does.
func (s *Store) WriteAll(ctx context.Context, writes []datastore.Write, done datastore.WrittenAll) {
	err := s.admit(ctx)
	if err == nil {
		err = s.writeAll(writes, done)
	}
	if err != nil {
		s.answer(record{all: done, err: err})
	}
}

// writeAll is write for several: the critical section is that of all paths.
func (s *Store) writeAll(writes []datastore.Write, done datastore.WrittenAll) error {
	paths := make([][]byte, 0, len(writes))
	for i := range writes {
		paths = append(paths, writes[i].Path)
	}
	unlock := s.lockAll(paths)
	docs, changes, err := s.prepare(writes)
	if err == nil {
		err = s.reindexAll(paths, changes)
	}
	if err != nil {
		unlock()
		return err
	}
	return s.apply(docs, changes, unlock, done)
}

// apply puts the changes into memory and queues the documents, which is the
// end of the critical section.
func (s *Store) apply(docs []*datastore.Document, changes []change, unlock func(), done datastore.WrittenAll) error {
	for _, c := range changes {
		s.index.put(s.index.shardOf(c.after.Path), c.entry, c.after)
	}
	if s.journal == nil {
		unlock()
		done.WrittenAll(docs, nil)
		return nil
	}
	r := record{batch: docs, all: done}
	if !s.sync {
		r.batch, r.all = slices.Clone(docs), nil // the callee may change docs
	}
	queued := s.journal.enqueue(r)
	unlock()
	switch {
	case !queued:
		return errStopped
	case !s.sync:
		done.WrittenAll(docs, nil)
	}
	return nil
}

// reindexAll names the last write to the path that a unique index refuses.
func (s *Store) reindexAll(paths [][]byte, changes []change) error {
	path, err := s.index.reindex(changes...)
	if err == nil {
		return nil
	}
	at := len(paths) - 1
	for string(paths[at]) != path {
		at--
	}
	return &datastore.BatchError{Place: at, Path: path, Err: err}
}

// lockAll locks the shards of all paths, always in the same order so that two
// batches do not wait for each other, and returns what unlocks them.
func (s *Store) lockAll(paths [][]byte) (unlock func()) {
	var numbers []uint8
	for _, path := range paths {
		numbers = append(numbers, s.index.shardNumber(path))
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	for _, n := range numbers {
		s.index.shards[n].writers.Lock()
	}
	return func() {
		for _, n := range numbers {
			s.index.shards[n].writers.Unlock()
		}
	}
}

// prepare makes the documents that the writes leave behind, each on top of
// those before it, and what changes with all of them done.
func (s *Store) prepare(writes []datastore.Write) ([]*datastore.Document, []change, error) {
	docs := make([]*datastore.Document, 0, len(writes))
	changes := make([]change, 0, len(writes))
	places := make(map[string]int, len(writes)) // of paths in changes
	for i := range writes {
		w := &writes[i]
		at, again := places[string(w.Path)]
		if !again {
			at = len(changes)
			changes = append(changes, s.noChange(w.Path))
		}
		doc, err := effect.Next(changes[at].after, w)
		if err != nil {
			return nil, nil, &datastore.BatchError{Place: i, Path: string(w.Path), Err: err}
		}
		changes[at].after = doc
		places[doc.Path] = at
		docs = append(docs, doc)
	}
	return docs, changes, nil
}

// noChange is the change of a path to what it is. The caller holds its shard.
func (s *Store) noChange(path []byte) change {
	e := s.index.shard(path).entries[string(path)]
	c := change{entry: e, before: e.document(), after: e.document()}
	if e == nil {
		c.entry = new(entry)
	}
	return c
}
