package mongo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/tests/testhost"
	"github.com/happn-host/happn-host/tests/testhost/replica"
)

func TestAServerWithoutChangeStreamsIsRefused(t *testing.T) {
	_, o := collectionAt(t, testhost.Ferret(t))
	o.External = true
	_, err := mongo.Open(t.Context(), o)
	require.ErrorContains(t, err, "run rs.initiate()")
	require.ErrorContains(t, err, mongo.HostOf(o.URL))
}

func TestAStreamThatBreaksOffGoesOnWhereItWas(t *testing.T) {
	w := watchingStandIn(t)
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/a {"v":1}`}, w.told())
	for i := range 3 {
		w.set.Hold(func() {
			w.insert("/cut", bson.D{{Key: "v", Value: i + 1}})
			w.own(put("/own", `{}`))
			require.Eventually(t, func() bool { return w.set.Cut() == 1 }, patience, time.Millisecond)
			w.remove("/cut")
		})
		require.Equal(t, []string{fmt.Sprintf(`/cut {"v":%d}`, i+1), "removed /cut"}, w.told())
	}
	require.Empty(t, w.told())
}

func TestAStreamGoesOnWhenTheNetworkIsBack(t *testing.T) {
	t.Parallel()
	uri, ferret := testhost.Mongo(t)
	uri, set := replica.For(t, uri, ferret)
	member := replica.MemberOf(t, uri)
	if set == nil && member.URI != uri { // nothing can be put in front of it
		set = replica.OnFerret(t)
		member = replica.MemberOf(t, set.URI())
	}
	proxy := testhost.StartFaultProxy(t, member.Address)
	w := watchingAt(t, member.URI, set, func(o *mongo.Options) {
		o.URL, o.Heartbeat = member.Through(proxy.Addr()), 500*time.Millisecond
	})
	t.Cleanup(func() { proxy.Set(testhost.Fine) }) // before the store closes
	for i := range 2 {
		proxy.Set(testhost.Gone)
		w.insert("/a", bson.D{{Key: "v", Value: i}})
		w.remove("/a")
		proxy.Set(testhost.Fine)
		require.Equal(t, []string{fmt.Sprintf(`/a {"v":%d}`, i), "removed /a"}, w.told())
		w.own(put("/own", `{}`))
		proxy.Cut()
		require.Empty(t, w.told())
	}
}

func TestChangesThatTheServerHasForgottenAreMissedAndSaidSo(t *testing.T) {
	w := watchingStandIn(t)
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/a {"v":1}`}, w.told())
	for range 2 {
		w.set.Lose(func() {
			w.insert("/lost", bson.D{{Key: "v", Value: 1}})
			w.own(put("/own", `{}`))
		})
		w.await("missed")
		require.Contains(t, w.log.String(), "what others changed in MongoDB in between was not published")
		w.update("/own", set("data.v", rand.Int32()))
		require.Len(t, w.told(), 1, "that the store has written it last does not matter")
		w.own(put("/own", `{}`))
		w.remove("/lost")
		require.Equal(t, []string{"removed /lost"}, w.told(), "and the next are told")
	}
}

// await waits until this alone has been heard.
func (w *watched) await(what string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.heard) == 0 {
			return false
		}
		require.Equal(w.t, []string{what}, w.heard)
		w.heard = nil
		return true
	}, patience, time.Millisecond, "log:\n%s", w.log)
}

func TestACollectionThatWasDroppedIsWatchedOn(t *testing.T) {
	w := watching(t, nil)
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/a {"v":1}`}, w.told())
	require.NoError(t, w.other.Drop(t.Context()))
	w.await("missed")
	w.own(put("/a", `{}`))
	w.insert("/b", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/b {"v":1}`}, w.told())
	require.Contains(t, w.log.String(), "the collection was dropped or renamed by somebody else")
}

// keepsImages reports whether the server keeps what documents were like.
func (w *watched) keepsImages() bool {
	w.t.Helper()
	if w.set != nil {
		return w.set.Images(w.other.Database().Name() + "." + w.other.Name())
	}
	found, err := w.other.Database().ListCollectionSpecifications(w.t.Context(), bson.D{{Key: "name", Value: w.other.Name()}})
	require.NoError(w.t, err)
	require.Len(w.t, found, 1)
	kept, _ := found[0].Options.Lookup("changeStreamPreAndPostImages", "enabled").BooleanOK()
	return kept
}

