package activity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security/activity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const at = "/_SYSTEM/_CACHE/cache_session_activity/"

type world struct {
	*activity.Log
	store datastore.Store
	now   time.Time
}

func open(t testing.TB) *world {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	w := &world{store: store, now: time.UnixMilli(1_795_000_000_000)}
	w.Log = activity.New(activity.Options{Store: store, TTL: time.Hour, Now: func() time.Time { return w.now }})
	return w
}

func (w *world) stored(t *testing.T, session string) string {
	t.Helper()
	doc, err := w.store.Get(t.Context(), []byte(at+session))
	require.NoError(t, err)
	if doc == nil {
		return ""
	}
	return string(doc.Data)
}

func TestTheLastRequestIsKeptAsHappn3KeepsIt(t *testing.T) {
	w := open(t)
	s := w.Slot("s1")
	s.Note("get", []byte("/data/0"), true, "", "")
	s.Note("set", []byte("/data/1"), false, "", "")
	assert.Empty(t, w.stored(t, "s1"), "nothing is written before a flush")
	require.NoError(t, w.Flush(t.Context()))
	assert.JSONEq(t, `{"data":{"path":"/data/1","action":"set","id":"s1","error":"","authorized":false},"key":"s1","ttl":3600000,"noclone":false}`,
		w.stored(t, "s1"))
	s.Note("on", []byte(`/é"`), false, "unauthorized", "")
	all, err := w.List(t.Context(), "s1", 0, 0)
	require.NoError(t, err)
	assert.Equal(t, []activity.Entry{{Session: "s1", Time: w.now.UnixMilli(), Action: "on", Path: `/é"`, Reason: "unauthorized"}}, all)
}

func TestActivityIsListedByPages(t *testing.T) {
	w := open(t)
	for i := range 10 {
		w.Slot(fmt.Sprintf("s%d", i)).Note("get", []byte("/a"), true, "", "")
	}
	all, err := w.List(t.Context(), "", 8, 5)
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, "s8", all[0].Session)
	for _, none := range []string{"s*", "*", "nobody"} {
		all, err = w.List(t.Context(), none, 0, 0)
		require.NoError(t, err)
		assert.Empty(t, all, none)
	}
}

func TestOldActivityGoes(t *testing.T) {
	w := open(t)
	w.Slot("old").Note("get", []byte("/a"), true, "", "")
	require.NoError(t, w.Flush(t.Context()))
	w.now = w.now.Add(time.Hour + time.Millisecond)
	w.Slot("new").Note("get", []byte("/a"), true, "", "")
	all, err := w.List(t.Context(), "", 0, 0)
	require.NoError(t, err)
	require.Len(t, all, 1, "what is too old is not shown")
	require.NotEmpty(t, w.stored(t, "old"))
	require.NoError(t, w.Clean(t.Context()))
	assert.Empty(t, w.stored(t, "old"))
	assert.NotEmpty(t, w.stored(t, "new"))
}

func TestNothingIsKeptOfAForgottenSession(t *testing.T) {
	w := open(t)
	s := w.Slot("s1")
	s.Note("get", []byte("/a"), true, "", "")
	require.NoError(t, w.Flush(t.Context()))
	w.Log.Note("s1", "get", []byte("/@HTTP/a"), true, "") // over HTTP, with the token of the session
	w.Forget(s)
	s.Note("get", []byte("/late"), true, "", "")
	require.NoError(t, w.Flush(t.Context()))
	assert.Empty(t, w.stored(t, "s1"))
}

func TestRequestsOverHTTPAreThoseOfTheSession(t *testing.T) {
	w := open(t)
	s := w.Slot("s1")
	w.Log.Note("s1", "post", []byte("/@HTTP/a"), true, "")
	w.now = w.now.Add(time.Millisecond)
	s.Note("get", []byte("/b"), true, "", "")
	w.now = w.now.Add(time.Millisecond)
	w.Log.Note("s1", "put", []byte("/@HTTP/c"), true, "")
	require.NoError(t, w.Flush(t.Context()))
	assert.Contains(t, w.stored(t, "s1"), "/@HTTP/c")
}

func TestWithoutALogNothingIsNoted(t *testing.T) {
	var none *activity.Log
	none.Slot("s1").Note("get", []byte("/a"), true, "", "")
	none.Note("s1", "get", []byte("/a"), true, "")
	none.Forget(nil)
	require.NoError(t, none.Close())
	w := open(t)
	for _, bad := range []string{"", "*", strings.Repeat("x", 1000)} {
		w.Slot(bad).Note("get", []byte("/a"), true, "", "")
		w.Log.Note(bad, "get", []byte("/a"), true, "")
	}
	all, err := w.List(t.Context(), "", 0, 0)
	require.NoError(t, err)
	assert.Empty(t, all)
}

func TestNotesOfManySessionsAtOnce(t *testing.T) {
	w := open(t)
	var all sync.WaitGroup
	for i := range 8 {
		s := w.Slot(fmt.Sprint("s", i))
		all.Go(func() {
			for n := range 1000 {
				s.Note("get", fmt.Appendf(nil, "/a/%d", n), true, "", "")
				if n%100 == 0 {
					assert.NoError(t, w.Flush(t.Context()))
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, w.Close())
	for i := range 8 {
		assert.Contains(t, w.stored(t, fmt.Sprint("s", i)), `"/a/999"`)
	}
}

// broken is a store that cannot write.
type broken struct{ datastore.Store }

func (broken) Write(_ context.Context, _ *datastore.Write, done datastore.Written) {
	done.Written(nil, errors.New("the disk is full"))
}

func TestAStoreThatFailsIsTold(t *testing.T) {
	w := open(t)
	l := activity.New(activity.Options{Store: broken{w.store}})
	l.Slot("s1").Note("get", []byte("/a"), true, "", "")
	require.ErrorContains(t, l.Flush(t.Context()), "the disk is full")
	require.NoError(t, l.Flush(t.Context()), "it is not tried again: the next request is noted")
}

func TestARunEnds(t *testing.T) {
	w := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	cancel()
	<-done
}

func BenchmarkNote(b *testing.B) {
	w := open(b)
	s, path := w.Slot("s1"), []byte("/some/path/of/a/device/1")
	b.ReportAllocs()
	for b.Loop() {
		s.Note("get", path, true, "", "")
	}
}
