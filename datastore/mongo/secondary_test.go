package mongo_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/tests/testhost"
)

// journal is a log that a test reads while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// says waits until the log has a text.
func (j *journal) says(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(j.String()), []byte(text)) }, 30*time.Second, 10*time.Millisecond,
		"the log does not say %q", text)
}

func logging(o *mongo.Options) *journal {
	j := &journal{}
	o.Logger = slog.New(slog.NewTextHandler(j, nil))
	return j
}

func index(unique bool, field string, paths ...string) datastore.Index {
	return datastore.Index{Paths: paths, Fields: []datastore.IndexField{{Name: field}, {Name: "created", Descending: true}}, Unique: unique}
}

// madeIndexes waits for a number of indexes beside those on _id and path, and
// returns all of those by name.
func madeIndexes(t *testing.T, c *driver.Collection, n int) map[string]bson.Raw {
	t.Helper()
	var found map[string]bson.Raw
	require.Eventually(t, func() bool {
		cursor, err := c.Indexes().List(context.Background())
		require.NoError(t, err)
		var all []bson.Raw
		require.NoError(t, cursor.All(context.Background(), &all))
		found = map[string]bson.Raw{}
		for _, x := range all {
			if name := x.Lookup("name").StringValue(); name != "_id_" && name != "path_1" {
				found[name] = x
			}
		}
		return len(found) >= n
	}, 30*time.Second, 20*time.Millisecond)
	require.Len(t, found, n)
	return found
}

func TestConfiguredIndexesAreMadeAndRecordedUnderTheSameNames(t *testing.T) {
	c, o := collection(t)
	o.Secondary = []datastore.Index{index(false, "data.region", "*"), index(true, "data.serial", "*")}
	var before map[string]bson.Raw
	for range 2 { // the second start finds them
		log := logging(&o)
		store := open(t, o)
		log.says(t, "happn_serial_1_created_-1_")
		found := madeIndexes(t, c, 2)
		for name, x := range found {
			doc, err := store.Get(context.Background(), []byte("/_SYSTEM/INDEXES/"+name))
			require.NoError(t, err)
			require.NotNil(t, doc, "the index %s is not recorded", name)
			require.Contains(t, string(doc.Data), `"fields":{"data.`)
			unique, _ := x.Lookup("unique").BooleanOK()
			require.Equal(t, unique, bytes.Contains(doc.Data, []byte(`"unique":true`)))
		}
		if before != nil {
			require.Equal(t, before, found)
		}
		before = found
		require.NotContains(t, log.String(), "level=ERROR")
		require.NoError(t, store.Close())
	}
}

func TestAUniqueIndexRefusesWhatTheEmbeddedStoreRefuses(t *testing.T) {
	_, o := collection(t)
	o.Secondary = []datastore.Index{{Paths: []string{"*"}, Fields: []datastore.IndexField{{Name: "data.serial"}}, Unique: true}}
	log := logging(&o)
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	log.says(t, "an index is there")
	ctx, now := context.Background(), time.UnixMilli(1000)
	// What records an index is a document as well, and has no serial.
	_, err := durable.Put(ctx, store, "/a", []byte(`{"serial":1}`), now)
	require.NoError(t, err)
	_, err = durable.Put(ctx, store, "/b", []byte(`{"serial":1}`), now)
	require.ErrorIs(t, err, datastore.ErrDuplicate)
	_, err = durable.Put(ctx, store, "/b", []byte(`{"serial":2}`), now)
	require.NoError(t, err)
	began := time.Now()
	_, err = durable.Put(ctx, store, "/b", []byte(`{"serial":1}`), now)
	if _, ferret := testhost.Mongo(t); ferret {
		require.Error(t, err) // FerretDB calls it an internal error
	} else {
		require.ErrorIs(t, err, datastore.ErrDuplicate)
	}
	require.Less(t, time.Since(began), 5*time.Second)
	doc, err := store.Get(ctx, []byte("/b"))
	require.NoError(t, err)
	require.JSONEq(t, `{"serial":2}`, string(doc.Data))
}

func TestAnIndexThatCannotBeMadeIsReportedAndTheStoreServes(t *testing.T) {
	c, o := collection(t)
	_, err := c.InsertMany(context.Background(), []any{
		bson.D{{Key: "path", Value: "/1"}, {Key: "data", Value: bson.D{{Key: "serial", Value: 7}}}},
		bson.D{{Key: "path", Value: "/2"}, {Key: "data", Value: bson.D{{Key: "serial", Value: 7}}}},
	})
	require.NoError(t, err)
	o.Secondary = []datastore.Index{
		{Paths: []string{"*"}, Fields: []datastore.IndexField{{Name: "data.serial"}}, Unique: true},
		index(true, "data.x", "/a/*/b"), index(false, "data.$x", "*"),
	}
	log := logging(&o)
	store := open(t, o)
	log.says(t, "/a/*/b says more")
	log.says(t, "cannot address the field")
	if _, ferret := testhost.Mongo(t); ferret {
		log.says(t, "an index was not made") // FerretDB does not say why
	} else {
		log.says(t, "documents have the same values already")
	}
	require.NoError(t, store.Check(context.Background()))
	require.NoError(t, store.Close())
	require.Empty(t, madeIndexes(t, c, 0))
}

func TestAnIndexOfOthersIsNotReplaced(t *testing.T) {
	c, o := collection(t)
	_, err := c.Indexes().CreateOne(context.Background(), driver.IndexModel{
		Keys: bson.D{{Key: "data.serial", Value: 1}, {Key: "created", Value: -1}}, Options: options.Index().SetName("theirs")})
	require.NoError(t, err)
	o.Secondary = []datastore.Index{index(true, "data.serial", "*")}
	log := logging(&o)
	store := open(t, o)
	log.says(t, "take this one out of data.indexes")
	require.NoError(t, store.Close())
	require.Contains(t, madeIndexes(t, c, 1), "theirs")
}

func TestAnIndexIsOfItsPathsOnly(t *testing.T) {
	if _, ferret := testhost.Mongo(t); ferret {
		t.Skip("FerretDB has no partial indexes")
	}
	c, o := collection(t)
	o.Secondary = []datastore.Index{index(false, "data.n", "/d/*", "/e/*/x"), index(true, "data.serial", "/d/*")}
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	found := madeIndexes(t, c, 3)
	for _, x := range found {
		require.NotEmpty(t, x.Lookup("partialFilterExpression", "path").Document())
	}
	fill(t, store, "/d/%d", 20)
	fill(t, store, "/e/%d/x", 20)
	got := explain(t, store, datastore.Query{Pattern: []byte("/d/*"), Filter: criteria(t, `{"n":3}`)})
	require.Contains(t, found, got.Index)
	require.Equal(t, 1, got.Keys)
}

func criteria(t *testing.T, text string) datastore.Filter {
	t.Helper()
	f, err := match.CompileFilter([]byte(text))
	require.NoError(t, err)
	return f
}
