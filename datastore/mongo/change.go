package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/effect"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// attempts bounds how often an update is tried again because somebody else was
// faster.
const attempts = 100

// change carries out one write as one update on the server and returns what it
// left.
func (s *Store) change(ctx context.Context, w *datastore.Write) (*datastore.Document, error) {
	switch {
	case w.When == datastore.IfAbsent:
		return s.insert(ctx, w)
	case w.Op == datastore.Put:
		return s.put(ctx, w, w.Now)
	case w.Op == datastore.Increment && math.Abs(w.By) > 1<<53:
		// The sum may be beyond all numbers, which the server would store.
		e := entry{write: *w}
		s.chain([]*entry{&e})
		return e.doc, e.err
	}
	update, err := s.partUpdate(w)
	if err != nil {
		return nil, err
	}
	raw, err := s.updateOne(ctx, w, update)
	if err != nil {
		return nil, s.changeFailure(w, err)
	}
	return codec.Decode(raw)
}

// put stores a whole document, which was created then if it is new.
func (s *Store) put(ctx context.Context, w *datastore.Write, created int64) (*datastore.Document, error) {
	update, err := s.putUpdate(w, created)
	if err != nil {
		return nil, err
	}
	raw, err := s.updateOne(ctx, w, update)
	if err != nil {
		return nil, s.changeFailure(w, err)
	}
	doc, err := codec.DecodeHead(raw)
	if err == nil {
		doc.Data = w.Data
	}
	return doc, err
}

// updateOne updates the document at the path, or makes it unless one must be
// there, and returns it, of a Put maybe without the data.
func (s *Store) updateOne(ctx context.Context, w *datastore.Write, update bson.D) (bson.Raw, error) {
	again := resends
	if w.Op == datastore.Increment {
		again = never
	}
	for try := 1; ; try++ {
		var raw bson.Raw
		err := s.send(ctx, again, func(ctx context.Context) (err error) {
			raw, err = s.findAndUpdate(ctx, w, update)
			return err
		})
		if !mongo.IsDuplicateKeyError(err) || ofOtherIndex(err) || try == attempts {
			return raw, err
		}
		// Two made it at the same time: this one finds the other's now. If it
		// is another unique index that objects, it does so again.
		if n, countErr := s.collection.CountDocuments(ctx, at(w.Path), options.Count().SetLimit(1)); countErr != nil || n == 0 {
			return raw, err
		}
	}
}

// findAndUpdate is one attempt of updateOne. What a Put stores need not come back.
func (s *Store) findAndUpdate(ctx context.Context, w *datastore.Write, update bson.D) (bson.Raw, error) {
	o := options.FindOneAndUpdate().SetReturnDocument(options.After).SetUpsert(w.When != datastore.IfPresent)
	if w.Op != datastore.Put || s.sendsAll.Load() {
		return s.collection.FindOneAndUpdate(ctx, at(w.Path), update, o).Raw()
	}
	raw, err := s.collection.FindOneAndUpdate(ctx, at(w.Path), update, o.SetProjection(headOnly())).Raw()
	var refused mongo.CommandError
	if errors.As(err, &refused) && refused.Code == notImplemented {
		s.sendsAll.Store(true)
		return s.findAndUpdate(ctx, w, update)
	}
	return raw, err
}

// notImplemented is the server's code for what it understands and cannot do.
const notImplemented = 238

// ofOtherIndex reports whether the server says that it is not the path that comes
// twice.
func ofOtherIndex(err error) bool {
	_, key, told := strings.Cut(err.Error(), "dup key: {")
	return told && !strings.HasPrefix(strings.TrimLeft(key, ` "`), codec.Path)
}

// changeFailure says what the server's refusal of a write means.
func (s *Store) changeFailure(w *datastore.Write, err error) error {
	var refused mongo.CommandError
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return datastore.ErrMissing
	case w.Op == datastore.Increment && errors.As(err, &refused) && notANumber(refused.Code):
		return fmt.Errorf("%w: %q.value; set it to a number or use another gauge", datastore.ErrNotANumber, w.Gauge)
	}
	return s.failure(err)
}

