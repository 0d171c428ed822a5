package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/tests/testhost"
	"github.com/happn-host/happn-host/tests/testhost/replica"
)

// shared is a collection in a replica set that hosts share with others.
type shared struct {
	collection *driver.Collection
	uri        string
	set        *replica.Set // nil for a real one
}

// share makes one on the server of the tests.
func share(t *testing.T) *shared {
	t.Helper()
	uri, ferret := testhost.MongoFor(t)
	uri, set := replica.For(t, uri, ferret)
	return shareOn(t, uri, set)
}

func shareOn(t *testing.T, uri string, set *replica.Set) *shared {
	t.Helper()
	s := &shared{uri: uri, set: set}
	c, err := driver.Connect(options.Client().ApplyURI(s.uri))
	require.NoError(t, err)
	database := c.Database(fmt.Sprintf("happn_test_%d", time.Now().UnixNano()))
	s.collection = database.Collection("happn")
	t.Cleanup(func() {
		require.NoError(t, database.Drop(context.Background()))
		require.NoError(t, c.Disconnect(context.Background()))
	})
	return s
}

// store is a store in the collection, for these paths or, without any, for all.
func (s *shared) store(patterns ...string) config.DataStore {
	return s.at(s.collection.Database().Name(), patterns...)
}

func (s *shared) at(database string, patterns ...string) config.DataStore {
	return config.DataStore{Name: "shared", Provider: config.ProviderMongoDB, URL: s.uri, Database: database,
		Default: len(patterns) == 0, Patterns: patterns, Connection: config.Connection{PublishExternal: true}}
}

func (s *shared) whole(c *config.Config) { c.Data.Stores = []config.DataStore{s.store()} }

func (s *shared) insert(t *testing.T, path string, data bson.D) {
	t.Helper()
	_, err := s.collection.InsertOne(t.Context(), bson.D{{Key: "path", Value: path}, {Key: "data", Value: data},
		{Key: "created", Value: int64(5)}, {Key: "modified", Value: int64(6)}, {Key: "modifiedBy", Value: "ann"}})
	require.NoError(t, err)
}

// events are the publications that a client got.
type events chan client.Publication

func listen(t *testing.T, c *client.Client, path string) events {
	t.Helper()
	got := make(events, 100)
	_, err := c.On(t.Context(), path, func(_ context.Context, p client.Publication) { got <- p }, nil)
	require.NoError(t, err)
	return got
}

func (e events) next(t *testing.T) client.Publication {
	t.Helper()
	select {
	case p := <-e:
		return p
	case <-time.After(20 * time.Second):
		require.FailNow(t, "no publication came")
		return client.Publication{}
	}
}

// text is the next publication in short.
func (e events) text(t *testing.T) string {
	t.Helper()
	p := e.next(t)
	return p.Meta.Action + " " + string(p.Data)
}

func TestWhatOthersWriteToTheCollectionIsPublished(t *testing.T) {
	s := share(t)
	h := start(t, s.whole)
	c := connect(t, h)
	ctx := t.Context()
	all := listen(t, c, "/a/*")

	s.insert(t, "/a/1", bson.D{{Key: "v", Value: 1}})
	p := all.next(t)
	require.JSONEq(t, `{"v":1}`, string(p.Data))
	var meta map[string]any
	require.NoError(t, json.Unmarshal(p.Meta.Raw, &meta))
	require.Equal(t, map[string]any{"action": "/SET@/a/1", "type": "data", "consistency": 2.0, "path": "/a/1",
		"created": 5.0, "modified": 6.0, "modifiedBy": "ann", "channel": "/ALL@/a/*"}, meta, "no session is named")

	_, err := c.Set(ctx, "/a/1", map[string]int{"v": 2}, nil)
	require.NoError(t, err)
	require.Equal(t, `/SET@/a/1 {"v":2}`, all.text(t))
	_, err = s.collection.UpdateOne(ctx, bson.D{{Key: "path", Value: "/a/1"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "data.w", Value: 3}}}})
	require.NoError(t, err)
	require.Equal(t, `/SET@/a/1 {"v":2,"w":3}`, all.text(t))
	_, err = c.Remove(ctx, "/a/*", nil)
	require.NoError(t, err)
	require.Equal(t, `/REMOVE@/a/* {"removed":1}`, all.text(t))
	s.insert(t, "/a/2", bson.D{})
	require.Equal(t, `/SET@/a/2 {}`, all.text(t))
	_, err = s.collection.DeleteOne(ctx, bson.D{{Key: "path", Value: "/a/2"}})
	require.NoError(t, err)
	require.Equal(t, `/REMOVE@/a/2 {"removed":1}`, all.text(t), "nothing came twice before")
}

