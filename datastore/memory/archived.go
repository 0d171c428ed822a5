package memory

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/happn-host/happn-host/datastore"
)

// ListArchives implements datastore.Archives.
func (s *Store) ListArchives(context.Context) ([]datastore.Archive, error) {
	if err := s.live(); err != nil {
		return nil, err
	}
	return s.archives.list(), nil
}

// LastArchive returns the greatest id that an archive of the store ever had.
func (s *Store) LastArchive() int64 { return s.archives.lastID() }

// OpenArchive implements datastore.Archives. Nothing is held open or in memory.
func (s *Store) OpenArchive(_ context.Context, id int64) (datastore.Reader, error) {
	if _, err := s.archive(id); err != nil {
		return nil, err
	}
	return &archiveReader{s, id}, nil
}

// archiveReader reads one archive, from the folder. Its documents belong to the
// caller.
type archiveReader struct {
	store *Store
	id    int64
}

// Get implements datastore.Reader.
func (r *archiveReader) Get(_ context.Context, path []byte) (doc *datastore.Document, err error) {
	if _, err := r.store.archive(r.id); err != nil {
		return nil, err
	}
	d := r.store.journal.disk
	err = d.use(func() error {
		value, err := d.header(append(archivedPrefix(r.id), path...))
		if err != nil || value == nil {
			return err
		}
		if doc, err = decode(value, map[string]string{}); err == nil {
			doc.Path = string(path)
		}
		return err
	})
	if err != nil {
		return nil, r.failed(err)
	}
	return doc, nil
}

func (r *archiveReader) failed(err error) error {
	return fmt.Errorf("reading archive %d: %w", r.id, errors.Join(r.store.live(), err))
}

// Find implements datastore.Reader. Without an order documents are handed out as
// they are read; with one, only as many are held as Skip and Limit can need.
func (r *archiveReader) Find(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	if q.Order != nil {
		return r.sorted(ctx, q, yield)
	}
	left := math.MaxInt
	switch {
	case q.Limit > 0:
		left = q.Limit
	case q.Limit < 0: // an archive does not change: it can be counted first
		n, err := r.Count(ctx, q)
		if err != nil || n == 0 {
			return err
		}
		left = n
	}
	skip := max(0, q.Skip)
	return r.matches(ctx, q, func(doc *datastore.Document) bool {
		if skip > 0 {
			skip--
			return true
		}
		left--
		return yield(doc) && left > 0
	})
}

func (r *archiveReader) sorted(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	c := collector(q)
	if err := r.matches(ctx, q, func(doc *datastore.Document) bool {
		c.Add(doc)
		return true
	}); err != nil {
		return err
	}
	docs := c.Docs()
	skip := min(max(0, q.Skip), len(docs))
	for _, doc := range docs[skip : skip+covers(q, len(docs))] {
		if !yield(doc) {
			return nil
		}
	}
	return nil
}

// Count implements datastore.Reader.
func (r *archiveReader) Count(ctx context.Context, q *datastore.Query) (int, error) {
	n, enough := 0, window(q)
	err := r.matches(ctx, q, func(*datastore.Document) bool {
		n++
		return n < enough
	})
	if err != nil {
		return 0, err
	}
	return covers(q, n), nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// matches calls visit for each document that the query's pattern and filter
// select, in path order, until visit returns false.
func (r *archiveReader) matches(ctx context.Context, q *datastore.Query, visit func(*datastore.Document) bool) error {
	p := compile(string(q.Pattern))
	if p.exact {
		doc, err := r.Get(ctx, q.Pattern)
		if doc != nil && selected(q, doc) {
			visit(doc)
		}
		return err
	}
	err := r.store.archived(ctx, r.id, p, func(doc *datastore.Document) error {
		if selected(q, doc) && !visit(doc) {
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	case errors.Is(err, datastore.ErrNoArchive), errors.Is(err, ctx.Err()):
		return err
	}
	return r.failed(err)
}

// archived calls visit for each document of the archive that the pattern covers,
// in path order, until there is an error. visit is called without locks.
func (s *Store) archived(ctx context.Context, id int64, p pattern, visit func(*datastore.Document) error) error {
	keys := archivedKeys(id, p.prefix)
	head := len(archivedPrefix(id))
	users := make(map[string]string)
	var docs []*datastore.Document
	for keys != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := s.archive(id); err != nil {
			return err
		}
		docs = docs[:0]
		var next []byte
		err := s.journal.disk.use(func() (err error) {
			docs, next, err = s.journal.disk.pick(keys, head, p, users, docs)
			return err
		})
		if err != nil {
			return err
		}
		for _, doc := range docs {
			if err := visit(doc); err != nil {
				return err
			}
		}
		if keys.LowerBound = next; next == nil {
			keys = nil
		}
	}
	return nil
}

// pick reads documents that the pattern covers, as many as a chunk holds, from
// the lower bound on, and where to go on, nil if there is no more. The path is
// what follows the head of a key.
func (d *disk) pick(keys *pebble.IterOptions, head int, p pattern, users map[string]string, docs []*datastore.Document) (
	found []*datastore.Document, next []byte, err error,
) {
	it, err := d.db.NewIter(keys)
	if err != nil {
		return nil, nil, err
	}
	visits, size := 0, 0
	for ok := it.First(); ok; ok = it.Next() {
		if visits++; visits > chunkVisits || len(docs) == chunkMatches || size > maxBatchBytes {
			next = append([]byte(nil), it.Key()...)
			break
		}
		if path := string(it.Key()[head:]); p.match(path) {
			doc, err := decode(it.Value(), users)
			if err != nil {
				return nil, nil, errors.Join(fmt.Errorf("document %q: %w", path, err), it.Close())
			}
			doc.Path = path
			size += len(doc.Data)
			docs = append(docs, doc)
		}
	}
	return docs, next, errors.Join(it.Error(), it.Close())
}
