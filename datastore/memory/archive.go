package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Archiver = (*Store)(nil)

// errNoArchives is the answer of a store without a folder.
var errNoArchives = fmt.Errorf("durability %q keeps nothing that could be archived (%w)", string(DurabilityNone), errors.ErrUnsupported)

// Archive implements datastore.Archiver. An archive lies in the store's folder,
// and only there: it takes no memory. It is made in three steps. The documents
// are copied to keys of the archive, from one state of the folder. A record then
// says that the archive exists: until then a crash takes the copies away. At
// last the documents leave the store, each unless it was changed meanwhile; what
// is left to do after a crash is done when the store is opened.
func (s *Store) Archive(ctx context.Context, q *datastore.Query, after int64) (datastore.Archive, error) {
	if err := s.live(); err != nil {
		return datastore.Archive{}, err
	}
	if s.journal == nil {
		return datastore.Archive{}, errNoArchives
	}
	s.archives.making.Lock()
	defer s.archives.making.Unlock()
	if err := errors.Join(s.journal.settle(ctx), ctx.Err()); err != nil {
		return datastore.Archive{}, errors.Join(s.live(), err)
	}
	a := datastore.Archive{ID: max(after, s.archives.lastID()) + 1, Taken: time.UnixMilli(time.Now().UnixMilli())}
	d := s.journal.disk
	if err := s.copyAside(ctx, q, &a); err != nil {
		return datastore.Archive{}, errors.Join(fmt.Errorf("archiving: %w", err), d.do(func() error { return d.dropCopies(a.ID) }))
	}
	if err := d.do(func() error { return d.db.Set(archiveName(a.ID), appendArchive(nil, a, archiveMoving), pebble.Sync) }); err != nil {
		return datastore.Archive{}, fmt.Errorf("archiving: %w", err)
	}
	s.archives.add(a)
	if err := s.moveOut(a); err != nil {
		return a, fmt.Errorf("archive %d is complete, but its documents are still in the store, too; they leave it "+
			"when the store is opened again: %w", a.ID, err)
	}
	return a, nil
}

// copyAside copies what the query selects to the keys of the archive and counts
// it. Nothing of it needs to be on disk before the record is.
func (s *Store) copyAside(ctx context.Context, q *datastore.Query, a *datastore.Archive) error {
	d, p := s.journal.disk, compile(string(q.Pattern))
	b := archiveBatch{disk: d, batch: d.db.NewBatch()}
	users := make(map[string]string)
	seen := 0
	err := d.snapshot(documentKeys(), func(key, value []byte) error {
		if seen++; seen%chunkVisits == 1 {
			if err := errors.Join(ctx.Err(), s.live()); err != nil {
				return err
			}
		}
		if !p.match(string(key[1:])) {
			return nil
		}
		doc, err := decode(value, users)
		if err != nil {
			return fmt.Errorf("document %q: %w", key[1:], err)
		}
		if doc.Path = string(key[1:]); !selected(q, doc) {
			return nil
		}
		a.Documents++
		a.Bytes += weight(doc)
		return b.set(append(archivedPrefix(a.ID), key[1:]...), value)
	})
	if err == nil {
		err = b.flush(pebble.NoSync)
	}
	return errors.Join(err, b.batch.Close())
}

// moveOut takes the documents of an archive out of the store, but what was
// changed since.
func (s *Store) moveOut(a datastore.Archive) error {
	err := s.archived(context.Background(), a.ID, pattern{}, func(doc *datastore.Document) error {
		if err := s.admit(context.Background()); err != nil {
			return err
		}
		return s.removeSame(doc)
	})
	if err == nil {
		err = s.journal.settle(context.Background())
	}
	if err != nil {
		return errors.Join(s.live(), err)
	}
	d := s.journal.disk
	return d.do(func() error { return d.db.Set(archiveName(a.ID), appendArchive(nil, a, archiveDone), pebble.Sync) })
}

// removeSame removes what is at the document's path if it is the same.
func (s *Store) removeSame(archived *datastore.Document) error {
	sh := s.index.shardOf(archived.Path)
	sh.writers.Lock()
	defer sh.writers.Unlock()
	e := sh.entries[archived.Path]
	doc := e.document()
	if doc == nil || !same(doc, archived) {
		return nil
	}
	if _, err := s.index.reindex(change{e, doc, nil}); err != nil {
		return err
	}
	s.index.remove(sh, e, doc)
	if !s.journal.enqueue(record{doc: doc, gone: true}) {
		return errStopped
	}
	return nil
}

// same reports whether two documents of one path are one.
func same(a, b *datastore.Document) bool {
	return a.Created == b.Created && a.Modified == b.Modified && a.ModifiedBy == b.ModifiedBy && a.Tag == b.Tag &&
		bytes.Equal(a.Data, b.Data)
}

// DropArchive implements datastore.Archiver. Who reads the archive just now gets
// datastore.ErrNoArchive.
func (s *Store) DropArchive(_ context.Context, id int64) error {
	s.archives.making.Lock()
	defer s.archives.making.Unlock()
	a, err := s.archive(id)
	if err != nil {
		return err
	}
	s.archives.drop(id)
	d := s.journal.disk
	if err := d.do(func() error {
		// The record stays, so that the id is not used again.
		return errors.Join(d.db.Set(archiveName(id), appendArchive(nil, a, archiveDropped), pebble.Sync), d.dropCopies(id))
	}); err != nil {
		return fmt.Errorf("dropping archive %d: %w", id, errors.Join(s.live(), err))
	}
	return nil
}

// BackupArchive implements datastore.Archiver.
func (s *Store) BackupArchive(ctx context.Context, id int64, w io.Writer) (datastore.Snapshot, error) {
	if _, err := s.archive(id); err != nil {
		return datastore.Snapshot{}, err
	}
	return s.copyOut(ctx, archivedKeys(id, ""), w)
}

// archive returns what is known of an archive.
func (s *Store) archive(id int64) (datastore.Archive, error) {
	if err := s.live(); err != nil {
		return datastore.Archive{}, err
	}
	a, ok := s.archives.get(id)
	if !ok {
		return a, fmt.Errorf("%w: %d", datastore.ErrNoArchive, id)
	}
	return a, nil
}