func TestHostsOfOneCollectionPublishWhatEachWrites(t *testing.T) {
	s := share(t)
	var clients [2]*client.Client
	var heard [2]events
	for i := range clients {
		clients[i] = connect(t, start(t, s.whole))
		heard[i] = listen(t, clients[i], "/*/1")
	}
	ctx := t.Context()
	for round := range 3 {
		for i, c := range clients {
			_, err := c.Set(ctx, fmt.Sprint("/x/", 1), map[string]int{"round": round, "by": i}, nil)
			require.NoError(t, err)
			for _, e := range heard {
				require.Equal(t, fmt.Sprintf(`/SET@/x/1 {"by":%d,"round":%d}`, i, round), e.text(t))
			}
		}
	}
	_, err := clients[0].Remove(ctx, "/x/1", nil)
	require.NoError(t, err)
	for _, e := range heard {
		require.Equal(t, `/REMOVE@/x/1 {"removed":1}`, e.text(t))
		require.Empty(t, e)
	}
}

func TestWhatACommandWritesIsPublishedByTheHost(t *testing.T) {
	s := share(t)
	all := listen(t, connect(t, start(t, s.whole)), "/*")
	c := config.Default()
	s.whole(&c)
	store, err := host.OpenStore(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	for v := range 2 {
		require.NoError(t, store.Import(t.Context(), []*datastore.Document{{Path: "/a", Data: fmt.Appendf(nil, `{"v":%d}`, v), Modified: int64(v)}}))
		require.Equal(t, fmt.Sprintf(`/SET@/a {"v":%d}`, v), all.text(t))
	}
	require.NoError(t, store.Close())
	n, err := s.collection.CountDocuments(t.Context(), bson.D{{Key: "path", Value: "/a"}, {Key: "_writer", Value: bson.D{{Key: "$exists", Value: true}}}})
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, c.Data.Stores[0].PublishExternal, "the configuration is the caller's")
}

func TestAStoreOfSomePathsPublishesWhatOthersWriteThere(t *testing.T) {
	s := share(t)
	h := start(t, func(c *config.Config) {
		c.Data.Dir, c.Data.Stores = t.TempDir(), []config.DataStore{s.store("/shared/*")}
	})
	all := listen(t, connect(t, h), "/*/*")
	s.insert(t, "/mine/1", bson.D{{Key: "v", Value: 1}}) // belongs to the folder
	s.insert(t, "/shared/1", bson.D{{Key: "v", Value: 2}})
	require.Equal(t, `/SET@/shared/1 {"v":2}`, all.text(t))
}

func TestWhatAnotherHostChangesOfAccessControlHoldsAtOnce(t *testing.T) {
	s := share(t)
	one, two := guarded(t, s.whole), guarded(t, s.whole)
	ctx := t.Context()
	b := bob(t, two)
	may := func(path string) bool { _, err := b.Get(ctx, path, nil); return code(err) != 403 }
	require.False(t, may("/else/1"))
	_, err := one.Directory().UpsertPermission(ctx, directory.UserOf("bob"), "/else/*", "get", true)
	require.NoError(t, err)
	eventually(t, func() bool { return may("/else/1") })

	desk := listen(t, b, "/desk/*")
	admin, err := one.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	for _, path := range []string{"/desk/secret", "/desk/1"} {
		_, err := admin.Set(ctx, path, map[string]int{"v": 1}, nil)
		require.NoError(t, err)
	}
	require.Equal(t, "/desk/1", desk.next(t).Meta.Path, "what is prohibited is not heard of")
	system, err := two.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer system.Close()
	host := listen(t, system, "/_SYSTEM/**")
	all := listen(t, system, "*")

	token := b.Session().Token
	require.NoError(t, one.Logins().Revoke(ctx, token, "test"))
	eventually(t, func() bool { return two.Logins().Revoked(token) })
	require.Empty(t, host, "what is the host's own is not published")
	require.Empty(t, all)

}

// A real server forgets nothing when it is told to.
func TestWhatAnotherHostChangesOfAccessControlHoldsAlsoIfTheServerForgetsIt(t *testing.T) {
	set := replica.OnFerret(t)
	s := shareOn(t, set.URI(), set)
	one, two := guarded(t, s.whole), guarded(t, s.whole)
	s.set.Lose(func() {
		_, err := one.Directory().UpsertPermission(t.Context(), directory.UserOf("bob"), "/lost/*", "get", true)
		require.NoError(t, err)
	})
	b := bob(t, two)
	eventually(t, func() bool { _, err := b.Get(t.Context(), "/lost/1", nil); return code(err) != 403 })
}

func TestAHostWithoutChangeStreamsIsNotStartedWithThem(t *testing.T) {
	s := &shared{uri: testhost.Ferret(t)}
	for name, change := range map[string]func(*config.Config){
		"all paths": func(c *config.Config) { c.Data.Stores = []config.DataStore{s.at("refused")} },
		"some paths": func(c *config.Config) {
			c.Data.Dir, c.Data.Stores = t.TempDir(), []config.DataStore{s.at("refused", "/x/*")}
		},
	} {
		c := config.Default()
		c.Port = 0
		change(&c)
		_, err := host.New(host.Options{Config: c})
		assert.ErrorContains(t, err, "rs.initiate()", name)
	}
}
