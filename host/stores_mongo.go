package host

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/host/config"
)

// openMongo opens a store in MongoDB. It waits for the server, not for ever. Who
// only looks makes no indexes.
func openMongo(s config.DataStore, indexes []datastore.Index, looking bool, log *slog.Logger) (*openedStore, error) {
	o := mongo.Options{
		URL: s.URL, Database: s.Database, Collection: s.Collection, W: s.W, Journal: s.Journal, Logger: log,
		MaxPoolSize: uint64(s.MaxPoolSize), Timeout: time.Duration(s.RequestTimeout),
		Selection: time.Duration(s.ServerSelectionTimeout), Connect: time.Duration(s.ConnectTimeout),
		Heartbeat: time.Duration(s.HeartbeatInterval), StartWait: time.Duration(s.StartTimeout),
		QueueBytes: s.QueueSize, Extra: s.Opts, Secondary: indexes, External: s.PublishExternal,
		ServerDecides: s.PushDown == "server",
	}
	if s.URLEnv != "" {
		if o.URL = os.Getenv(s.URLEnv); o.URL == "" {
			return nil, fmt.Errorf("the environment variable %s, which urlEnv names, is empty; put the URL of the MongoDB server there", s.URLEnv)
		}
	}
	if looking {
		o.Indexes, o.Secondary = map[string]mongo.IndexSpec{}, nil
	} else if s.Index != nil && !*s.Index {
		log.Warn("there will be no index on path unless the collection has one: documents can come twice, and every request reads all of them")
		o.Indexes, o.Secondary = map[string]mongo.IndexSpec{}, nil
	}
	ctx := context.Background() // bounded by Options.StartWait
	store, err := mongo.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	opened := &openedStore{DataStore: s, Store: store, size: func(ctx context.Context) StoreSize {
		stats, err := store.Stats(ctx)
		if err != nil {
			return StoreSize{} // Check says why
		}
		return StoreSize{Documents: stats.Documents}
	}}
	opened.atStart = opened.size(ctx)
	return opened, nil
}
