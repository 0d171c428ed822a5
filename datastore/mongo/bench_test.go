package mongo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// benchDocuments are documents of 300 bytes.
func benchDocuments(n int) []*datastore.Document {
	docs := make([]*datastore.Document, n)
	for i := range docs {
		docs[i] = &datastore.Document{Path: fmt.Sprintf("/docs/%06d", i), Created: 1000, Modified: 2000,
			Data: fmt.Appendf(nil, `{"n":%d,"name":"N%d","unit":"C","value":21.5,"note":"%s"}`, i, i%(n/5), strings.Repeat("x", 230))}
	}
	return docs
}

// BenchmarkPushDown finds and counts five documents out of 2,000, by criteria that
// the server evaluates and by some that mean the same and that the host does.
func BenchmarkPushDown(b *testing.B) {
	_, o := collection(b)
	store := open(b, o)
	defer store.Close()
	ctx := context.Background()
	require.NoError(b, store.Import(ctx, benchDocuments(2000)))
	for _, c := range []struct{ by, criteria string }{
		{"server", `{"name":"N7"}`},
		{"host", `{"name":{"$regex":"^N7$"}}`},
	} {
		filter, err := match.CompileFilter([]byte(c.criteria))
		require.NoError(b, err)
		q := &datastore.Query{Pattern: []byte("/docs/*"), Filter: filter}
		b.Run("find/"+c.by, func(b *testing.B) {
			for b.Loop() {
				n := 0
				err := store.Find(ctx, q, func(*datastore.Document) bool { n++; return true })
				require.NoError(b, err)
				require.Equal(b, 5, n)
			}
		})
		b.Run("count/"+c.by, func(b *testing.B) {
			for b.Loop() {
				n, err := store.Count(ctx, q)
				require.NoError(b, err)
				require.Equal(b, 5, n)
			}
		})
	}
}

// BenchmarkMigrate copies documents from the embedded store into a new
// collection, as happn-host migrate does: "canned" is a server that answers at
// once and keeps nothing.
func BenchmarkMigrate(b *testing.B) {
	const n = 5000
	source, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(b, err)
	defer source.Close()
	require.NoError(b, source.Import(context.Background(), benchDocuments(n)))
	copies := func(b *testing.B, target func(b *testing.B) *mongo.Store) {
		b.ReportAllocs()
		var took time.Duration
		for b.Loop() {
			b.StopTimer()
			to := target(b)
			b.StartTimer()
			began := time.Now()
			report, err := migrate.Run(context.Background(), migrate.Options{Source: migrate.FromStore("store", "memory", source), Target: to})
			took += time.Since(began)
			require.NoError(b, err)
			require.EqualValues(b, n, report.Stored)
		}
		b.ReportMetric(float64(n)*float64(b.N)/took.Seconds(), "docs/s")
	}
	b.Run("canned", func(b *testing.B) {
		store := standIn(b, mongo.Options{}, mongotest.Options{ReplicaSet: true, Answer: keepsNothing})
		copies(b, func(*testing.B) *mongo.Store { return store })
	})
	b.Run("server", func(b *testing.B) {
		copies(b, func(b *testing.B) *mongo.Store {
			_, o := collection(b)
			store := open(b, o)
			b.Cleanup(func() { require.NoError(b, store.Close()) })
			return store
		})
	})
}

// keepsNothing answers as an empty collection that takes everything.
func keepsNothing(c *mongotest.Command) bson.Raw {
	n := bson.E{Key: "n", Value: int32(len(c.Documents))}
	switch c.Name {
	case "find":
		return nothingFound()
	case "insert", "delete":
		return mongotest.Reply(bson.D{n, {Key: "ok", Value: 1.0}})
	case "findAndModify":
		return mongotest.Reply(bson.D{{Key: "value", Value: bson.D{{Key: "path", Value: "/checkpoint"}, {Key: "data", Value: bson.D{}}}}, {Key: "ok", Value: 1.0}})
	}
	return nil
}
