package mongo

import (
	"context"
	"fmt"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

var _ datastore.Importer = (*Store)(nil)

// replacement is a document on its way to the server, of those that Import got.
type replacement struct {
	place int
	path  string
	raw   bson.Raw
}

// refused is the error of this one document.
func (r *replacement) refused(err error) error {
	return &datastore.BatchError{Place: r.place, Path: r.path, Err: err}
}

// model is the replacement for a bulk. A document at the path keeps its _id. To
// insert is cheaper for the server than to look for what is not there.
func (r *replacement) model(present bool) mongo.WriteModel {
	if !present {
		return mongo.NewInsertOneModel().SetDocument(r.raw)
	}
	return mongo.NewReplaceOneModel().SetFilter(at([]byte(r.path))).SetReplacement(r.raw).SetUpsert(true)
}

// Import implements datastore.Importer. It comes after the writes that are
// queued, and goes around the queue, a bulk at a time. When a document can never
// be stored, none is.
func (s *Store) Import(ctx context.Context, docs []*datastore.Document) error {
	if err := s.settle(ctx, []byte("*")); err != nil {
		return err
	}
	all, err := s.replacements(docs)
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && n < batchEntries && size < batchBytes {
			size += len(all[n].raw)
			n++
		}
		if err := s.replaceAll(ctx, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// CanImport implements datastore.Importer.
func (s *Store) CanImport(doc *datastore.Document) error {
	_, err := encodeWhole(doc)
	return err
}

func encodeWhole(doc *datastore.Document) (bson.Raw, error) {
	if !utf8.ValidString(doc.Path) {
		return nil, fmt.Errorf("%w: its path is not valid UTF-8", codec.ErrNotStorable)
	}
	return codec.Encode(doc)
}

// replacements encodes the last document of each path.
func (s *Store) replacements(docs []*datastore.Document) ([]replacement, error) {
	all := make([]replacement, 0, len(docs))
	places := make(map[string]int, len(docs)) // of paths in all
	for i, doc := range docs {
		raw, err := encodeWhole(doc)
		one := replacement{i, doc.Path, s.markWhole(raw)}
		if err != nil {
			return nil, one.refused(err)
		}
		if place, again := places[doc.Path]; again {
			all[place] = one
			continue
		}
		places[doc.Path] = len(all)
		all = append(all, one)
	}
	return all, nil
}

// replaceAll sends one bulk. Its documents have different paths, so that their
// order does not matter.
func (s *Store) replaceAll(ctx context.Context, all []replacement) error {
	paths := make(bson.A, len(all))
	for i := range all {
		paths[i] = all[i].path
	}
	present, err := s.heads(ctx, paths)
	if err != nil {
		return err
	}
	models := make([]mongo.WriteModel, len(all))
	for i := range all {
		models[i] = all[i].model(present[all[i].path] != nil)
	}
	_, err = s.collection.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	failed, err := failures(err)
	if err != nil {
		return s.failure(err)
	}
	for i := range all {
		why := failed[i]
		if mongo.IsDuplicateKeyError(why) {
			why = s.replaceOne(ctx, &all[i])
		}
		if why != nil {
			return all[i].refused(s.failure(why))
		}
	}
	return nil
}

// replaceOne stores one document whose path somebody else has filled meanwhile.
func (s *Store) replaceOne(ctx context.Context, r *replacement) error {
	for try := 1; ; try++ {
		_, err := s.collection.ReplaceOne(ctx, at([]byte(r.path)), r.raw, options.Replace().SetUpsert(true))
		if !mongo.IsDuplicateKeyError(err) || try == attempts {
			return err
		}
		if n, countErr := s.collection.CountDocuments(ctx, at([]byte(r.path)), options.Count().SetLimit(1)); countErr != nil || n == 0 {
			return err // another unique index
		}
	}
}
