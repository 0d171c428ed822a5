package mongo_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/storetest"
	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) {
	os.Exit(testhost.FerretMain(func() int {
		code := m.Run()
		if err := goleak.Find(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}))
}

// collection makes an empty collection with the index on path, and options for
// a store that records nothing in it.
func collection(t testing.TB) (*driver.Collection, mongo.Options) {
	t.Helper()
	uri, _ := testhost.Mongo(t)
	return collectionAt(t, uri)
}

// collectionAt is collection on a server of the test's own.
func collectionAt(t testing.TB, uri string) (*driver.Collection, mongo.Options) {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	require.NoError(t, err)
	database := client.Database(fmt.Sprintf("happn_test_%d", time.Now().UnixNano()))
	c := database.Collection("happn")
	ctx := context.Background()
	_, err = c.Indexes().CreateOne(ctx, driver.IndexModel{
		Keys: bson.D{{Key: "path", Value: 1}}, Options: options.Index().SetUnique(true)})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, database.Drop(ctx))
		require.NoError(t, client.Disconnect(ctx))
	})
	return c, mongo.Options{URL: uri, Database: database.Name(), Indexes: map[string]mongo.IndexSpec{},
		Timeout: time.Minute}
}

func open(t testing.TB, o mongo.Options) *mongo.Store {
	t.Helper()
	store, err := mongo.Open(context.Background(), o)
	require.NoError(t, err)
	return store
}

// limits are what the server cannot keep.
func limits(t testing.TB) []storetest.Trait {
	traits := []storetest.Trait{storetest.KeepsValues}
	if _, ferret := testhost.Mongo(t); ferret {
		traits = append(traits, storetest.NoDecimals, storetest.NoNestedArrays, storetest.NoRenames, storetest.Slow)
	}
	return traits
}

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) datastore.Store {
		_, o := collection(t)
		return open(t, o)
	}, limits(t)...)
}

func TestItAnswersAsTheEmbeddedStoreDoes(t *testing.T) {
	_, o := collection(t)
	embedded, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	stores := map[string]datastore.Store{"mongo": open(t, o), "embedded": embedded}
	storetest.Metamorphic(t, stores, limits(t)...)
	for _, store := range stores {
		require.NoError(t, store.Close())
	}
}
