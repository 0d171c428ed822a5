package mongo

import (
	"bytes"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Aggregate implements datastore.Aggregator: with Options.ServerDecides the
// server runs the pipeline as it came, on documents as a pipeline sees them here.
func (s *Store) Aggregate(ctx context.Context, q *datastore.Query, p *datastore.Stages, add func(raw []byte) error) (done bool, err error) {
	if !s.options.ServerDecides {
		return false, nil
	}
	pushed, whole := criteria(q.Filter, p.Collation != nil)
	stages, ok := plainValue(p.Raw)
	if !ok || !whole { // such as where a permission decides about each document
		return false, nil
	}
	path := pathCriteria(string(q.Pattern))
	var by any
	if p.Collation != nil {
		if by, ok = plainValue(p.Collation); !ok {
			return false, nil
		}
		path = bson.D{{Key: codec.Path, Value: bson.D{{Key: "$regex", Value: pathExpression(string(q.Pattern))}}}}
	}
	if err := s.settle(ctx, q.Pattern); err != nil {
		return false, err
	}
	pipeline := bson.A{bson.D{{Key: "$match", Value: path}}}
	if len(pushed) > 0 {
		pipeline = append(pipeline, bson.D{{Key: "$match", Value: pushed}})
	}
	pipeline = append(pipeline, bson.D{{Key: "$project", Value: seen()}})
	return s.runPipeline(ctx, append(pipeline, stages.(bson.A)...), by, add)
}

// seen is what of a stored document a pipeline sees.
func seen() bson.D {
	shown := bson.D{{Key: "_id", Value: 0}}
	for _, name := range []string{codec.Path, codec.Data, codec.Created, codec.Modified, codec.ModifiedBy} {
		shown = append(shown, bson.E{Key: name, Value: 1})
	}
	return shown
}

// runPipeline hands on the results. What the server refuses before the first is
// left to the host. by is a collation, or nil.
func (s *Store) runPipeline(ctx context.Context, pipeline bson.A, by any, add func(raw []byte) error) (done bool, err error) {
	const what = "a pipeline"
	command := bson.D{{Key: "aggregate", Value: s.collection.Name()}, {Key: "pipeline", Value: pipeline}, {Key: "cursor", Value: bson.D{}},
		{Key: "maxTimeMS", Value: s.timeout.Milliseconds()}} // which the driver's own Aggregate does not send
	if by != nil {
		command = append(command, bson.E{Key: "collation", Value: by})
	}
	cursor, err := s.collection.Database().RunCommandCursor(ctx, command)
	if err != nil {
		return false, s.refused(what, err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // what failed is in Err
	for cursor.Next(ctx) {
		raw, err := codec.AppendJSON(nil, byte(bson.TypeEmbeddedDocument), cursor.Current)
		if err == nil {
			err = add(raw)
		}
		if err != nil {
			return false, err
		}
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return true, s.failure(cursor.Err())
}

// plainValue is a JSON value for the server with all names as they are; false for
// one with numbers that BSON does not have.
func plainValue(raw []byte) (any, bool) {
	ok := true
	switch {
	case rawjson.IsObject(raw):
		d := bson.D{}
		for name, value := range rawjson.Members(raw) {
			v, fits := plainValue(value)
			d, ok = append(d, bson.E{Key: string(name), Value: v}), ok && fits && bytes.IndexByte(name, 0) < 0
		}
		return d, ok
	case rawjson.IsArray(raw):
		a := bson.A{}
		for element := range rawjson.Elements(raw) {
			v, fits := plainValue(element)
			a, ok = append(a, v), ok && fits
		}
		return a, ok
	}
	return translator{}.scalar(raw)
}
