package mongo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// carryOutRemoval removes what the entry's query selects.
func (s *Store) carryOutRemoval(e *entry) {
	if e.err = e.ctx.Err(); e.err == nil {
		e.n, e.err = s.remove(plan(e.query))
	}
	e.decided = true
}

// removeAtOnce is how many documents that were found before are removed by one
// command.
const removeAtOnce = 500

// remove removes what the search selects. What the server cannot select alone
// goes only if it is still as it was when it was matched.
func (s *Store) remove(p *search) (int, error) {
	ctx := context.Background()
	if p.whole && s.external == nil {
		var result *mongo.DeleteResult
		err := s.send(ctx, never, func(ctx context.Context) (err error) {
			result, err = s.collection.DeleteMany(ctx, p.criteria)
			return err
		})
		if err != nil {
			return 0, s.failure(err)
		}
		return int(result.DeletedCount), nil
	}
	all, err := s.doomed(ctx, p)
	if err != nil {
		return 0, err
	}
	n := 0
	for chunk := range slices.Chunk(all, removeAtOnce) {
		removed, err := s.removeFound(ctx, chunk)
		if n += removed; err != nil {
			return n, s.failure(err)
		}
	}
	return n, nil
}

// doomed finds what the search selects: criteria for each document, its _id first.
func (s *Store) doomed(ctx context.Context, p *search) ([]bson.D, error) {
	o := options.Find()
	if p.whole {
		o.SetProjection(bson.D{{Key: "_id", Value: 1}})
	}
	cursor, err := s.collection.Find(ctx, p.criteria, o)
	if err != nil {
		return nil, s.failure(err)
	}
	defer func() { _ = cursor.Close(ctx) }() // what failed is in Err
	var all []bson.D
	for cursor.Next(ctx) {
		one := bson.D{{Key: "_id", Value: ownedValue(cursor.Current.Lookup("_id"))}}
		if p.whole {
			all = append(all, append(one, p.criteria...))
			continue
		}
		doc, err := codec.Decode(cursor.Current)
		if err != nil {
			return nil, err
		}
		if p.Filter.Match(doc) {
			all = append(all, append(one, bson.E{Key: codec.Modified, Value: ownedValue(cursor.Current.Lookup(codec.Modified))}))
		}
	}
	return all, s.failure(cursor.Err())
}

// removeFound removes what was found by one command, and remembers what goes if
// others are watched.
func (s *Store) removeFound(ctx context.Context, found []bson.D) (int, error) {
	models := make([]mongo.WriteModel, len(found))
	for i, one := range found {
		models[i] = mongo.NewDeleteOneModel().SetFilter(one)
	}
	if s.external != nil {
		s.external.removals.remember(found)
	}
	var result *mongo.BulkWriteResult
	err := s.send(ctx, never, func(ctx context.Context) (err error) {
		result, err = s.collection.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		return err
	})
	n := 0
	if result != nil {
		n = int(result.DeletedCount)
	}
	if s.external != nil && n < len(found) && !errors.Is(err, ErrUncertain) {
		s.forgetPresent(ctx, found)
	}
	return n, err
}

// forgetPresent forgets those that are there nevertheless. When that cannot be
// found out, a removal of theirs by somebody else may be taken for one of ours.
func (s *Store) forgetPresent(ctx context.Context, found []bson.D) {
	ids := make(bson.A, len(found))
	for i, one := range found {
		ids[i] = one[0].Value
	}
	cursor, err := s.collection.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return
	}
	defer func() { _ = cursor.Close(ctx) }()
	for cursor.Next(ctx) {
		s.external.removals.take(cursor.Current.Lookup("_id"))
	}
}

// removalsKept bounds how many removals are remembered, some tens of MB of them.
// Beyond it, as when the stream is that far behind, the oldest are told like
// those of others.
const removalsKept = 1 << 18

// removals are the documents that this store removes and whose removal the
// stream has not told yet, by _id.
type removals struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

// remember takes criteria that begin with the _id.
func (r *removals) remember(found []bson.D) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range found {
		if len(r.young) >= removalsKept/2 {
			r.old, r.young = r.young, nil
		}
		if r.young == nil {
			r.young = make(map[string]struct{})
		}
		r.young[idKey(one[0].Value.(bson.RawValue))] = struct{}{}
	}
}

// take forgets a removal, and reports whether it was known.
func (r *removals) take(id bson.RawValue) bool {
	key := idKey(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	_, young := r.young[key]
	_, old := r.old[key]
	delete(r.young, key)
	delete(r.old, key)
	return young || old
}

func idKey(id bson.RawValue) string { return string(append([]byte{byte(id.Type)}, id.Value...)) }
