package collection_test

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

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/collection"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/router"
	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) { os.Exit(testhost.MongoMain(m.Run)) }

// empty makes an empty collection without indexes.
func empty(t testing.TB) (*driver.Collection, collection.Options) {
	t.Helper()
	uri, _ := testhost.Mongo(t)
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	require.NoError(t, err)
	database := client.Database(fmt.Sprintf("happn_test_%d", time.Now().UnixNano()))
	t.Cleanup(func() {
		require.NoError(t, database.Drop(context.Background()))
		require.NoError(t, client.Disconnect(context.Background()))
	})
	return database.Collection("happn"), collection.Options{URL: uri, Database: database.Name()}
}

func insert(t testing.TB, c *driver.Collection, docs ...any) {
	t.Helper()
	_, err := c.InsertMany(t.Context(), docs)
	require.NoError(t, err)
}

// happn is a document as happn-3 stores it.
func happn(id, path string, data bson.D) bson.D {
	return bson.D{
		{Key: "_id", Value: id}, {Key: "path", Value: path}, {Key: "data", Value: data}, {Key: "created", Value: 1000.0},
		{Key: "modified", Value: 2000.0}, {Key: "modifiedBy", Value: "bob"},
	}
}

func source(t testing.TB, o collection.Options) migrate.Source {
	t.Helper()
	s, err := collection.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func embedded(t testing.TB) *memory.Store {
	t.Helper()
	s, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// inMongo is a store in a collection of its own.
func inMongo(t testing.TB) *mongo.Store {
	t.Helper()
	_, o := empty(t)
	s, err := mongo.Open(t.Context(), mongo.Options{URL: o.URL, Database: o.Database, Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// paths are those that a store holds.
func paths(t testing.TB, s datastore.Store) []string {
	t.Helper()
	var all []string
	require.NoError(t, s.Find(t.Context(), &datastore.Query{Pattern: []byte("*")}, func(d *datastore.Document) bool {
		all = append(all, d.Path)
		return true
	}))
	return all
}

func TestWhatHappnStoredInMongoDBIsCopied(t *testing.T) {
	c, o := empty(t)
	insert(t, c,
		happn("1", "/b", bson.D{{Key: "n", Value: 5.0}, {Key: "long", Value: int64(9007199254740993)}}),
		happn("2", "/a", bson.D{{Key: "when", Value: bson.DateTime(0)}, {Key: "list", Value: bson.A{1, "x"}}}),
		happn("3", "/_SYSTEM/INDEXES/happn_path_index", bson.D{}),
		append(happn("4", "/c", bson.D{}), bson.E{Key: "extra", Value: 1}),
	)
	target := embedded(t)
	report, err := migrate.Run(t.Context(), migrate.Options{Source: source(t, o), Target: target, Verify: true})
	require.NoError(t, err)
	require.Equal(t, []string{"/a", "/b", "/c"}, paths(t, target))
	require.Equal(t, [3]int64{3, 3, 1}, [3]int64{report.Stored, report.Verified, report.Own})
	require.Equal(t, map[string]int64{
		"with values of the BSON type UTC datetime, copied as clients read them, as JSON": 1,
		`with the field "extra", which is not copied`:                                     1,
	}, report.Remarks)
	doc, err := target.Get(t.Context(), []byte("/a"))
	require.NoError(t, err)
	require.Equal(t, &datastore.Document{
		Path: "/a", Data: []byte(`{"when":"1970-01-01T00:00:00.000Z","list":[1,"x"]}`), Created: 1000, Modified: 2000, ModifiedBy: "bob",
	}, doc)
}

func TestWhatIsNoDocumentOfHappnIsReportedOneByOne(t *testing.T) {
	c, o := empty(t)
	insert(t, c,
		happn("first", "/a", bson.D{{Key: "v", Value: 1}}), happn("second", "/a", bson.D{{Key: "v", Value: 2}}),
		bson.D{{Key: "_id", Value: "pathless"}, {Key: "name", Value: "bob"}},
		bson.D{{Key: "_id", Value: 7}, {Key: "path", Value: 5}, {Key: "data", Value: bson.D{}}},
		bson.D{{Key: "_id", Value: "empty"}, {Key: "path", Value: "/b"}},
		happn("meta", "/c", bson.D{{Key: "_meta", Value: 1}}), happn("none", "", bson.D{}),
		happn("good", "/d", bson.D{}),
	)
	target := embedded(t)
	report, err := migrate.Run(t.Context(), migrate.Options{Source: source(t, o), Target: target})
	require.ErrorIs(t, err, migrate.ErrRefused)
	require.Empty(t, paths(t, target), "nothing is copied")
	why := map[string]string{}
	for _, one := range report.Refusals {
		why[one.Place.String()+" "+one.Path] = one.Why
	}
	require.Len(t, why, 6)
	require.EqualValues(t, 6, report.Refused)
	for place, want := range map[string]string{
		`_id "second" /a`: "the same path", `_id "pathless" `: "no path", `_id 7 `: "no text but of BSON type 32-bit integer",
		`_id "empty" /b`: "no data", `_id "meta" /c`: "_meta", `_id "none" `: "path is empty",
	} {
		require.Contains(t, why[place], want, place)
	}

	report, err = migrate.Run(t.Context(), migrate.Options{Source: source(t, o), Target: target, SkipRefused: true, Verify: true})
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Verified)
	doc, err := target.Get(t.Context(), []byte("/a"))
	require.NoError(t, err)
	require.Equal(t, `{"v":1}`, string(doc.Data), "as happn reads it")
}

func TestANameWithNothingBehindItIsAnError(t *testing.T) {
	_, err := collection.Open(t.Context(), collection.Options{
		URL: "mongodb://bob:s3cret@127.0.0.1:1/x", StartWait: 100 * time.Millisecond})
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.NotContains(t, err.Error(), "s3cret")

	_, o := empty(t)
	_, err = collection.Open(t.Context(), o)
	require.ErrorContains(t, err, o.Database+".happn")
}

// many fills a collection.
func many(t testing.TB, c *driver.Collection, n int) {
	t.Helper()
	var docs []any
	for i := range n {
		docs = append(docs, happn(fmt.Sprint(i), fmt.Sprintf("/many/%05d", i), bson.D{{Key: "i", Value: i}}))
	}
	insert(t, c, docs...)
}

func TestAnInterruptedCopyGoesOnUnlessTheSourceHasChanged(t *testing.T) {
	c, o := empty(t)
	many(t, c, 1600)
	for change, want := range map[string][3]int64{"": {1000, 600, 1600}, "/0": {0, 601, 1601}} {
		target := inMongo(t)
		ctx, cancel := context.WithCancel(t.Context())
		options := migrate.Options{Source: source(t, o), Target: target, Progress: func(p migrate.Progress) {
			if p.Phase == migrate.Copying && p.Documents > 1200 {
				cancel()
			}
		}}
		report, err := migrate.Run(ctx, options)
		require.ErrorIs(t, err, context.Canceled)
		require.EqualValues(t, 1000, report.Stored)
		if change != "" {
			insert(t, c, happn(change, change, bson.D{}))
		}
		report, err = migrate.Run(t.Context(), migrate.Options{Source: source(t, o), Target: target, Verify: true})
		require.NoError(t, err)
		require.Equal(t, want, [3]int64{report.Resumed, report.Stored, report.Verified})
		_, err = c.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: change}})
		require.NoError(t, err)
	}
}

func TestDocumentsGoToTheStoresOfTheirPathsInMongoDBAndElsewhere(t *testing.T) {
	c, o := empty(t)
	many(t, c, 700)
	insert(t, c, happn("x", "/own/1", bson.D{}), happn("y", "/own/2", bson.D{}))
	own, rest := embedded(t), inMongo(t)
	target, err := router.Open(t.Context(), router.Options{Default: "rest", Members: []router.Member{
		{Name: "rest", Store: rest}, {Name: "own", Store: own, Patterns: []string{"/own/*", "*7"}},
	}})
	require.NoError(t, err)
	for range 2 {
		report, err := migrate.Run(t.Context(), migrate.Options{Source: source(t, o), Target: target, Verify: true})
		require.NoError(t, err)
		require.EqualValues(t, 702, report.Verified)
	}
	require.Len(t, paths(t, own), 72)
	require.Len(t, paths(t, rest), 630+1, "and the record of its index")
}
