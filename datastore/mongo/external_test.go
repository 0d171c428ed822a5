package mongo_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/tests/testhost"
	"github.com/happn-host/happn-host/tests/testhost/replica"
)

// watched is a store that hears of what others write to its collection, and what
// it has heard.
type watched struct {
	t     *testing.T
	uri   string
	set   *replica.Set       // nil for a real replica set
	other *driver.Collection // the collection as somebody else has it
	store *mongo.Store
	log   *logged

	mu    sync.Mutex
	heard []string
	ends  int // of foreign documents that only say that all before has come
}

// watching opens one on the server of the tests.
func watching(t *testing.T, change func(*mongo.Options)) *watched {
	t.Helper()
	uri, ferret := testhost.Mongo(t)
	uri, set := replica.For(t, uri, ferret)
	return watchingAt(t, uri, set, change)
}

// watchingStandIn opens one on what can be told to do what a real server does when
// it likes.
func watchingStandIn(t *testing.T) *watched {
	t.Helper()
	set := replica.OnFerret(t)
	return watchingAt(t, set.URI(), set, nil)
}

func watchingAt(t *testing.T, uri string, set *replica.Set, change func(*mongo.Options)) *watched {
	t.Helper()
	c, o := collectionAt(t, uri)
	w := &watched{t: t, uri: uri, set: set, other: c, log: &logged{}}
	o.External, o.Timeout, o.Logger = true, 10*time.Second, slog.New(slog.NewTextHandler(w.log, nil))
	if change != nil {
		change(&o)
	}
	w.store = open(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { w.store.Watch(ctx, w.hear) })
	t.Cleanup(func() {
		cancel()
		all.Wait()
		require.NoError(t, w.store.Close())
	})
	return w
}

func (w *watched) hear(c datastore.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case c.Missed:
		w.heard = append(w.heard, "missed")
	case strings.HasPrefix(c.Path, "/end/"):
		w.ends++
	case c.Doc == nil:
		w.heard = append(w.heard, "removed "+c.Path)
	default:
		w.heard = append(w.heard, c.Path+" "+string(c.Doc.Data))
	}
}

// told returns what has been heard when everything that was done before has been.
func (w *watched) told() []string {
	w.t.Helper()
	w.mu.Lock()
	ends := w.ends
	w.mu.Unlock()
	w.insert(fmt.Sprint("/end/", time.Now().UnixNano()), bson.D{})
	require.Eventually(w.t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ends > ends
	}, patience, time.Millisecond, "log:\n%s", w.log)
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// insert has somebody else insert a document.
func (w *watched) insert(path string, data bson.D) {
	w.t.Helper()
	_, err := w.other.InsertOne(context.Background(), bson.D{{Key: "path", Value: path}, {Key: "data", Value: data}, {Key: "modified", Value: int64(1)}})
	require.NoError(w.t, err)
}

func (w *watched) update(path string, update bson.D) {
	w.t.Helper()
	_, err := w.other.UpdateOne(context.Background(), bson.D{{Key: "path", Value: path}}, update, options.UpdateOne().SetUpsert(true))
	require.NoError(w.t, err)
}

func (w *watched) remove(path string) {
	w.t.Helper()
	_, err := w.other.DeleteOne(context.Background(), bson.D{{Key: "path", Value: path}})
	require.NoError(w.t, err)
}

// again has somebody else read a document and store it as a whole.
func (w *watched) again(path string, field string, value any) {
	w.t.Helper()
	var doc bson.M
	at := bson.D{{Key: "path", Value: path}}
	require.NoError(w.t, w.other.FindOne(context.Background(), at).Decode(&doc))
	doc[field] = value
	_, err := w.other.ReplaceOne(context.Background(), at, doc)
	require.NoError(w.t, err)
}

// own writes through the store, and waits.
func (w *watched) own(writes ...datastore.Write) {
	w.t.Helper()
	var answers []answer
	for _, one := range writes {
		answers = append(answers, write(w.store, one))
	}
	for _, a := range answers {
		require.NoError(w.t, a.await(w.t).err)
	}
}

func (w *watched) ownRemoval(pattern, filter string) {
	w.t.Helper()
	q := &datastore.Query{Pattern: []byte(pattern)}
	if filter != "" {
		f, err := match.CompileFilter([]byte(filter))
		require.NoError(w.t, err)
		q.Filter = f
	}
	a := make(answer, 1)
	w.store.Remove(context.Background(), q, a)
	require.NoError(w.t, a.await(w.t).err)
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func set(field string, value any) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: value}}}}
}

