package migrate

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/datastore"
)

// FromStore is a source of the documents of a store, by path. It closes the store.
func FromStore(kind, name string, store datastore.Store) Source {
	return &storeSource{store, Origin{Kind: kind, Name: name, Ordered: true, Documents: -1, Bytes: -1}}
}

type storeSource struct {
	store  datastore.Store
	origin Origin
}

func (s *storeSource) Origin() Origin { return s.origin }
func (s *storeSource) Close() error   { return s.store.Close() }

func (s *storeSource) Documents(ctx context.Context, yield func(Item) error) error {
	var read int64
	var failure error
	err := s.store.Find(ctx, &datastore.Query{Pattern: []byte("*")}, func(doc *datastore.Document) bool {
		read += int64(len(doc.Path) + len(doc.Data))
		failure = errors.Join(ctx.Err(), yield(Item{Doc: *doc, Read: read}))
		return failure == nil
	})
	return errors.Join(failure, err)
}