// notANumber reports whether the server refused to add to what is there: it is
// of another type, has no members, or the sum is too large.
func notANumber(code int32) bool {
	const badValue, typeMismatch, cannotCreateField, pathNotViable = 2, 14, 28, 28
	switch code {
	case badValue, typeMismatch, cannotCreateField:
		return true
	}
	return code == pathNotViable
}

// insert makes the document unless there is one.
func (s *Store) insert(ctx context.Context, w *datastore.Write) (*datastore.Document, error) {
	doc, err := effect.Next(nil, w)
	if err != nil {
		return nil, err
	}
	made, err := s.insertDocument(ctx, doc)
	switch {
	case err != nil:
		return nil, err
	case !made:
		return nil, datastore.ErrExists
	}
	return doc, nil
}

// insertDocument stores a document unless there is one at its path. It gets an
// _id from here, by which it is known when it had to be sent again.
func (s *Store) insertDocument(ctx context.Context, doc *datastore.Document) (made bool, err error) {
	raw, err := codec.Encode(doc)
	if err != nil {
		return false, err
	}
	id := bson.NewObjectID()
	path := at([]byte(doc.Path))
	update := bson.D{{Key: "$setOnInsert", Value: s.mark(append(bson.D{{Key: "_id", Value: id}}, withoutPath(raw)...))}}
	o := options.FindOneAndUpdate().SetReturnDocument(options.Before).SetUpsert(true)
	var there bson.Raw
	err = s.send(ctx, resends, func(ctx context.Context) (err error) {
		there, err = s.collection.FindOneAndUpdate(ctx, path, update, o).Raw()
		return err
	})
	if mongo.IsDuplicateKeyError(err) { // two inserted at once
		var findErr error
		if there, findErr = s.collection.FindOne(ctx, path).Raw(); findErr == nil {
			err = nil // otherwise it is another unique index that objects
		}
	}
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return true, nil
	case err != nil:
		return false, s.failure(err)
	}
	known, ok := there.Lookup("_id").ObjectIDOK()
	return ok && known == id, nil
}

