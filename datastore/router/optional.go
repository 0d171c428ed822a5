package router

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/happn-host/happn-host/datastore"
)

var (
	_ datastore.Batcher   = (*Store)(nil)
	_ datastore.Explainer = (*Store)(nil)
	_ datastore.Archives  = (*Store)(nil)
	_ datastore.Importer  = (*Store)(nil)
	_ datastore.Getter    = (*Store)(nil)
	_ datastore.Watcher   = (*Store)(nil)
)

// ErrSpansStores is the answer to a batch whose paths belong to several stores:
// nothing can make them durable as one.
var ErrSpansStores = errors.New("the writes of a batch must stay within one data store; write to each store on its own")

// errCannot is the answer to what the store of a path is not able to do.
var errCannot = errors.New("the data store of this path cannot do this")

// WriteAll implements datastore.Batcher for writes to paths of one store.
func (s *Store) WriteAll(ctx context.Context, writes []datastore.Write, done datastore.WrittenAll) {
	if s.turns != nil {
		done = s.turns.forBatch(done)
	}
	if s.closed.Load() {
		done.WrittenAll(nil, datastore.ErrClosed)
		return
	}
	owner := s.routes.fallback // of an empty batch
	for i := range writes {
		m := s.routes.owner(writes[i].Path)
		if i == 0 {
			owner = m
		}
		if m != owner {
			done.WrittenAll(nil, &datastore.BatchError{Place: i, Path: string(writes[i].Path), Err: ErrSpansStores})
			return
		}
	}
	batcher, ok := owner.Store.(datastore.Batcher)
	if !ok {
		done.WrittenAll(nil, fmt.Errorf("store %q: %w", owner.name, datastore.ErrNoBatches))
		return
	}
	batcher.WriteAll(ctx, writes, done)
}

// Import implements datastore.Importer: store by store, in the order in which the
// documents first name them.
func (s *Store) Import(ctx context.Context, docs []*datastore.Document) error {
	if s.closed.Load() {
		return datastore.ErrClosed
	}
	parts := make(map[*member][]int, len(s.routes.members)) // places in docs
	var owners []*member
	for i, doc := range docs {
		m := s.routes.owner([]byte(doc.Path))
		if parts[m] == nil {
			owners = append(owners, m)
		}
		parts[m] = append(parts[m], i)
	}
	for _, m := range owners {
		if err := m.importPart(ctx, docs, parts[m]); err != nil {
			return err
		}
	}
	return nil
}

// CanImport implements datastore.Importer: the store of the path decides.
func (s *Store) CanImport(doc *datastore.Document) error {
	m := s.routes.owner([]byte(doc.Path))
	importer, ok := m.Store.(datastore.Importer)
	if !ok {
		return fmt.Errorf("store %q: %w", m.name, errCannot)
	}
	return importer.CanImport(doc)
}

// GetAll implements datastore.Getter: each store is asked for its part.
func (s *Store) GetAll(ctx context.Context, paths []string) ([]*datastore.Document, error) {
	if s.closed.Load() {
		return nil, datastore.ErrClosed
	}
	parts := make(map[*member][]string, len(s.routes.members))
	places := make(map[*member][]int, len(s.routes.members))
	for i, path := range paths {
		m := s.routes.owner([]byte(path))
		parts[m], places[m] = append(parts[m], path), append(places[m], i)
	}
	docs := make([]*datastore.Document, len(paths))
	for m, part := range parts {
		found, err := datastore.GetAll(ctx, m.Store, part)
		if err != nil {
			return nil, err
		}
		for k, doc := range found {
			docs[places[m][k]] = doc
		}
	}
	return docs, nil
}

// Watch implements datastore.Watcher: it hears of what each store hears of at
// paths that belong to it.
func (s *Store) Watch(ctx context.Context, heard func(datastore.Change)) {
	var one sync.Mutex // heard is told one change at a time
	var all sync.WaitGroup
	for _, m := range s.routes.members {
		watcher, ok := m.Store.(datastore.Watcher)
		if !ok {
			continue
		}
		all.Go(func() {
			watcher.Watch(ctx, func(c datastore.Change) {
				if !c.Missed && s.routes.owner([]byte(c.Path)) != m {
					return
				}
				one.Lock()
				defer one.Unlock()
				heard(c)
			})
		})
	}
	all.Wait()
}

