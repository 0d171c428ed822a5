//go:build unix

package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/tests/testhost"
)

// What the benchmark's collection holds: so many documents on each of so many
// folders.
const (
	benchFolders = 50
	benchResults = 20
)

// benchData is about 300 B, as a document of happn users looks.
var benchData = `{"id":"sensor-000123","value":21.5,"unit":"C","ok":true,"count":1234567,"tags":["a","b","c"],` +
	`"position":{"lat":52.15,"lon":5.38},"note":"` + strings.Repeat("x", 140) + `"}`

func benchPath(folder, i int) string { return fmt.Sprintf("/docs/%02d/%02d", folder, i) }

func benchDocument(folder, i int) *datastore.Document {
	return &datastore.Document{Path: benchPath(folder, i), Data: []byte(benchData), Created: 1000, Modified: 2000}
}

// canned answers as a server that has the documents of one folder, whatever is
// asked: one, all of them, or when those at some paths were made.
func canned(tb testing.TB) func(*mongotest.Command) bson.Raw {
	encode := func(doc *datastore.Document) bson.Raw {
		raw, err := codec.Encode(doc)
		require.NoError(tb, err)
		return raw
	}
	cursor := func(docs bson.A) bson.Raw {
		return mongotest.Reply(bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: docs}, {Key: "id", Value: int64(0)},
			{Key: "ns", Value: "happn.happn"}}}, {Key: "ok", Value: 1.0}})
	}
	folder := bson.A{}
	for i := range benchResults {
		folder = append(folder, encode(benchDocument(1, i)))
	}
	one, all := cursor(folder[:1]), cursor(folder)
	changed := mongotest.Reply(bson.D{{Key: "value", Value: folder[0]}, {Key: "ok", Value: 1.0}})
	return func(c *mongotest.Command) bson.Raw {
		switch c.Name {
		case "find":
			path := c.Body.Lookup("filter", "path")
			if path.Type == bson.TypeString {
				return one
			}
			if wanted, ok := path.Document().Lookup("$in").ArrayOK(); ok {
				return heads(wanted)
			}
			return all
		case "findAndModify":
			return changed
		case "update":
			return mongotest.Reply(bson.D{{Key: "n", Value: int32(len(c.Documents))}, {Key: "nModified", Value: int32(len(c.Documents))}, {Key: "ok", Value: 1.0}})
		}
		return nil
	}
}

// heads is the answer to who asks for documents at the paths without their data.
func heads(paths bson.RawArray) bson.Raw {
	values, _ := paths.Values() // sent by the driver
	reply, dst := bsoncore.AppendDocumentStart(nil)
	at, dst := bsoncore.AppendDocumentElementStart(dst, "cursor")
	batch, dst := bsoncore.AppendArrayElementStart(dst, "firstBatch")
	for i, path := range values {
		doc, inner := bsoncore.AppendDocumentElementStart(dst, fmt.Sprint(i))
		inner = bsoncore.AppendStringElement(inner, codec.Path, path.StringValue())
		inner = bsoncore.AppendInt64Element(inner, codec.Created, 1000)
		inner = bsoncore.AppendInt64Element(inner, codec.Modified, 2000)
		dst, _ = bsoncore.AppendDocumentEnd(inner, doc)
	}
	dst, _ = bsoncore.AppendArrayEnd(dst, batch)
	dst = bsoncore.AppendInt64Element(dst, "id", 0)
	dst = bsoncore.AppendStringElement(dst, "ns", "happn.happn")
	dst, _ = bsoncore.AppendDocumentEnd(dst, at)
	dst = bsoncore.AppendDoubleElement(dst, "ok", 1)
	dst, _ = bsoncore.AppendDocumentEnd(dst, reply)
	return dst
}

// rung is one way to do the same: the nth operation.
type rung struct {
	name string
	do   func(n int) error
}

// ladder is the same operations by all of a server's clients: the bare driver,
// the store above it, and the Go client of the host above that.
type ladder struct {
	collection *driver.Collection
	store      *mongo.Store
	client     *client.Client
}

// climb connects all of them to one collection.
func climb(b *testing.B, url string) ladder {
	b.Helper()
	ctx := context.Background()
	database := fmt.Sprintf("happn_bench_%d", time.Now().UnixNano())
	o := options.Client().SetMaxPoolSize(32).SetTimeout(10 * time.Second).ApplyURI(url) // as the store has it
	c, err := driver.Connect(o)
	require.NoError(b, err)
	store, err := mongo.Open(ctx, mongo.Options{URL: url, Database: database})
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, store.Close())
		require.NoError(b, c.Database(database).Drop(ctx))
		require.NoError(b, c.Disconnect(ctx))
	})
	var docs []*datastore.Document
	for folder := range benchFolders {
		for i := range benchResults {
			docs = append(docs, benchDocument(folder, i))
		}
	}
	require.NoError(b, store.Import(ctx, docs))
	h := start(b, func(c *config.Config) {
		c.Name = "bench"
		c.Data.Stores = []config.DataStore{{Name: "main", Provider: "mongodb", Default: true, URL: url, Database: database}}
	})
	return ladder{c.Database(database).Collection("happn"), store, connect(b, h)}
}

func somePath(n int) string { return benchPath(n/benchResults%benchFolders, n%benchResults) }

func (l ladder) gets() []rung {
	ctx := context.Background()
	return []rung{
		{"driver", func(n int) error {
			_, err := l.collection.FindOne(ctx, bson.D{{Key: "path", Value: somePath(n)}}).Raw()
			return err
		}},
		{"store", func(n int) error {
			_, err := l.store.Get(ctx, []byte(somePath(n)))
			return err
		}},
		{"host", func(n int) error {
			_, err := l.client.Get(ctx, somePath(n), nil)
			return err
		}},
	}
}

