package mongo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
	"github.com/happn-host/happn-host/tests/testhost"
	"github.com/happn-host/happn-host/tests/testhost/replica"
)

// Times of a store whose server goes and comes.
const (
	grace    = 700 * time.Millisecond // that requests wait for a server
	limit    = 2 * time.Second        // of one request to the server
	patience = 20 * time.Second       // bounds every wait; used up only by a failure
)

// behindProxy opens a store on a collection of its own through a proxy, behind
// which is one member of the server.
func behindProxy(t *testing.T) (*testhost.FaultProxy, *mongo.Store) {
	t.Helper()
	uri, _ := testhost.Mongo(t)
	member := replica.MemberOf(t, uri)
	_, o := collectionAt(t, member.URI)
	proxy := testhost.StartFaultProxy(t, member.Address)
	o.URL = member.Through(proxy.Addr())
	o.Timeout, o.Selection, o.Connect, o.Heartbeat = limit, grace, grace, 500*time.Millisecond
	store := open(t, o)
	t.Cleanup(func() {
		proxy.Set(testhost.Fine)
		require.NoError(t, store.Close())
	})
	return proxy, store
}

func TestOfSeveralMembersTheProxyStandsInFrontOfThePrimary(t *testing.T) {
	server := mongotest.Start(t, mongotest.Options{ReplicaSet: true})
	uri := "mongodb://127.0.0.1:1," + server.Addr() + "/x?replicaSet=rs0"
	require.Equal(t, replica.Member{URI: uri, Address: server.Addr()}, replica.MemberOf(t, uri))
}

// result is the answer to a write or removal.
type result struct {
	doc *datastore.Document
	n   int
	err error
}

type answer chan result

func (a answer) Written(doc *datastore.Document, err error) { a <- result{doc: doc, err: err} }
func (a answer) Removed(n int, err error)                   { a <- result{n: n, err: err} }

// await fails the test if no answer comes.
func (a answer) await(t testing.TB) result {
	t.Helper()
	select {
	case r := <-a:
		return r
	case <-time.After(patience):
		require.Fail(t, "no answer")
		return result{}
	}
}

func put(path, data string) datastore.Write {
	return datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte(data), Now: time.Now().UnixMilli()}
}

func merge(path, data string) datastore.Write {
	w := put(path, data)
	w.Op = datastore.Merge
	return w
}

func insert(path, data string) datastore.Write {
	w := put(path, data)
	w.When = datastore.IfAbsent
	return w
}

func increment(path string) datastore.Write {
	w := put(path, "")
	w.Op, w.Data, w.Gauge, w.By = datastore.Increment, nil, "c", 1
	return w
}

func write(store *mongo.Store, w datastore.Write) answer {
	a := make(answer, 1)
	store.Write(context.Background(), &w, a)
	return a
}

func remove(store *mongo.Store, pattern string) answer {
	a := make(answer, 1)
	store.Remove(context.Background(), &datastore.Query{Pattern: []byte(pattern)}, a)
	return a
}

// together makes writes that become one batch, because they come while another
// is on its way.
func together(writes ...datastore.Write) func(*testhost.FaultProxy, *mongo.Store) []answer {
	return func(p *testhost.FaultProxy, s *mongo.Store) []answer {
		p.Delay(50 * time.Millisecond)
		defer p.Delay(0)
		write(s, put("/first", `{}`))
		var answers []answer
		for _, w := range writes {
			answers = append(answers, write(s, w))
		}
		return answers
	}
}

// data returns what is stored, "" for nothing. It tries until it gets an answer.
func data(t testing.TB, store *mongo.Store, path string) (text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		doc, err := store.Get(context.Background(), []byte(path))
		if err == nil && doc != nil {
			text = string(doc.Data)
		}
		return err == nil
	}, patience, 10*time.Millisecond)
	return text
}

func TestAWriteWhoseConnectionBreaksIsMadeOnceOrSaysThatItMayHaveBeen(t *testing.T) {
	one := func(w datastore.Write) func(*testhost.FaultProxy, *mongo.Store) []answer {
		return func(_ *testhost.FaultProxy, s *mongo.Store) []answer { return []answer{write(s, w)} }
	}
	for name, c := range map[string]struct {
		marker string // of the command that is hit
		do     func(*testhost.FaultProxy, *mongo.Store) []answer
		before []datastore.Write
		path   string
		undone string // what is stored if it was not made
		done   string
		open   bool // the answer may be that it is not known
	}{
		"set":     {marker: "findAndModify", do: one(put("/a", `{"v":2}`)), before: []datastore.Write{put("/a", `{"v":1}`)}, path: "/a", undone: `{"v":1}`, done: `{"v":2}`},
		"new set": {marker: "findAndModify", do: one(put("/a", `{"v":2}`)), path: "/a", done: `{"v":2}`},
		"merge":   {marker: "findAndModify", do: one(merge("/a", `{"w":2}`)), before: []datastore.Write{put("/a", `{"v":1}`)}, path: "/a", undone: `{"v":1}`, done: `{"v":1,"w":2}`},
		"insert":  {marker: "findAndModify", do: one(insert("/a", `{"v":1}`)), path: "/a", done: `{"v":1}`},
		"increment": {marker: "findAndModify", do: one(increment("/a")), before: []datastore.Write{put("/a", `{"c":{"value":1}}`)}, path: "/a",
			undone: `{"c":{"value":1}}`, done: `{"c":{"value":2}}`, open: true},
		"increments at once": {marker: "\x02update\x00", do: together(increment("/a"), increment("/a"), increment("/a")),
			before: []datastore.Write{put("/a", `{"c":{"value":1}}`)}, path: "/a", undone: `{"c":{"value":1}}`, done: `{"c":{"value":4}}`},
		"sets at once": {marker: "\x02update\x00", do: together(put("/a", `{"v":1}`), put("/b", `{}`), put("/c", `{}`)), path: "/a", done: `{"v":1}`},
		"remove": {marker: "\x02delete\x00", do: func(_ *testhost.FaultProxy, s *mongo.Store) []answer { return []answer{remove(s, "/a")} },
			before: []datastore.Write{put("/a", `{"v":1}`)}, path: "/a", undone: `{"v":1}`, open: true},
	} {
		for kind, fault := range map[string]testhost.Fault{
			"the request is cut":       {Keep: 30},
			"the request is lost":      {},
			"the reply is cut":         {Reply: true, Keep: 20},
			"the reply is lost":        {Reply: true},
			"the request meets nobody": {Silent: true, Keep: 30},
			"the reply meets nobody":   {Reply: true, Silent: true, Keep: 20},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				proxy, store := behindProxy(t)
				for _, w := range c.before {
					require.NoError(t, write(store, w).await(t).err)
				}
				fault.Marker = c.marker
				proxy.Arm(fault)
				for _, a := range c.do(proxy, store) {
					err := a.await(t).err
					stored := data(t, store, c.path)
					switch {
					case err == nil:
						require.Equal(t, c.done, stored)
					case !c.open && !fault.Silent && !errors.Is(err, mongo.ErrAway): // a busy machine may not connect again in time
						require.NoError(t, err, "it is settled by sending it again")
					default:
						require.ErrorIs(t, err, mongo.ErrUncertain)
						require.Contains(t, []string{c.undone, c.done}, stored)
					}
				}
				require.Zero(t, proxy.Pending(), "the fault has happened")
				require.NoError(t, write(store, put("/b", `{}`)).await(t).err, "work goes on")
			})
		}
	}
}