func TestARemovalWhosePathNobodyTellsIsMissed(t *testing.T) {
	w := watching(t, nil)
	require.True(t, w.keepsImages(), "the server was asked to")
	require.NoError(t, w.other.Database().RunCommand(t.Context(), bson.D{{Key: "collMod", Value: w.other.Name()},
		{Key: "changeStreamPreAndPostImages", Value: bson.D{{Key: "enabled", Value: false}}}}).Err())
	require.False(t, w.keepsImages())
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/a {"v":1}`}, w.told())
	w.update("/a", set("data.v", 2))
	require.Equal(t, []string{`/a {"v":2}`}, w.told(), "an update is looked up")
	w.remove("/a")
	w.await("missed")
	w.own(put("/b", `{}`))
	w.ownRemoval("/b", "")
	require.Empty(t, w.told(), "its own removals are known without it")
	require.Contains(t, w.log.String(), "does not tell its path")
}

func TestAnUpdateOfWhatHasGoneWhenItIsLookedUpIsNoChangeOfItsOwn(t *testing.T) {
	w := watchingStandIn(t)
	w.set.Blind()
	w.insert("/a", bson.D{{Key: "v", Value: 1}})
	require.Equal(t, []string{`/a {"v":1}`}, w.told())
	w.set.Hold(func() { w.update("/a", set("data.v", 3)); w.remove("/a") })
	w.await("missed")
	require.Empty(t, w.told())
}

func TestChangesSinceTheStoreWasOpenedAreTold(t *testing.T) {
	first := watching(t, nil)
	o := mongo.Options{URL: first.uri, Database: first.other.Database().Name(), Indexes: map[string]mongo.IndexSpec{}, External: true}
	first.insert("/before", bson.D{{Key: "v", Value: 1}})
	store := open(t, o)
	first.insert("/after", bson.D{{Key: "v", Value: 1}})
	second := &watched{t: t, other: first.other, store: store, log: first.log}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); store.Watch(ctx, second.hear) }()
	require.Equal(t, []string{`/after {"v":1}`}, second.told())
	first.told()

	require.NoError(t, write(store, put("/x", `{"v":2}`)).await(t).err)
	require.NoError(t, remove(store, "/x").await(t).err)
	require.Equal(t, []string{`/x {"v":2}`, "removed /x"}, first.told(), "what another store writes is somebody else's")
	require.Empty(t, second.told())
	if first.set != nil {
		require.Equal(t, 2, first.set.Streams())
	}
	cancel()
	<-ended
	require.NoError(t, store.Close())
}

func TestTheStreamTakesNoConnectionFromRequests(t *testing.T) {
	w := watching(t, func(o *mongo.Options) { o.MaxPoolSize = 1 })
	began := time.Now()
	requests := func() {
		for range 10 {
			w.own(put("/a", `{}`))
			require.Equal(t, "{}", data(t, w.store, "/a"))
		}
	}
	if w.set != nil {
		w.set.Hold(requests) // the stream waits a second each time
	} else {
		requests()
	}
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestAStoreThatClosesEndsItsWatch(t *testing.T) {
	w := watching(t, nil)
	o := mongo.Options{URL: w.uri, Database: w.other.Database().Name(), Indexes: map[string]mongo.IndexSpec{}, External: true}
	store := open(t, o)
	ended := make(chan struct{})
	go func() { defer close(ended); store.Watch(context.Background(), w.hear) }()
	if w.set != nil {
		require.Eventually(t, func() bool { return w.set.Streams() == 2 }, patience, time.Millisecond)
	}
	require.NoError(t, store.Close())
	<-ended
}

func TestAMarkComesOnce(t *testing.T) {
	m := &mongo.Marks{}
	random := rand.New(rand.NewPCG(1, 2))
	came := map[uint64]bool{}
	top := uint64(1)
	for range 200_000 {
		n := top - min(top-1, random.Uint64N(5000))
		switch random.IntN(1000) {
		case 0:
			top += random.Uint64N(3 * mongo.MarksKept) // as after a stream that was away
			n = top
		default:
			top += random.Uint64N(4)
		}
		require.Equal(t, !came[n], m.First(n), n)
		came[n] = true
	}
	require.False(t, m.First(1), "one that is very old has come")
}

func FuzzEvent(f *testing.F) {
	for _, e := range []bson.D{
		{{Key: "operationType", Value: "insert"}, {Key: "documentKey", Value: bson.D{{Key: "_id", Value: 1}}},
			{Key: "fullDocument", Value: bson.D{{Key: "_id", Value: 1}, {Key: "path", Value: "/a"}, {Key: "_writer", Value: "x.1"}}}},
		{{Key: "operationType", Value: "update"}, {Key: "updateDescription", Value: bson.D{{Key: "updatedFields", Value: bson.D{{Key: "_writer", Value: "x.1"}}}}}},
		{{Key: "operationType", Value: "delete"}, {Key: "fullDocumentBeforeChange", Value: bson.D{{Key: "path", Value: "/a"}}}},
		{{Key: "operationType", Value: "delete"}, {Key: "fullDocumentBeforeChange", Value: nil}},
		{{Key: "operationType", Value: "invalidate"}},
		{{Key: "operationType", Value: 1}},
	} {
		raw, err := bson.Marshal(e)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		kind, mark, path, err := mongo.ReadEvent(raw)
		if err == nil && kind == "" && mark+path != "" {
			t.Error("an event of no kind says something")
		}
	})
}
