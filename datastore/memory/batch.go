package memory

import (
	"context"
	"slices"

	"github.com/happn-host/happn-host/datastore"
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
	unlock := s.lockAll(writes)
	docs, err := s.prepare(writes)
	if err != nil {
		unlock()
		return err
	}
	for _, doc := range docs {
		sh := s.index.shardOf(doc.Path)
		s.index.put(sh, sh.entries[doc.Path], doc)
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

// lockAll locks the shards of all paths, always in the same order so that two
// batches do not wait for each other, and returns what unlocks them.
func (s *Store) lockAll(writes []datastore.Write) (unlock func()) {
	var numbers []uint8
	for i := range writes {
		numbers = append(numbers, s.index.shardNumber(writes[i].Path))
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
// those before it.
func (s *Store) prepare(writes []datastore.Write) ([]*datastore.Document, error) {
	docs := make([]*datastore.Document, 0, len(writes))
	made := make(map[string]*datastore.Document, len(writes))
	for i := range writes {
		w := &writes[i]
		before, again := made[string(w.Path)]
		if !again {
			before = s.index.shard(w.Path).entries[string(w.Path)].document()
		}
		doc, err := next(before, w)
		if err != nil {
			return nil, &datastore.BatchError{Place: i, Path: string(w.Path), Err: err}
		}
		made[doc.Path] = doc
		docs = append(docs, doc)
	}
	return docs, nil
}
