package mongo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// progress is how often Open says that it waits, and how often the log tells of
// requests that fail.
const progress = 5 * time.Second

// Open connects and makes the indexes. It waits for the server at most
// Options.StartWait, saying so in the log, and then fails with the host and the
// reason.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.ensureDefaults()
	s := &Store{options: o, watch: &watch{host: HostOf(o.URL)}}
	client, err := o.client(s.watch.monitor(s.presence))
	if err == nil {
		s.timeout, s.watch.grace = *client.Timeout, *client.ServerSelectionTimeout
		s.client, err = mongo.Connect(client)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the MongoDB store at %s: %s", s.watch.host, withoutSecrets(err.Error(), o.URL))
	}
	s.pool = poolOf(client.MaxPoolSize)
	s.collection = s.client.Database(o.Database).Collection(o.Collection)
	if err = s.reach(ctx); err == nil && o.External {
		s.external, err = s.openExternal(ctx)
	}
	if err == nil {
		err = s.makeIndexes(ctx)
	}
	if err != nil {
		_ = s.client.Disconnect(context.WithoutCancel(ctx)) // what failed says why
		return nil, fmt.Errorf("opening the MongoDB store at %s: %w", s.watch.host, err)
	}
	s.queue = startQueue(int64(o.QueueBytes), s.carryOut)
	s.startJobs()
	return s, nil
}

// startJobs starts what goes on in the background until Close.
func (s *Store) startJobs() {
	s.working, s.endJobs = context.WithCancel(context.Background())
	if len(s.options.Secondary) > 0 {
		s.jobs.Go(func() { s.makeSecondary(s.working) })
	}
}

// poolOf bounds how many operations of one batch are on their way at a time.
func poolOf(size *uint64) int {
	const most = 16
	if size == nil || *size == 0 || *size > most {
		return most
	}
	return int(*size)
}

// presence logs that the server has gone or come back.
func (s *Store) presence(present bool, cause error) {
	switch {
	case !present:
		s.options.Logger.Warn("the MongoDB server cannot be reached: requests fail until it is back",
			"host", s.watch.host, "cause", cause)
	default:
		s.options.Logger.Info("the MongoDB server is there", "host", s.watch.host)
	}
}

// reach waits for a server that takes writes.
func (s *Store) reach(ctx context.Context) error {
	began := time.Now()
	var told seldom // a URL can make attempts as short as it likes
	ctx, cancel := context.WithTimeout(ctx, s.options.StartWait)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, progress)
		err := s.ping(attempt)
		cancel()
		if err == nil || answered(err) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no server was found in %s; start it, or correct the URL of the store: %w",
				time.Since(began).Round(time.Second), errors.Join(s.watch.why(), err))
		}
		if !told.due(time.Now()) {
			continue
		}
		s.options.Logger.Info("waiting for the MongoDB server", "host", s.watch.host,
			"waited", time.Since(began).Round(time.Second), "limit", s.options.StartWait, "cause", s.watch.why())
	}
}

// answered reports whether it was the server that said no: waiting helps not.
func answered(err error) bool {
	var refused mongo.CommandError
	return errors.As(err, &refused) && !mongo.IsNetworkError(err) && !mongo.IsTimeout(err)
}

func (s *Store) ping(ctx context.Context) error { return s.client.Ping(ctx, nil) }

// indexesPath is below which happn-3 records the indexes that it has made.
const indexesPath = "/_SYSTEM/INDEXES/"

// makeIndexes makes and records the indexes that are not recorded.
func (s *Store) makeIndexes(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(s.options.Indexes)) {
		if err := s.makeIndex(ctx, name, s.options.Indexes[name]); err != nil {
			return fmt.Errorf("making the index %s: %w", name, err)
		}
	}
	return nil
}

func (s *Store) makeIndex(ctx context.Context, name string, spec IndexSpec) error {
	path := indexesPath + name
	err := s.collection.FindOne(ctx, bson.D{{Key: codec.Path, Value: path}}).Err()
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	fields, err := codec.Object(spec.Fields)
	if err != nil {
		return err
	}
	index := bson.D{{Key: "key", Value: bson.Raw(fields)}, {Key: "name", Value: indexName(fields)}}
	if spec.Options != nil {
		extra, err := indexOptions(spec.Options)
		if err != nil {
			return err
		}
		index = append(index, extra...)
	}
	command := bson.D{{Key: "createIndexes", Value: s.collection.Name()}, {Key: "indexes", Value: bson.A{index}}}
	if err = s.collection.Database().RunCommand(ctx, command).Err(); err != nil {
		return err
	}
	record := datastore.Write{Op: datastore.Put, Path: []byte(path), Data: spec.record(), Now: time.Now().UnixMilli()}
	_, err = s.put(ctx, &record, record.Now)
	return err
}

// record is the index as happn-3 records it.
func (x IndexSpec) record() []byte {
	data := append([]byte(`{"fields":`), x.Fields...)
	if x.Options != nil {
		data = append(append(data, `,"options":`...), x.Options...)
	}
	return append(data, '}')
}

// indexName is the name that drivers give an index, as in path_1.
func indexName(fields bson.Raw) string {
	name := ""
	elements, _ := fields.Elements() // made by codec
	for _, e := range elements {
		if name != "" {
			name += "_"
		}
		way := "1"
		if n, ok := e.Value().AsInt64OK(); ok {
			way = fmt.Sprint(n)
		} else if text, ok := e.Value().StringValueOK(); ok {
			way = text
		}
		name += e.Key() + "_" + way
	}
	return name
}

// indexOptions returns the options that belong to the index, not to the command
// that makes it.
func indexOptions(raw []byte) (bson.D, error) {
	document, err := codec.Object(raw)
	if err != nil {
		return nil, err
	}
	elements, err := bson.Raw(document).Elements()
	if err != nil {
		return nil, err
	}
	var extra bson.D
	for _, e := range elements {
		switch e.Key() {
		case "w", "j", "wtimeout", "writeConcern", "session", "maxTimeMS", "commitQuorum", "name":
			continue
		}
		extra = append(extra, bson.E{Key: e.Key(), Value: e.Value()})
	}
	return extra, nil
}