func (l ladder) wildcards() []rung {
	ctx := context.Background()
	return []rung{
		{"driver", func(n int) error {
			folder := benchPath(n%benchFolders, 0)
			from := folder[:strings.LastIndexByte(folder, '/')]
			filter := bson.D{{Key: "path", Value: bson.D{{Key: "$gte", Value: from + "/"}, {Key: "$lt", Value: from + "0"}}}}
			cursor, err := l.collection.Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "path", Value: 1}}))
			if err != nil {
				return err
			}
			for cursor.Next(ctx) {
			}
			return cursor.Err()
		}},
		{"store", func(n int) error {
			q := datastore.Query{Pattern: fmt.Appendf(nil, "/docs/%02d/*", n%benchFolders)}
			return l.store.Find(ctx, &q, func(*datastore.Document) bool { return true })
		}},
		{"host", func(n int) error {
			_, err := l.client.GetAll(ctx, fmt.Sprintf("/docs/%02d/*", n%benchFolders), nil)
			return err
		}},
	}
}

// written is a callback that tells how a write ended.
type written chan error

func (s written) Written(_ *datastore.Document, err error) { s <- err }

func (l ladder) sets() []rung {
	ctx := context.Background()
	data, err := codec.Object([]byte(benchData))
	change := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
	raw := json.RawMessage(benchData)
	return []rung{
		{"driver", func(n int) error {
			if err != nil {
				return err
			}
			update := bson.D{{Key: "$set", Value: bson.D{{Key: "data", Value: bson.Raw(data)}, {Key: "modified", Value: int64(n)}}},
				{Key: "$setOnInsert", Value: bson.D{{Key: "created", Value: int64(n)}}}}
			_, err := l.collection.FindOneAndUpdate(ctx, bson.D{{Key: "path", Value: somePath(n)}}, update, change).Raw()
			return err
		}},
		{"store", func(n int) error {
			done := make(written, 1)
			l.store.Write(ctx, &datastore.Write{Op: datastore.Put, Path: []byte(somePath(n)), Data: raw, Now: int64(n)}, done)
			return <-done
		}},
		{"host", func(n int) error {
			_, err := l.client.Set(ctx, somePath(n), raw, nil)
			return err
		}},
	}
}

// BenchmarkMongo does the same with the bare driver, with the store above it,
// and through a host with the Go client, all on the loopback interface. The
// server "canned" answers at once, so that the clients are what costs; it and
// the system's sockets have their part in every line, which "wire" shows: a
// prepared message and its answer. "ferret" is FerretDB, or the MongoDB server
// of HAPPN_TEST_MONGO_URI. cpu-us/op is the process's CPU time.
func BenchmarkMongo(b *testing.B) {
	b.Run("canned", func(b *testing.B) {
		server := mongotest.Start(b, mongotest.Options{ReplicaSet: true, Answer: canned(b)})
		l := climb(b, server.URL())
		l.run(b, func(command bson.D) []rung { return []rung{{"wire", onTheWire(b, server.Addr(), command)}} })
	})
	b.Run("ferret", func(b *testing.B) {
		url, _ := testhost.MongoFor(b)
		climb(b, url).run(b, func(bson.D) []rung { return nil })
	})
}

func (l ladder) run(b *testing.B, beside func(command bson.D) []rung) {
	path := func(value any) bson.E { return bson.E{Key: "filter", Value: bson.D{{Key: "path", Value: value}}} }
	for _, c := range []struct {
		name    string
		command bson.D
		rungs   []rung
	}{
		{"get", bson.D{{Key: "find", Value: "happn"}, path(benchPath(1, 1))}, l.gets()},
		{"set", bson.D{{Key: "findAndModify", Value: "happn"}}, l.sets()},
		{"wildcard", bson.D{{Key: "find", Value: "happn"}, path(bson.D{})}, l.wildcards()},
	} {
		for _, inFlight := range []int{1, 64} {
			for _, r := range append(beside(c.command), c.rungs...) {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, inFlight, r.name), func(b *testing.B) { measure(b, inFlight, r.do) })
			}
		}
	}
}

// onTheWire sends a prepared command and reads the answer, over as many connections
// as the store has at most.
func onTheWire(b *testing.B, addr string, command bson.D) func(int) error {
	b.Helper()
	const pool = 32
	at, message := wiremessage.AppendHeaderStart(nil, 1, 0, wiremessage.OpMsg)
	message = wiremessage.AppendMsgFlags(message, 0)
	message = wiremessage.AppendMsgSectionType(message, wiremessage.SingleDocument)
	message = append(message, mongotest.Reply(append(command, bson.E{Key: "$db", Value: "happn"}))...)
	message = bsoncore.UpdateLength(message, at, int32(len(message)))
	type line struct {
		net.Conn
		buf []byte
	}
	free := make(chan *line, pool)
	for range pool {
		conn, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		free <- &line{conn, make([]byte, 64<<10)}
	}
	return func(int) error {
		l := <-free
		defer func() { free <- l }()
		if _, err := l.Write(message); err != nil {
			return err
		}
		for got, size := 0, int32(4); got < int(size); {
			n, err := l.Read(l.buf[got:])
			if err != nil {
				return err
			}
			got += n
			size, _, _ = bsoncore.ReadInt32(l.buf)
		}
		return nil
	}
}

// measure runs the operation with so many in flight.
func measure(b *testing.B, inFlight int, do func(int) error) {
	b.ReportAllocs()
	var n atomic.Int64
	before := cpuTime()
	if inFlight == 1 {
		for b.Loop() {
			if err := do(int(n.Add(1))); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		b.SetParallelism((inFlight + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := do(int(n.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/1000/float64(n.Load()), "cpu-us/op")
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself it never fails
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
