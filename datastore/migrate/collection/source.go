package collection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/mongo"
)

var _ migrate.Source = (*Collection)(nil)

// Options says which collection to read.
type Options struct {
	URL        string // may hold credentials, which are never told
	Database   string // "" is the one in URL, or else happn
	Collection string // "" is happn

	StartWait time.Duration // how long Open waits for the server; 0 is 30 s
	Logger    *slog.Logger  // nil is silence
}

// Collection is an open source. Open makes one.
type Collection struct {
	store  *mongo.Store
	origin migrate.Origin
}

// Open connects. A collection without documents is an error: it is rather the
// name that is wrong.
func Open(ctx context.Context, o Options) (*Collection, error) {
	store, err := mongo.Open(ctx, mongo.Options{
		URL: o.URL, Database: o.Database, Collection: o.Collection, StartWait: o.StartWait, Logger: o.Logger,
		Indexes: map[string]mongo.IndexSpec{}, // what is read is left as it is
	})
	if err != nil {
		return nil, err
	}
	name := store.Name()
	stats, err := store.Stats(ctx)
	if err == nil && stats.Documents == 0 {
		err = fmt.Errorf("there is nothing in the collection %s; name the right database and collection", name)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &Collection{store, migrate.Origin{
		Kind: "MongoDB collection", Name: name, Ordered: true, Documents: stats.Documents, Bytes: -1,
	}}, nil
}

// Origin implements migrate.Source. The number of documents is the server's
// estimate.
func (c *Collection) Origin() migrate.Origin { return c.origin }

// Close implements migrate.Source.
func (c *Collection) Close() error { return c.store.Close() }

// Documents implements migrate.Source.
func (c *Collection) Documents(ctx context.Context, yield func(migrate.Item) error) error {
	var read int64
	return c.store.Walk(ctx, func(one *mongo.Stored) error {
		read += int64(len(one.Doc.Path) + len(one.Doc.Data))
		item := migrate.Item{Doc: one.Doc, Fault: one.Fault, Place: migrate.Place{ID: one.ID}, Read: read}
		for _, what := range one.Lost {
			item.Remarks = append(item.Remarks, remark(what))
		}
		return errors.Join(ctx.Err(), yield(item))
	})
}

// remark says what becomes of what happn does not read.
func remark(what string) string {
	if strings.HasPrefix(what, "the BSON type ") {
		return "with values of " + what + ", copied as clients read them, as JSON"
	}
	return "with " + what + ", which is not copied"
}