func TestWhatOthersWriteIsToldOnce(t *testing.T) {
	w := watching(t, nil)
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	w.update("/a", set("data.v", 2))
	w.update("/new", set("data.v", 3))
	w.again("/a", "data", bson.D{{Key: "v", Value: 4}})
	w.remove("/a")
	w.insert("/a", bson.D{{Key: "v", Value: 5}})
	require.Equal(t, []string{`/a {"v":1}`, `/a {"v":2}`, `/new {"v":3}`, `/a {"v":4}`, "removed /a", `/a {"v":5}`}, w.told())
	require.Empty(t, w.told(), "nothing comes twice")
}

func TestWhatTheStoreWritesItselfIsNotTold(t *testing.T) {
	for name, do := range map[string]func(*watched){
		"set":       func(w *watched) { w.own(put("/a", `{"v":1}`)); w.own(put("/a", `{"v":2}`)) },
		"same set":  func(w *watched) { one := put("/a", `{"v":1}`); w.own(one); w.own(one) },
		"merge":     func(w *watched) { w.own(merge("/a", `{"v":1}`)); w.own(merge("/a", `{"w":1}`)) },
		"increment": func(w *watched) { w.own(increment("/a")); w.own(increment("/a")) },
		"insert":    func(w *watched) { w.own(insert("/a", `{"v":1}`)) },
		"refused insert": func(w *watched) {
			w.own(put("/a", `{}`))
			require.ErrorIs(w.t, write(w.store, insert("/a", `{"v":1}`)).await(w.t).err, datastore.ErrExists)
		},
		"many at once": func(w *watched) {
			var all []datastore.Write
			for i := range 60 {
				path := fmt.Sprint("/many/", i%20)
				all = append(all, put(path, fmt.Sprintf(`{"v":%d}`, i)), merge(path, `{"w":1}`), increment(path), put(fmt.Sprint("/puts/", i%30), `{}`))
			}
			w.own(all...)
		},
		"remove": func(w *watched) { w.own(put("/a", `{}`)); w.ownRemoval("/a", ""); w.ownRemoval("/a", "") },
		"remove by pattern": func(w *watched) {
			for i := range 30 {
				w.own(put(fmt.Sprint("/many/", i), fmt.Sprintf(`{"v":%d}`, i)))
			}
			w.ownRemoval("/many/*", `{"v":{"$lt":10}}`)
			w.ownRemoval("/many/*", `{"v":{"$regex":"^2"}}`) // matched here
			w.ownRemoval("/many/*", "")
		},
		"import": func(w *watched) {
			w.own(put("/a", `{}`))
			for range 2 {
				require.NoError(w.t, w.store.Import(w.t.Context(), []*datastore.Document{document("/a", `{"n":1}`), document("/b", `{"n":1}`)}))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watching(t, nil)
			do(w)
			require.Empty(t, w.told())
		})
	}
}

