package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// carryOut carries out a batch from the queue: every entry is decided when it
// returns. Groups of different paths go side by side.
//
// While the server is away, nothing that waits in the queue waits for it anew.
func (s *Store) carryOut(batch []*entry) {
	if err := s.watch.away(); err != nil {
		for _, e := range batch {
			if !e.decided {
				e.decide(nil, err)
			}
		}
		return
	}
	groups := byPaths(batch)
	if len(groups) == 1 {
		s.carryOutGroup(groups[0])
		return
	}
	var puts, others [][]*entry
	for _, group := range groups {
		if onlyPuts(group) {
			puts = append(puts, group)
		} else {
			others = append(others, group)
		}
	}
	limit := make(chan struct{}, s.pool)
	var all sync.WaitGroup
	start := func(do func()) {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			do()
		})
	}
	if len(puts) > 1 {
		start(func() { s.putAll(puts) })
	} else {
		others = append(others, puts...)
	}
	for _, group := range others {
		start(func() { s.carryOutGroup(group) })
	}
	all.Wait()
}

// byPaths returns the undecided entries of each path, in their order.
func byPaths(batch []*entry) [][]*entry {
	if len(batch) == 1 && !batch[0].decided {
		return [][]*entry{batch}
	}
	places := make(map[string]int, len(batch))
	var groups [][]*entry
	for _, e := range batch {
		if e.decided {
			continue
		}
		at, ok := places[string(e.write.Path)]
		if !ok {
			at = len(groups)
			places[string(e.write.Path)] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], e)
	}
	return groups
}

// plainPut reports whether what stands at the path does not matter.
func plainPut(e *entry) bool {
	return e.query == nil && e.write.Op == datastore.Put && e.write.When == datastore.Always
}

func onlyPuts(group []*entry) bool {
	for _, e := range group {
		if !plainPut(e) {
			return false
		}
	}
	return true
}

// carryOutGroup carries out the entries of one path.
func (s *Store) carryOutGroup(group []*entry) {
	for len(group) > 0 {
		n := 1
		if group[0].query == nil {
			for n < len(group) && group[n].query == nil {
				n++
			}
		}
		run := group[:n]
		group = group[n:]
		switch {
		case run[0].query != nil:
			s.carryOutRemoval(run[0])
		case onlyPuts(run):
			s.putLast(run)
		case len(run) == 1:
			doc, err := s.change(context.Background(), &run[0].write)
			run[0].decide(doc, err)
		default:
			s.chain(run)
		}
	}
}

// putLast stores what the last put of a path leaves, which is all of it but for
// a tag, and answers all.
func (s *Store) putLast(run []*entry) {
	w := lastPut(run)
	doc, err := s.put(context.Background(), &w, run[0].write.Now)
	answerPuts(run, doc, err)
}

// lastPut is the last put of a path with the tag that the puts leave.
func lastPut(run []*entry) datastore.Write {
	w := run[len(run)-1].write
	for _, e := range run {
		if e.write.Tag != "" {
			w.Tag = e.write.Tag
		}
	}
	return w
}

// answerPuts decides puts of one path, of which the last left doc.
func answerPuts(run []*entry, doc *datastore.Document, err error) {
	if err != nil {
		for _, e := range run {
			e.decide(nil, err)
		}
		return
	}
	tag := doc.Tag // those before the first that gives one had what nobody knows any more
	for _, e := range run {
		if e.write.Tag != "" {
			tag = e.write.Tag
		}
		e.decide(&datastore.Document{
			Path: doc.Path, Data: e.write.Data, Created: doc.Created, Modified: e.write.Now,
			ModifiedBy: e.write.User, Tag: tag,
		}, nil)
	}
}

// putAll stores the last puts of several paths as one bulk, and then asks for
// what it does not know of those that were there before.
func (s *Store) putAll(groups [][]*entry) {
	var models []mongo.WriteModel
	var stored [][]*entry
	for _, group := range groups {
		w := lastPut(group)
		update, err := s.putUpdate(&w, group[0].write.Now)
		if err != nil {
			// Maybe it is only the last that cannot be stored.
			s.putEach(group)
			continue
		}
		models = append(models, mongo.NewUpdateOneModel().SetFilter(at(w.Path)).SetUpdate(update).SetUpsert(true))
		stored = append(stored, group)
	}
	if len(models) == 0 {
		return
	}
	ctx := context.Background()
	var result *mongo.BulkWriteResult
	err := s.send(ctx, resends, func(ctx context.Context) (err error) {
		result, err = s.collection.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		return err
	})
	failed, err := failures(err)
	if err != nil {
		for _, group := range stored {
			answerPuts(group, nil, s.failure(err))
		}
		return
	}
	var present [][]*entry
	for i, group := range stored {
		_, fresh := result.UpsertedIDs[int64(i)]
		switch why := failed[i]; {
		case mongo.IsDuplicateKeyError(why): // two inserted at once
			s.putLast(group)
		case why != nil:
			answerPuts(group, nil, s.failure(why))
		case fresh:
			w := lastPut(group)
			answerPuts(group, &datastore.Document{Path: string(w.Path), Created: group[0].write.Now, Tag: w.Tag}, nil)
		default:
			present = append(present, group)
		}
	}
	s.answerPresent(ctx, present)
}

// failures splits the error of a bulk in those of single writes, by place, and
// one of the whole.
func failures(err error) (map[int]error, error) {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return nil, err
	}
	failed := make(map[int]error, len(bulk.WriteErrors))
	for _, e := range bulk.WriteErrors {
		failed[e.Index] = mongo.WriteException{WriteErrors: mongo.WriteErrors{e.WriteError}}
	}
	return failed, nil
}

// putEach stores puts of one path one after the other.
func (s *Store) putEach(group []*entry) {
	for _, e := range group {
		doc, err := s.put(context.Background(), &e.write, e.write.Now)
		answerPuts([]*entry{e}, doc, err)
	}
}

// answerPresent answers puts on paths that had a document, with the time when
// that was created.
func (s *Store) answerPresent(ctx context.Context, groups [][]*entry) {
	if len(groups) == 0 {
		return
	}
	paths := make(bson.A, len(groups))
	for i, group := range groups {
		paths[i] = string(group[0].write.Path)
	}
	found, err := s.heads(ctx, paths)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	for _, group := range groups {
		path := string(group[0].write.Path)
		doc := found[path]
		if doc == nil { // removed by somebody else since
			doc = &datastore.Document{Path: path, Created: group[0].write.Now}
		}
		answerPuts(group, doc, err)
	}
}

// heads returns the documents at the paths, without their data.
func (s *Store) heads(ctx context.Context, paths bson.A) (map[string]*datastore.Document, error) {
	cursor, err := s.collection.Find(ctx, bson.D{{Key: codec.Path, Value: bson.D{{Key: "$in", Value: paths}}}},
		options.Find().SetProjection(headOnly()).SetBatchSize(batchEntries))
	if err != nil {
		return nil, s.failure(err)
	}
	defer func() { _ = cursor.Close(ctx) }() // what failed is in Err
	found := make(map[string]*datastore.Document, len(paths))
	for cursor.Next(ctx) {
		doc, err := codec.DecodeHead(cursor.Current)
		if err != nil {
			return nil, err
		}
		found[doc.Path] = doc
	}
	return found, s.failure(cursor.Err())
}

// headOnly is the projection that leaves out the data.
func headOnly() bson.D { return bson.D{{Key: codec.Data, Value: 0}} }

// at is the document at a path.
func at(path []byte) bson.D { return bson.D{{Key: codec.Path, Value: string(path)}} }
