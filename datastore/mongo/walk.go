package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// Stored is a document as it stands in the collection.
type Stored struct {
	ID    string             // its _id, as JSON
	Doc   datastore.Document // only its path, if that is known, with a Fault
	Fault string             // why it is none that happn reads
	// Lost are what happn does not read of it: fields, and values of types that
	// JSON does not have.
	Lost []string
}

// Name says which collection it is: host, database and collection, without
// credentials.
func (s *Store) Name() string {
	return s.watch.host + "/" + s.collection.Database().Name() + "." + s.collection.Name()
}

// Walk calls yield for every document of the collection, whoever wrote it: first
// those without a path, then the others by path. Of several with one path the
// first is the one that Get finds. It goes on where it was when the connection
// breaks in between.
func (s *Store) Walk(ctx context.Context, yield func(*Stored) error) error {
	if err := s.settle(ctx, []byte("*")); err != nil {
		return err
	}
	// The complement of what follows: a path of any other type, or none.
	strange := bson.D{{Key: codec.Path, Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gte", Value: ""}}}}}}
	byID := bson.D{{Key: "_id", Value: 1}}
	if _, err := s.each(ctx, strange, byID, func(raw bson.Raw) error { return yield(readStored(raw)) }); err != nil {
		return err
	}
	w := &walker{yield: yield}
	for {
		before := w.seen
		broken, err := s.each(ctx, w.ahead(), byPath(), w.visit)
		if err == nil || !broken || w.seen == before {
			return err
		}
	}
}

// each calls visit for what the criteria select. It reports whether an error is
// one of the connection or the cursor.
func (s *Store) each(ctx context.Context, criteria, sort bson.D, visit func(bson.Raw) error) (broken bool, err error) {
	cursor, err := s.collection.Find(ctx, criteria, options.Find().SetSort(sort).SetAllowDiskUse(true))
	if err != nil {
		return false, s.failure(err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // what failed is in Err
	for cursor.Next(ctx) {
		if err := visit(cursor.Current); err != nil {
			return false, err
		}
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = cursor.Err()
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || cursorGone(err), s.failure(err)
}

// cursorGone reports whether the server knows the cursor no more, as after an
// election.
func cursorGone(err error) bool {
	const cursorNotFound = 43
	var refused mongo.CommandError
	return errors.As(err, &refused) && refused.Code == cursorNotFound
}

// walker knows how far a walk by path got.
type walker struct {
	yield func(*Stored) error
	seen  int64
	path  string
	ids   bson.A // of the documents at the path that came
}

// ahead are the criteria for what has not come yet.
func (w *walker) ahead() bson.D {
	criteria := bson.D{{Key: codec.Path, Value: bson.D{{Key: "$gte", Value: w.path}}}}
	if len(w.ids) > 0 {
		criteria = append(criteria, bson.E{Key: "_id", Value: bson.D{{Key: "$nin", Value: w.ids}}})
	}
	return criteria
}

func (w *walker) visit(raw bson.Raw) error {
	w.seen++
	one := readStored(raw)
	if path, ok := raw.Lookup(codec.Path).StringValueOK(); ok {
		if path != w.path {
			w.path, w.ids = path, nil
		} else if len(w.ids) > 0 {
			one.Doc, one.Fault = datastore.Document{Path: path}, "another document has the same path, and happn reads that one"
		}
		w.ids = append(w.ids, ownedValue(raw.Lookup("_id")))
	}
	return w.yield(one)
}

// ownedValue is a value that does not alias the cursor's memory.
func ownedValue(v bson.RawValue) bson.RawValue {
	return bson.RawValue{Type: v.Type, Value: append([]byte(nil), v.Value...)}
}

func readStored(raw bson.Raw) *Stored {
	one := &Stored{}
	if id := raw.Lookup("_id"); !id.IsZero() {
		text, err := codec.AppendJSON(nil, byte(id.Type), id.Value)
		if one.ID = string(text); err != nil {
			one.ID = "that cannot be read"
		}
	}
	path := raw.Lookup(codec.Path)
	text, isText := path.StringValueOK()
	one.Doc.Path = text
	switch data := raw.Lookup(codec.Data); {
	case path.IsZero():
		one.Fault = "it has no path, so it is no document of happn"
	case !isText:
		one.Fault = fmt.Sprintf("its path is no text but of BSON type %s, so it is no document of happn", path.Type)
	case data.IsZero():
		one.Fault = "it has no data"
	default:
		doc, err := codec.Decode(raw)
		if err != nil {
			one.Fault = err.Error()
			return one
		}
		one.Doc, one.Lost = *doc, codec.Lost(raw)
	}
	return one
}
