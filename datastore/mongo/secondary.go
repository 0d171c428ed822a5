package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// indexPatience bounds how long the server may take to make one index: it reads
// the whole collection.
const indexPatience = 24 * time.Hour

// indexRetry is how long after a failure of the connection an index is asked for
// again.
const indexRetry = 5 * time.Second

// serverIndex is an index as the server is asked for it.
type serverIndex struct {
	name    string
	fields  bson.D
	unique  bool
	partial bson.D // criteria of the documents in it; nil is all
}

// serverIndexes translates an index. One that is unique is one of the server's;
// of others there is one for each path, since a search uses an index only if the
// server sees that all it may find is in there. The fields of those end with the
// path: results of one value come in its order.
func serverIndexes(x datastore.Index) ([]serverIndex, error) {
	var fields bson.D
	byPath := false
	for _, f := range x.Fields {
		if !addressable(f.Name) {
			return nil, fmt.Errorf("MongoDB cannot address the field %q", f.Name)
		}
		way := 1
		if f.Descending {
			way = -1
		}
		fields = append(fields, bson.E{Key: f.Name, Value: way})
		byPath = byPath || f.Name == codec.Path
	}
	if x.Unique {
		partial, err := uniquePaths(x.Paths)
		return []serverIndex{{indexKey(x, x.Paths...), fields, true, partial}}, err
	}
	if !byPath {
		fields = append(fields, bson.E{Key: codec.Path, Value: 1})
	}
	var all []serverIndex
	for _, pattern := range x.Paths {
		all = append(all, serverIndex{indexKey(x, pattern), fields, false, pathRange(pattern)})
	}
	return all, nil
}

// uniquePaths returns the criteria of the documents in a unique index. They must
// be exact: of documents that merely might be in it, two may have the same values.
func uniquePaths(patterns []string) (bson.D, error) {
	var any bson.A
	for _, pattern := range patterns {
		if literal, rest, wild := strings.Cut(pattern, "*"); wild && strings.Trim(rest, "*") != "" {
			return nil, fmt.Errorf("a unique index in MongoDB is for single paths and for all paths that begin alike, such as %s*: %s says more", literal, pattern)
		}
		part := pathRange(pattern)
		if part == nil {
			return nil, nil
		}
		any = append(any, part)
	}
	if len(any) == 1 {
		return any[0].(bson.D), nil
	}
	return bson.D{{Key: "$or", Value: any}}, nil
}

// pathRange returns criteria, such as a partial index may have, of all paths that
// a pattern covers, and maybe of more; nil is all paths.
func pathRange(pattern string) bson.D {
	prefix, _, wild := strings.Cut(pattern, "*")
	switch {
	case !wild:
		return bson.D{{Key: codec.Path, Value: pattern}}
	case prefix == "":
		return nil
	}
	return pathCriteria(prefix + "*")
}

// indexKey is the name of an index, always the same for the same index: the
// fields for people, and the rest of what it is.
func indexKey(x datastore.Index, paths ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %t", paths, x.Unique))
	return "happn_" + x.String() + "_" + hex.EncodeToString(sum[:4])
}

// options returns what the index has beside its fields.
func (x *serverIndex) options() bson.D {
	options := bson.D{{Key: "name", Value: x.name}}
	if x.unique {
		options = append(options, bson.E{Key: "unique", Value: true})
	}
	if x.partial != nil {
		options = append(options, bson.E{Key: "partialFilterExpression", Value: x.partial})
	}
	return options
}

// makeSecondary makes the configured indexes, one after the other, while the
// store serves already. What cannot be made is logged.
func (s *Store) makeSecondary(ctx context.Context) {
	for _, x := range s.options.Secondary {
		all, err := serverIndexes(x)
		if err != nil {
			s.options.Logger.Error("an index cannot be made in MongoDB", "index", x.String(), "paths", x.Paths, "error", err)
			continue
		}
		for i := range all {
			s.makeServerIndex(ctx, &all[i])
		}
	}
}

// makeServerIndex makes one index, unless it is there, and records it. It tries
// again while the server is away.
func (s *Store) makeServerIndex(ctx context.Context, x *serverIndex) {
	began := time.Now()
	for {
		err := s.createIndex(ctx, x)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			s.options.Logger.Info("an index is there", "index", x.name, "took", time.Since(began).Round(time.Millisecond))
			return
		case answered(err):
			s.options.Logger.Error(indexProblem(err), "index", x.name, "error", err)
			return
		}
		select {
		case <-time.After(indexRetry):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) createIndex(ctx context.Context, x *serverIndex) error {
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	index := append(bson.D{{Key: "key", Value: x.fields}}, x.options()...)
	err := s.collection.Database().RunCommand(ctx,
		bson.D{{Key: "createIndexes", Value: s.collection.Name()}, {Key: "indexes", Value: bson.A{index}}}).Err()
	if err != nil {
		return err
	}
	return s.recordIndex(ctx, x)
}

// recordIndex records an index where happn-3 does, unless that has been done.
func (s *Store) recordIndex(ctx context.Context, x *serverIndex) error {
	path := []byte(indexesPath + x.name)
	err := s.collection.FindOne(ctx, at(path)).Err()
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	fields, err := bson.MarshalExtJSON(x.fields, false, false)
	if err != nil {
		return err
	}
	options, err := bson.MarshalExtJSON(x.options(), false, false)
	if err != nil {
		return err
	}
	spec := IndexSpec{Fields: fields, Options: options}
	record := datastore.Write{Op: datastore.Put, Path: path, Data: spec.record(), Now: time.Now().UnixMilli()}
	_, err = s.put(ctx, &record, record.Now)
	return err
}

// indexProblem says what the server's refusal to make an index means.
func indexProblem(err error) string {
	const optionsConflict, keysConflict = 85, 86
	var refused mongo.CommandError
	switch errors.As(err, &refused); {
	case mongo.IsDuplicateKeyError(err):
		return "a unique index was not made: documents have the same values already, and more may follow; change or remove them and start again"
	case refused.Code == optionsConflict || refused.Code == keysConflict:
		return "an index was not made: the collection has another one with the same fields or the same name; drop that, or take this one out of data.indexes"
	}
	return "an index was not made: searches work, and take longer"
}
