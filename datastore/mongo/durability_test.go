package mongo_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// standIn opens a store on a server of which only the protocol is real.
func standIn(t testing.TB, o mongo.Options, server mongotest.Options) *mongo.Store {
	t.Helper()
	o.URL = mongotest.Start(t, server).URL()
	o.Indexes = map[string]mongo.IndexSpec{}
	store := open(t, o)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// sent is a command that changes something, as it came to the server.
type sent struct {
	name      string
	documents int
	concern   string // its write concern in JSON, "" for none
	answered  int    // how many writes were answered when it had come
}

// recorder is a server that notes what changes something. It says that every
// document was there before.
type recorder struct {
	answered atomic.Int64
	hold     chan struct{} // closed lets the first command be answered

	mu   sync.Mutex
	came []sent
}

func (r *recorder) answer(c *mongotest.Command) bson.Raw {
	switch c.Name {
	case "find":
		return nothingFound()
	case "findAndModify", "update":
	default:
		return nil
	}
	one := sent{name: c.Name, documents: len(c.Documents), answered: int(r.answered.Load())}
	if concern, ok := c.Body.Lookup("writeConcern").DocumentOK(); ok {
		one.concern = concern.String()
	}
	r.mu.Lock()
	r.came = append(r.came, one)
	first := len(r.came) == 1
	r.mu.Unlock()
	if first {
		<-r.hold
	}
	if c.Name == "update" {
		return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(len(c.Documents))}, {Key: "nModified", Value: int32(len(c.Documents))}})
	}
	return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0}, {Key: "value", Value: bson.D{{Key: "path", Value: "/first"}, {Key: "data", Value: bson.D{}}}}})
}

// Written implements datastore.Written.
func (r *recorder) Written(_ *datastore.Document, err error) {
	if err == nil {
		r.answered.Add(1)
	}
}

// What waits while a command is on its way goes as one bulk, which asks for the
// durability that was configured; nothing is answered before its bulk is.
func TestWritesUnderLoadAreFewBulksWithTheDurabilityAskedFor(t *testing.T) {
	const many, atOnce = 4500, 2000 // entries of a batch
	for name, c := range map[string]struct {
		options mongo.Options
		want    string
	}{
		"as the server has it":     {want: ""},
		"on one member":            {options: mongo.Options{W: "1"}, want: `{"w": {"$numberInt":"1"}}`},
		"on most, in the journal":  {options: mongo.Options{W: "majority", Journal: true}, want: `{"w": "majority","j": true}`},
		"in the journal":           {options: mongo.Options{Journal: true}, want: `{"j": true}`},
		"by the options of a URL":  {options: mongo.Options{Extra: map[string]string{"w": "2", "journal": "true"}}, want: `{"w": {"$numberInt":"2"},"j": true}`},
		"what is said twice":       {options: mongo.Options{W: "majority", Extra: map[string]string{"w": "1"}}, want: `{"w": "majority"}`},
		"on members with this tag": {options: mongo.Options{W: "backups"}, want: `{"w": "backups"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{hold: make(chan struct{})}
			store := standIn(t, c.options, mongotest.Options{ReplicaSet: true, Answer: r.answer})
			ctx := context.Background()
			first := put("/first", `{}`)
			store.Write(ctx, &first, r)
			require.Eventually(t, func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.came) == 1
			}, patience, time.Millisecond)
			for i := range many {
				w := put(fmt.Sprint("/many/", i), `{"v":1}`)
				store.Write(ctx, &w, r)
			}
			assert.Zero(t, r.answered.Load(), "nothing is answered before the server has answered")
			close(r.hold)
			require.NoError(t, store.Close()) // waits until all is answered
			require.EqualValues(t, 1+many, r.answered.Load())
			require.Equal(t, []sent{
				{"findAndModify", 0, c.want, 0},
				{"update", atOnce, c.want, 1},
				{"update", atOnce, c.want, 1 + atOnce},
				{"update", many - 2*atOnce, c.want, 1 + 2*atOnce},
			}, r.came)
		})
	}
}

// A write that the server made, but without the durability that was asked for,
// is not answered as if it had it.
func TestAWriteWithoutItsDurabilityIsAnError(t *testing.T) {
	unmet := bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(64)},
		{Key: "codeName", Value: "WriteConcernFailed"}, {Key: "errmsg", Value: "waiting for replication timed out"}}}
	unmetBy := func(c *mongotest.Command) bson.Raw {
		switch c.Name {
		case "find":
			return nothingFound()
		case "findAndModify":
			return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0}, unmet,
				{Key: "value", Value: bson.D{{Key: "path", Value: "/a"}, {Key: "data", Value: bson.D{}}}}})
		case "update", "insert", "delete":
			return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(max(1, len(c.Documents)))}, unmet})
		}
		return nil
	}
	for name, do := range map[string]func(*mongo.Store) []answer{
		"set":       func(s *mongo.Store) []answer { return []answer{write(s, put("/a", `{}`))} },
		"merge":     func(s *mongo.Store) []answer { return []answer{write(s, merge("/a", `{"v":1}`))} },
		"insert":    func(s *mongo.Store) []answer { return []answer{write(s, insert("/a", `{}`))} },
		"increment": func(s *mongo.Store) []answer { return []answer{write(s, increment("/a"))} },
		"remove":    func(s *mongo.Store) []answer { return []answer{remove(s, "/a")} },
		"bulk": func(s *mongo.Store) (all []answer) {
			for i := range 100 {
				all = append(all, write(s, put(fmt.Sprint("/b/", i), `{}`)))
			}
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := standIn(t, mongo.Options{W: "majority"}, mongotest.Options{ReplicaSet: true, Answer: unmetBy})
			for _, a := range do(store) {
				require.ErrorContains(t, a.await(t).err, "waiting for replication timed out")
			}
		})
	}
	t.Run("import", func(t *testing.T) {
		store := standIn(t, mongo.Options{W: "majority"}, mongotest.Options{ReplicaSet: true, Answer: unmetBy})
		err := store.Import(context.Background(), []*datastore.Document{document("/a", `{}`)})
		require.ErrorContains(t, err, "waiting for replication timed out")
	})
}