// importPart imports the documents at the places.
func (m *member) importPart(ctx context.Context, docs []*datastore.Document, places []int) error {
	importer, ok := m.Store.(datastore.Importer)
	if !ok {
		return fmt.Errorf("store %q: %w", m.name, errCannot)
	}
	its := make([]*datastore.Document, 0, len(places))
	for _, i := range places {
		its = append(its, docs[i])
	}
	err := importer.Import(ctx, its)
	if one := new(datastore.BatchError); errors.As(err, &one) {
		return &datastore.BatchError{Place: places[one.Place], Path: one.Path, Err: one.Err}
	}
	return err
}

// Explain implements datastore.Explainer. What several stores say about their
// parts of the query is in "stores", by name.
func (s *Store) Explain(ctx context.Context, q *datastore.Query) ([]byte, error) {
	if s.closed.Load() {
		return nil, datastore.ErrClosed
	}
	owners := s.routes.owners(q.Pattern)
	if len(owners) == 1 && owners[0].strays == 0 {
		return explain(ctx, owners[0], q)
	}
	whole := struct {
		Plan     string                     `json:"plan"`
		Examined int64                      `json:"documents examined"`
		Found    int                        `json:"documents found"`
		Stores   map[string]json.RawMessage `json:"stores"`
	}{Plan: "merge of several stores", Stores: make(map[string]json.RawMessage)}
	for _, m := range owners {
		sub := part(q)
		if m.strays > 0 {
			sub.Limit = 0 // as it is asked: strays must not use it up
		}
		one, err := explain(ctx, m, &sub)
		if err != nil {
			return nil, err
		}
		var numbers struct {
			Examined int64 `json:"documents examined"`
		}
		if err := json.Unmarshal(one, &numbers); err != nil {
			return nil, fmt.Errorf("explaining a query of store %q: %w", m.name, err)
		}
		whole.Examined += numbers.Examined
		whole.Stores[m.name] = one
	}
	var err error
	if whole.Found, err = s.Count(ctx, q); err != nil {
		return nil, err
	}
	return json.Marshal(whole)
}

func explain(ctx context.Context, m *member, q *datastore.Query) ([]byte, error) {
	explainer, ok := m.Store.(datastore.Explainer)
	if !ok {
		return nil, errCannot
	}
	return explainer.Explain(ctx, q)
}

// ListArchives implements datastore.Archives: the archives of all members. Whoever
// makes them gives each an id of its own.
func (s *Store) ListArchives(ctx context.Context) ([]datastore.Archive, error) {
	if s.closed.Load() {
		return nil, datastore.ErrClosed
	}
	var all []datastore.Archive
	for _, m := range s.routes.members {
		archives, ok := m.Store.(datastore.Archives)
		if !ok {
			continue
		}
		its, err := archives.ListArchives(ctx)
		if err != nil {
			return nil, fmt.Errorf("archives of store %q: %w", m.name, err)
		}
		all = append(all, its...)
	}
	slices.SortStableFunc(all, func(a, b datastore.Archive) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// OpenArchive implements datastore.Archives: it finds the member that keeps the
// archive, wherever its paths belong now.
func (s *Store) OpenArchive(ctx context.Context, id int64) (datastore.Reader, error) {
	if s.closed.Load() {
		return nil, datastore.ErrClosed
	}
	for _, m := range s.routes.members {
		archives, ok := m.Store.(datastore.Archives)
		if !ok {
			continue
		}
		if r, err := archives.OpenArchive(ctx, id); !errors.Is(err, datastore.ErrNoArchive) {
			return r, err
		}
	}
	return nil, fmt.Errorf("%w: %d", datastore.ErrNoArchive, id)
}

var _ datastore.Aggregator = (*Store)(nil)

// aggregator returns the store that all a query selects is in, nil if there are
// several, or if it does nothing of pipelines.
func (s *Store) aggregator(q *datastore.Query) datastore.Aggregator {
	owners := s.routes.owners(q.Pattern)
	if s.closed.Load() || len(owners) != 1 || owners[0].strays > 0 {
		return nil
	}
	able, _ := owners[0].Store.(datastore.Aggregator)
	return able
}

// Aggregate implements datastore.Aggregator.
func (s *Store) Aggregate(ctx context.Context, q *datastore.Query, p *datastore.Stages, add func(raw []byte) error) (done bool, err error) {
	if able := s.aggregator(q); able != nil {
		return able.Aggregate(ctx, q, p, add)
	}
	return false, nil
}

// Group implements datastore.Aggregator.
func (s *Store) Group(ctx context.Context, q *datastore.Query, g *datastore.Grouping) (groups []datastore.Group, done bool, err error) {
	if able := s.aggregator(q); able != nil {
		return able.Group(ctx, q, g)
	}
	return nil, false, nil
}
