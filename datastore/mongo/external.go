package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// external is what a store knows that tells its writes from those of others.
type external struct {
	writer   *writer
	removals removals
	start    *bson.Timestamp // of the first change that counts; nil is from when the stream begins
	images   bool            // the server can say what documents were like before and after a change
}

// errNoStreams is the refusal to watch on a server without change streams.
var errNoStreams = errors.New("publishExternalChanges needs change streams, which MongoDB has in a replica set or a sharded cluster only; " +
	"run rs.initiate() on the server (one member is enough), or take the setting out")

// firstWithImages is the wire version of MongoDB 6.0.
const firstWithImages = 17

// openExternal finds out what the server can do, and from when on changes count:
// what is read of the store later is as new as that, or newer.
func (s *Store) openExternal(ctx context.Context) (*external, error) {
	hello, err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Raw()
	if err != nil {
		return nil, fmt.Errorf("asking whether there are change streams: %w", err)
	}
	set, _ := hello.Lookup("setName").StringValueOK()
	kind, _ := hello.Lookup("msg").StringValueOK()
	if set == "" && kind != "isdbgrid" {
		return nil, errNoStreams
	}
	x := &external{writer: newWriter()}
	if t, i, ok := hello.Lookup("operationTime").TimestampOK(); ok {
		x.start = &bson.Timestamp{T: t, I: i + 1}
	}
	version, _ := hello.Lookup("maxWireVersion").AsInt64OK()
	if x.images = version >= firstWithImages; x.images {
		err = s.keepImages(ctx)
	} else {
		err = errors.New("MongoDB before 6.0 does not keep what documents were like")
	}
	if err != nil {
		s.options.Logger.Warn("what others remove cannot be published unless the server tells its path, and several changes to one document in a row may be published alike",
			"cause", err)
	}
	return x, nil
}

// keepImages has the server keep what documents were like before each change,
// with which it can say which path was removed.
func (s *Store) keepImages(ctx context.Context) error {
	const namespaceNotFound = 26
	kept := bson.E{Key: "changeStreamPreAndPostImages", Value: bson.D{{Key: "enabled", Value: true}}}
	database := s.collection.Database()
	err := database.RunCommand(ctx, bson.D{{Key: "collMod", Value: s.collection.Name()}, kept}).Err()
	var refused mongo.CommandError
	if errors.As(err, &refused) && refused.Code == namespaceNotFound {
		err = database.RunCommand(ctx, bson.D{{Key: "create", Value: s.collection.Name()}, kept}).Err()
	}
	if err != nil {
		return fmt.Errorf("the user cannot have the server keep what documents were like; "+
			"grant it collMod, or run it yourself with changeStreamPreAndPostImages: %w", err)
	}
	return nil
}