// withoutPath returns a document's elements but the path, which the criterion
// of an upsert sets.
func withoutPath(raw bson.Raw) bson.D {
	var d bson.D
	elements, _ := raw.Elements() // made by codec
	for _, e := range elements {
		if e.Key() != codec.Path {
			d = append(d, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return d
}

// putUpdate is the update of a Put.
func (s *Store) putUpdate(w *datastore.Write, created int64) (bson.D, error) {
	// Encoded as a whole, so that its size is known.
	whole, err := codec.Encode(&datastore.Document{Path: string(w.Path), Data: w.Data, ModifiedBy: w.User, Tag: w.Tag})
	if err != nil {
		return nil, err
	}
	set := bson.D{{Key: codec.Data, Value: bson.Raw(whole).Lookup(codec.Data)}}
	return s.headUpdate(w, set, bson.D{{Key: codec.Created, Value: created}}, nil), nil
}

// partUpdate is the update of a Merge or an Increment.
func (s *Store) partUpdate(w *datastore.Write) (bson.D, error) {
	if w.Op == datastore.Increment {
		by, err := number(w.By)
		if err != nil {
			return nil, err
		}
		name := codec.Data + "." + codec.EscapeName(w.Gauge) + ".value"
		return s.headUpdate(w, nil, bson.D{{Key: codec.Created, Value: w.Now}}, bson.D{{Key: name, Value: by}}), nil
	}
	patch, err := codec.Object(w.Data)
	if err != nil {
		return nil, err
	}
	elements, err := bson.Raw(patch).Elements()
	if err != nil {
		return nil, err
	}
	var set bson.D
	insert := bson.D{{Key: codec.Created, Value: w.Now}}
	for _, e := range elements {
		set = append(set, bson.E{Key: codec.Data + "." + e.Key(), Value: e.Value()})
	}
	if len(set) == 0 {
		insert = append(insert, bson.E{Key: codec.Data, Value: bson.D{}})
	}
	return s.headUpdate(w, set, insert, nil), nil
}

// number is a finite number in the type that codec gives it.
func number(f float64) (bson.RawValue, error) {
	t, value, err := codec.AppendValue(nil, strconv.AppendFloat(nil, f, 'g', -1, 64))
	return bson.RawValue{Type: bson.Type(t), Value: value}, err
}

// headUpdate completes an update with what every write sets.
func (s *Store) headUpdate(w *datastore.Write, set, insert, increment bson.D) bson.D {
	set = s.mark(append(set, bson.E{Key: codec.Modified, Value: w.Now}))
	if w.Tag != "" {
		set = append(set, bson.E{Key: codec.Tag, Value: w.Tag})
	}
	var update bson.D
	if w.User != "" {
		set = append(set, bson.E{Key: codec.ModifiedBy, Value: w.User})
	} else {
		update = append(update, bson.E{Key: "$unset", Value: bson.D{{Key: codec.ModifiedBy, Value: ""}}})
	}
	if increment != nil {
		update = append(update, bson.E{Key: "$inc", Value: increment})
	}
	return append(update, bson.E{Key: "$set", Value: set}, bson.E{Key: "$setOnInsert", Value: insert})
}

// chain applies several writes of one path to its document and stores what the
// last leaves, if the document is still what they were applied to; otherwise it
// begins anew.
func (s *Store) chain(run []*entry) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	err := fmt.Errorf("the document at %q is changed by others all the time; try again", run[0].write.Path)
	for range attempts {
		stored, tryErr := s.tryChain(ctx, run)
		if tryErr != nil {
			err = tryErr
			break
		}
		if stored {
			return
		}
	}
	for _, e := range run {
		e.decide(nil, err)
	}
}

// tryChain is one attempt; false is that somebody else was faster.
func (s *Store) tryChain(ctx context.Context, run []*entry) (bool, error) {
	raw, err := s.collection.FindOne(ctx, at(run[0].write.Path)).Raw()
	var before *datastore.Document
	switch {
	case err == nil:
		if before, err = codec.Decode(raw); err != nil {
			return false, err
		}
	case !errors.Is(err, mongo.ErrNoDocuments):
		return false, s.failure(err)
	}
	doc := before
	for _, e := range run {
		next, err := effect.Next(doc, &e.write)
		if err == nil {
			next, err = canonical(next)
		}
		if e.decide(next, err); err == nil {
			doc = next
		}
	}
	switch {
	case doc == before:
		return true, nil
	case before == nil:
		return s.insertDocument(ctx, doc)
	}
	return s.replace(ctx, raw, doc)
}

// replace stores a document if the stored one is still the raw one.
func (s *Store) replace(ctx context.Context, raw bson.Raw, doc *datastore.Document) (bool, error) {
	encoded, err := codec.Encode(doc)
	if err != nil {
		return false, err
	}
	update := bson.D{{Key: "$set", Value: s.mark(withoutPath(encoded))}}
	if doc.ModifiedBy == "" {
		update = append(update, bson.E{Key: "$unset", Value: bson.D{{Key: codec.ModifiedBy, Value: ""}}})
	}
	id, tries := raw.Lookup("_id"), 0
	var result *mongo.UpdateResult
	err = s.send(ctx, resends, func(ctx context.Context) (err error) {
		tries++
		result, err = s.collection.UpdateOne(ctx, still(id, raw), update)
		return err
	})
	if err != nil || result.MatchedCount == 1 || tries == 1 {
		return err == nil && result.MatchedCount == 1, s.failure(err)
	}
	// Sent more than once: an earlier one may have changed it.
	if err = s.collection.FindOne(ctx, still(id, encoded)).Err(); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUncertain, s.failure(err)) // somebody else has been here since
	}
	return true, nil
}

// still is the document with that _id if its content is that of raw.
func still(id bson.RawValue, raw bson.Raw) bson.D {
	filter := bson.D{{Key: "_id", Value: id}}
	for _, name := range []string{codec.Modified, codec.Data} {
		if v, err := raw.LookupErr(name); err == nil {
			filter = append(filter, bson.E{Key: name, Value: bson.D{{Key: "$eq", Value: v}}})
		} else {
			filter = append(filter, bson.E{Key: name, Value: bson.D{{Key: "$exists", Value: false}}})
		}
	}
	return filter
}
