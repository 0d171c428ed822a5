package memory

import (
	"context"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/effect"
)

// Write implements datastore.Store. With DurabilitySync done is called from the
// store's goroutine once the commit is on disk; otherwise before Write returns.
// Write waits only while the queue is full, and gives up when ctx ends.
// done must not call the store's writing methods: they may wait for the
// goroutine it runs on.
func (s *Store) Write(ctx context.Context, w *datastore.Write, done datastore.Written) {
	err := s.admit(ctx)
	if err == nil {
		err = s.write(w, done)
	}
	if err != nil {
		s.answer(record{written: done, err: err})
	}
}

// admit waits for room in the queue.
func (s *Store) admit(ctx context.Context) error {
	if err := s.live(); err != nil {
		return err
	}
	if s.journal == nil {
		return nil
	}
	return s.journal.admit(ctx)
}

// write changes memory and queues the change in one critical section of the
// path, so that the disk sees changes to a path in the order of memory. An
// error means that nothing was changed or queued.
func (s *Store) write(w *datastore.Write, done datastore.Written) error {
	sh := s.index.shard(w.Path)
	sh.writers.Lock()
	e := sh.entries[string(w.Path)]
	before := e.document()
	doc, err := effect.Next(before, w)
	if e == nil {
		e = new(entry)
	}
	if err == nil {
		_, err = s.index.reindex(change{e, before, doc})
	}
	if err != nil {
		sh.writers.Unlock()
		return err
	}
	s.index.put(sh, e, doc)
	if s.journal == nil {
		sh.writers.Unlock()
		done.Written(doc, nil)
		return nil
	}
	r := record{doc: doc}
	if s.sync {
		r.written = done
	}
	queued := s.journal.enqueue(r)
	sh.writers.Unlock()
	switch {
	case !queued:
		return errStopped
	case !s.sync:
		done.Written(doc, nil)
	}
	return nil
}

// Remove implements datastore.Store. The documents are picked first; if ctx ends
// during that, nothing is removed. Then they are removed one by one, waiting
// for room in the queue as long as it takes. The order of calls is that of
// Write.
func (s *Store) Remove(ctx context.Context, q *datastore.Query, done datastore.Removed) {
	picked, err := s.pick(ctx, q)
	if err != nil {
		s.answer(record{removed: done, err: err})
		return
	}
	n := 0
	for _, doc := range picked {
		if err := s.admit(context.WithoutCancel(ctx)); err != nil {
			s.answer(record{removed: done, err: err})
			return
		}
		gone, err := s.remove(doc, q.Filter)
		if err != nil {
			s.answer(record{removed: done, err: err})
			return
		}
		if gone {
			n++
		}
	}
	s.answer(record{removed: done, n: n})
}

// pick returns the documents that the query's pattern and filter select now.
func (s *Store) pick(ctx context.Context, q *datastore.Query) ([]*datastore.Document, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	var picked []*datastore.Document
	all := datastore.Query{Pattern: q.Pattern, Filter: q.Filter}
	err := s.Find(ctx, &all, func(doc *datastore.Document) bool {
		picked = append(picked, doc)
		return true
	})
	return picked, err
}

// remove removes what is at the picked document's path now, unless it was
// changed since and the filter no longer lets it pass.
func (s *Store) remove(picked *datastore.Document, filter datastore.Filter) (bool, error) {
	sh := s.index.shardOf(picked.Path)
	sh.writers.Lock()
	defer sh.writers.Unlock()
	e := sh.entries[picked.Path]
	if e == nil {
		return false, nil
	}
	doc := e.doc.Load()
	if doc != picked && filter != nil && !filter.Match(doc) {
		return false, nil
	}
	if _, err := s.index.reindex(change{e, doc, nil}); err != nil {
		return false, err
	}
	s.index.remove(sh, e, doc)
	if s.journal != nil && !s.journal.enqueue(record{doc: doc, gone: true}) {
		return false, errStopped
	}
	return true, nil
}

// answer calls back without a change to store, in the order of writing.
func (s *Store) answer(r record) {
	if s.sync && s.live() == nil && r.err != errStopped && s.journal.enqueue(r) {
		return
	}
	if err := s.stoppedErr(r.err); err != nil {
		r.err, r.n = err, 0
	}
	r.call()
}

// stoppedErr turns the journal's internal refusal, or a stop that came in
// between, into the error to answer; other errors stay as they are.
func (s *Store) stoppedErr(err error) error {
	if s.live() == nil && err != errStopped {
		return err
	}
	return s.refusal()
}
