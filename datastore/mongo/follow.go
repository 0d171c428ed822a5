package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

var _ datastore.Watcher = (*Store)(nil)

const (
	// The pauses before a change stream that broke off is opened again grow.
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second

	// longestAwait is how long the server may wait for a change before it says
	// that there is none. A connection is in use meanwhile.
	longestAwait = time.Second

	// missedEvery bounds how often it is told that changes were missed.
	missedEvery = time.Second
)

// Watch implements datastore.Watcher. It hears of something with Options.External
// only: of what others did since Open.
func (s *Store) Watch(ctx context.Context, heard func(datastore.Change)) {
	if s.external == nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.working, cancel)()
	f := &follower{Store: s, heard: heard, marks: &marks{}, place: place{start: s.external.start}, current: time.Now()}
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		began := f.told
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.told > began {
			pause = shortestPause
		}
		f.broke(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// place is where in the stream of changes to begin: at one of these, or now.
type place struct {
	token bson.Raw        // after this event
	after bson.Raw        // after this event, which ended the stream
	start *bson.Timestamp // at this time
}

// follower follows the change stream of a collection, for one goroutine.
type follower struct {
	*Store
	heard func(datastore.Change)
	marks *marks
	place place
	told  int // answers of the server

	current time.Time // up to when all changes are known
	gap     time.Time // since when changes were lost, zero if none were
	away    bool      // that the stream broke off is in the log
	warned  bool      // that a path is not known is in the log
	missed  bool      // changes are missed that nobody has been told of
	last    time.Time // when somebody was told last that changes were missed
}

// errEnded is that the server has ended the stream: the collection is gone, or
// has another name.
var errEnded = errors.New("the collection was dropped or renamed")

// follow hands on changes until something fails.
func (f *follower) follow(ctx context.Context) error {
	stream, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.timeout)
		defer cancel()
		_ = stream.Close(ctx) // why it ended is known
	}()
	f.opened()
	for {
		switch {
		case stream.TryNext(ctx):
			if err := f.take(ctx, stream.Current); err != nil {
				return err
			}
		case stream.Err() != nil:
			return stream.Err()
		case stream.ID() == 0:
			return errEnded
		}
		if token := stream.ResumeToken(); token != nil {
			f.place = place{token: slices.Clone(token)}
		}
		f.told++
		if stream.RemainingBatchLength() == 0 {
			f.current = time.Now()
		}
		f.tellMissed()
	}
}

// open opens the stream at the place where the last one ended.
func (f *follower) open(ctx context.Context) (*mongo.ChangeStream, error) {
	o := options.ChangeStream().SetMaxAwaitTime(min(longestAwait, f.timeout/2))
	if f.external.images {
		o.SetFullDocument(options.WhenAvailable).SetFullDocumentBeforeChange(options.WhenAvailable)
	}
	switch {
	case f.place.after != nil:
		o.SetStartAfter(f.place.after)
	case f.place.token != nil:
		o.SetResumeAfter(f.place.token)
	case f.place.start != nil:
		o.SetStartAtOperationTime(f.place.start)
	}
	// The server refuses any other read concern, the store's among them.
	collection := f.collection.Clone(options.Collection().SetReadConcern(readconcern.Majority()))
	return collection.Watch(ctx, mongo.Pipeline{{{Key: "$project", Value: shownEvent()}}}, o)
}

// opened says what was lost, and that changes are heard of again.
func (f *follower) opened() {
	if !f.gap.IsZero() {
		f.options.Logger.Warn("what others changed in MongoDB in between was not published: the server does not know it any more",
			"from", f.gap, "to", time.Now())
		f.gap, f.missed, f.last = time.Time{}, true, time.Time{}
	}
	if f.away {
		f.options.Logger.Info("what others change in MongoDB is published again", "host", f.Store.watch.host)
		f.away = false
	}
	f.tellMissed()
}

// broke takes in why the stream ended.
func (f *follower) broke(err error) {
	switch {
	case errors.Is(err, errEnded): // the event that ended it is where the next begins
		if f.place.token != nil {
			f.place = place{after: f.place.token}
		}
	case lost(err):
		if f.gap.IsZero() {
			f.gap = f.current
		}
		f.place = place{}
	}
	if !f.away {
		f.options.Logger.Warn("what others change in MongoDB cannot be heard of; it is tried again, and what happens meanwhile is published later",
			"host", f.Store.watch.host, "cause", err)
		f.away = true
	}
}

// lost reports whether the server cannot go on from where the stream was.
func lost(err error) bool {
	var refused mongo.CommandError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case 286, // ChangeStreamHistoryLost
		280,   // ChangeStreamFatalError
		260,   // InvalidResumeToken
		222,   // CloseChangeStream
		136,   // CappedPositionLost
		10334: // BSONObjectTooLarge: an event of more than 16 MiB
		return true
	}
	return false
}

// tellMissed says that changes were missed, once in a while.
func (f *follower) tellMissed() {
	if f.missed && time.Since(f.last) >= missedEvery {
		f.missed, f.last = false, time.Now()
		f.heard(datastore.Change{Missed: true})
	}
}

// take hands on what one event tells, unless it is of this store.
func (f *follower) take(ctx context.Context, raw bson.Raw) error {
	e, err := readEvent(raw)
	if err != nil {
		f.options.Logger.Error("a change in MongoDB cannot be read, and is not published", "error", err)
		return nil
	}
	switch e.kind {
	case "insert", "update", "replace":
		if n, known := f.external.writer.number(e.mark); known && f.marks.first(n) {
			return nil
		}
		return f.written(ctx, &e)
	case "delete":
		f.removed(&e)
	case "drop", "rename", "dropDatabase":
		f.options.Logger.Warn("the collection was dropped or renamed by somebody else: the removal of its documents is not published; "+
			"start the host again, which makes the index on path if the collection is a new one", "what", e.kind)
		f.missed = true
	}
	return nil
}

// written tells of a document that somebody else has written. If it has gone
// meanwhile, its removal will be told.
func (f *follower) written(ctx context.Context, e *happening) error {
	whole := e.whole
	if whole == nil {
		var err error
		whole, err = f.collection.FindOne(ctx, bson.D{{Key: "_id", Value: e.id}}).Raw()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	path, _ := whole.Lookup(codec.Path).StringValueOK()
	if path == "" {
		return nil // no document of happn
	}
	doc, err := codec.Decode(whole)
	if err != nil {
		f.options.Logger.Error("a document that somebody else has written cannot be read, and is not published", "path", path, "error", err)
		return nil
	}
	f.heard(datastore.Change{Path: path, Doc: doc})
	return nil
}

// removed tells of a document that somebody else has removed.
func (f *follower) removed(e *happening) {
	switch {
	case f.external.removals.take(e.id):
	case e.path != "":
		f.heard(datastore.Change{Path: e.path})
	default:
		f.missed = true
		if !f.warned {
			f.options.Logger.Warn("somebody else has removed a document from MongoDB, and the server does not tell its path: "+
				"such removals are not published, and this is said once", "_id", e.id.String())
			f.warned = true
		}
	}
}
