package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

var _ datastore.Getter = (*Store)(nil)

// GetAll implements datastore.Getter.
func (s *Store) GetAll(ctx context.Context, paths []string) ([]*datastore.Document, error) {
	if err := s.settle(ctx, []byte("*")); err != nil {
		return nil, err
	}
	docs := make([]*datastore.Document, 0, len(paths))
	for len(paths) > 0 {
		n, size := 0, 0
		for n < len(paths) && n < batchEntries && size < batchBytes {
			size += len(paths[n])
			n++
		}
		found, err := s.getPart(ctx, paths[:n])
		if err != nil {
			return nil, err
		}
		for _, path := range paths[:n] {
			docs = append(docs, found[path])
		}
		paths = paths[n:]
	}
	return docs, nil
}

// getPart looks up as many paths as one command holds. Of several documents with
// one path the first counts, as for Get.
func (s *Store) getPart(ctx context.Context, paths []string) (map[string]*datastore.Document, error) {
	wanted := bson.D{{Key: codec.Path, Value: bson.D{{Key: "$in", Value: paths}}}}
	cursor, err := s.collection.Find(ctx, wanted, options.Find().SetProjection(bson.D{{Key: "_id", Value: 0}}))
	if err != nil {
		return nil, s.failure(err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // what failed is in Err
	found := make(map[string]*datastore.Document, len(paths))
	for cursor.Next(ctx) {
		doc, err := codec.Decode(cursor.Current)
		if err != nil {
			return nil, err
		}
		if found[doc.Path] == nil {
			found[doc.Path] = doc
		}
	}
	return found, s.failure(cursor.Err())
}