func TestWhoTouchesWhatTheStoreWroteIsSomebodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*watched)
		want []string
	}{
		"update":            {func(w *watched) { w.update("/a", set("data.w", 2)) }, []string{`/a {"v":1,"w":2}`}},
		"replace":           {func(w *watched) { w.again("/a", "data", bson.D{{Key: "v", Value: 2}}) }, []string{`/a {"v":2}`}},
		"the same again":    {func(w *watched) { w.again("/a", "modified", int64(7)); w.again("/a", "modified", int64(8)) }, []string{`/a {"v":1}`, `/a {"v":1}`}},
		"remove":            {func(w *watched) { w.remove("/a") }, []string{"removed /a"}},
		"update after ours": {func(w *watched) { w.own(put("/a", `{"v":2}`)); w.update("/a", set("data.w", 2)) }, []string{`/a {"v":2,"w":2}`}},
		"removed and back": {func(w *watched) {
			var doc bson.M
			require.NoError(w.t, w.other.FindOne(w.t.Context(), bson.D{{Key: "path", Value: "/a"}}).Decode(&doc))
			w.ownRemoval("/a", "")
			_, err := w.other.InsertOne(w.t.Context(), doc)
			require.NoError(w.t, err)
			w.remove("/a")
		}, []string{`/a {"v":1}`, "removed /a"}},
		"a copy at another path": {func(w *watched) {
			var doc bson.M
			require.NoError(w.t, w.other.FindOne(w.t.Context(), bson.D{{Key: "path", Value: "/a"}}).Decode(&doc))
			delete(doc, "_id")
			doc["path"] = "/b"
			_, err := w.other.InsertOne(w.t.Context(), doc)
			require.NoError(w.t, err)
		}, []string{`/b {"v":1}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watching(t, nil)
			w.own(put("/a", `{"v":1}`))
			require.Empty(t, w.told())
			c.do(w)
			require.Equal(t, c.want, w.told())
		})
	}
}

// TestManyWritersOnTheSamePaths has both write, each on every path. What is told
// is what others wrote, all of it, once, in order.
func TestManyWritersOnTheSamePaths(t *testing.T) {
	const paths, writers, writes = 4, 2, 40
	w := watching(t, nil)
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			for i := range writes {
				path := fmt.Sprint("/p/", (i+n)%paths)
				one := merge(path, fmt.Sprintf(`{"o%d":"%d"}`, n, i)) // a text: FerretDB takes {"o":1} and {"f":1} for the same
				switch i % 4 {
				case 1:
					one = increment(path)
				case 2:
					one = put(path, `{}`)
				case 3:
					assert.NoError(t, remove(w.store, path).await(t).err)
					continue
				}
				assert.NoError(t, write(w.store, one).await(t).err)
			}
		})
		all.Go(func() {
			for i := range writes {
				path := fmt.Sprint("/p/", (i+n)%paths)
				for { // again if ours made the document at the same time
					_, err := w.other.UpdateOne(context.Background(), bson.D{{Key: "path", Value: path}},
						set("data", bson.D{{Key: "f", Value: n*1000 + i}}), options.UpdateOne().SetUpsert(true))
					if !driver.IsDuplicateKeyError(err) {
						assert.NoError(t, err)
						break
					}
				}
			}
		})
	}
	all.Wait()
	told := w.told()
	assert.Empty(t, strings.Join(repeated(told), ", "), "nothing comes twice")
	last := map[string]int{} // by path and writer
	for _, text := range told {
		path, data, _ := strings.Cut(text, " ")
		var v int
		if _, err := fmt.Sscanf(data, `{"f":%d}`, &v); !assert.NoError(t, err, text) {
			continue
		}
		key := fmt.Sprint(path, " ", v/1000)
		assert.Greater(t, v+1, last[key], text)
		last[key] = v + 1
	}
	assert.Len(t, told, writers*writes)
}

func repeated(all []string) (again []string) {
	seen := map[string]bool{}
	for _, one := range all {
		if seen[one] {
			again = append(again, one)
		}
		seen[one] = true
	}
	return again
}

func TestWithoutWatchingNobodyIsNamedInDocuments(t *testing.T) {
	c, o := collection(t)
	store := open(t, o)
	defer store.Close()
	for _, one := range []datastore.Write{put("/a", `{}`), merge("/b", `{}`), increment("/c"), insert("/d", `{}`)} {
		require.NoError(t, write(store, one).await(t).err)
	}
	require.NoError(t, store.Import(t.Context(), []*datastore.Document{document("/e", `{}`)}))
	n, err := c.CountDocuments(t.Context(), bson.D{{Key: "_writer", Value: bson.D{{Key: "$exists", Value: true}}}})
	require.NoError(t, err)
	require.Zero(t, n)
	store.Watch(t.Context(), nil) // returns at once
}

func TestWhoWroteIsInTheDocumentAndNobodySeesIt(t *testing.T) {
	w := watching(t, nil)
	w.own(put("/a", `{"v":1}`))
	n, err := w.other.CountDocuments(t.Context(), bson.D{{Key: "_writer", Value: bson.D{{Key: "$exists", Value: true}}}})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	doc, err := w.store.Get(t.Context(), []byte("/a"))
	require.NoError(t, err)
	require.JSONEq(t, `{"v":1}`, string(doc.Data))
	require.NoError(t, w.store.Walk(t.Context(), func(one *mongo.Stored) error {
		require.Empty(t, one.Lost, "a migration does not miss it")
		return nil
	}))
}
