package memory

import (
	"context"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Importer = (*Store)(nil)

// Import implements datastore.Importer. The documents of one call are stored as
// a batch is: all of them or, after an error, none.
func (s *Store) Import(ctx context.Context, docs []*datastore.Document) error {
	if len(docs) == 0 {
		return s.Check(ctx)
	}
	if err := s.admit(ctx); err != nil {
		return s.stoppedErr(err)
	}
	done := make(imported, 1)
	if err := s.importAll(docs, done); err != nil {
		return s.stoppedErr(err)
	}
	return <-done // the journal answers everything that it took
}

// CanImport implements datastore.Importer: every document can be kept.
func (s *Store) CanImport(*datastore.Document) error { return nil }

// imported receives the answer of an import.
type imported chan error

// WrittenAll implements datastore.WrittenAll.
func (i imported) WrittenAll(_ []*datastore.Document, err error) { i <- err }

// importAll is writeAll for whole documents.
func (s *Store) importAll(docs []*datastore.Document, done datastore.WrittenAll) error {
	paths := make([][]byte, 0, len(docs))
	for _, doc := range docs {
		paths = append(paths, []byte(doc.Path))
	}
	unlock := s.lockAll(paths)
	changes := make([]change, 0, len(docs))
	places := make(map[string]int, len(docs)) // of paths in changes
	for i, doc := range docs {
		at, again := places[doc.Path]
		if !again {
			at = len(changes)
			changes = append(changes, s.noChange(paths[i]))
			places[doc.Path] = at
		}
		changes[at].after = doc
	}
	if err := s.reindexAll(paths, changes); err != nil {
		unlock()
		return err
	}
	return s.apply(docs, changes, unlock, done)
}
