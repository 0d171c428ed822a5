package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// when is the write under a condition.
func when(c datastore.Condition, w datastore.Write) datastore.Write {
	w.When = c
	return w
}

var conditions = []test{
	{"an insert needs an absent document", func(s *subject) {
		s.must(when(datastore.IfAbsent, put("/a", `{"v":1}`, 1000)))
		for _, w := range []datastore.Write{
			put("/a", `{"v":2}`, 2000), merge("/a", `{"v":2}`, 2000), increment("/a", "g", 1),
		} {
			got := s.write(when(datastore.IfAbsent, w))
			require.ErrorIs(s, got.err, datastore.ErrExists)
			require.Nil(s, got.doc)
		}
		require.Equal(s, &datastore.Document{Path: "/a", Data: []byte(`{"v":1}`), Created: 1000, Modified: 1000}, s.get("/a"))
		s.remove(matching("/a"))
		s.must(when(datastore.IfAbsent, merge("/a", `{"v":3}`, 3000)))
	}},
	{"an update needs a document", func(s *subject) {
		for _, w := range []datastore.Write{
			put("/a", `{"v":2}`, 2000), merge("/a", `{"v":2}`, 2000), increment("/a", "g", 1),
		} {
			got := s.write(when(datastore.IfPresent, w))
			require.ErrorIs(s, got.err, datastore.ErrMissing)
			require.Nil(s, got.doc)
		}
		require.Nil(s, s.get("/a"))
		s.put("/a", `{"v":1}`)
		require.Equal(s, `{"v":2}`, string(s.must(when(datastore.IfPresent, put("/a", `{"v":2}`, 2000))).Data))
	}},
	{"an unknown condition is an error and changes nothing", func(s *subject) {
		require.Error(s, s.write(when(77, put("/a", `{}`, 1))).err)
		require.Nil(s, s.get("/a"))
	}},
	{"of many inserts one succeeds", func(s *subject) {
		var group sync.WaitGroup
		var inserted atomic.Int64
		for range 8 {
			group.Go(func() {
				for i := range 50 {
					got := s.write(when(datastore.IfAbsent, put(fmt.Sprintf("/once/%d", i), `{}`, 1)))
					if got.err == nil {
						inserted.Add(1)
					} else {
						assert.ErrorIs(s, got.err, datastore.ErrExists)
					}
				}
			})
		}
		group.Wait()
		require.EqualValues(s, 50, inserted.Load())
	}},
}

var tags = []test{
	{"a tag is kept until another one is given", func(s *subject) {
		w := put("/t", `{"v":1}`, 1000)
		w.Tag, w.User = "first", "bob"
		want := &datastore.Document{Path: "/t", Data: []byte(`{"v":1}`), Created: 1000, Modified: 1000, ModifiedBy: "bob", Tag: "first"}
		require.Equal(s, want, s.must(w))
		require.Equal(s, want, s.get("/t"))
		require.Equal(s, want, s.find(matching("/*"))[0])
		require.Equal(s, "first", s.must(put("/t", `{"v":2}`, 2000)).Tag)
		require.Equal(s, "first", s.must(merge("/t", `{"w":2}`, 3000)).Tag)
		require.Equal(s, "first", s.must(increment("/t", "g", 1)).Tag)
		w = merge("/t", `{}`, 4000)
		w.Tag = "second"
		require.Equal(s, "second", s.must(w).Tag)
		s.remove(matching("/t"))
		require.Empty(s, s.put("/t", `{}`).Tag)
	}},
}

// batchOutcomes receives answers of batches.
type batchOutcomes chan batchOutcome

type batchOutcome struct {
	docs []*datastore.Document
	err  error
}

// WrittenAll implements datastore.WrittenAll.
func (o batchOutcomes) WrittenAll(docs []*datastore.Document, err error) {
	o <- batchOutcome{docs: docs, err: err}
}

// batcher returns the store's Batcher, or skips the test.
func (s *subject) batcher() datastore.Batcher {
	b, ok := s.store.(datastore.Batcher)
	if !ok {
		s.Skip("the store has no batches")
	}
	return b
}

// writeAll carries out a batch and waits for the answer.
func (s *subject) writeAll(writes ...datastore.Write) batchOutcome {
	s.Helper()
	done := make(batchOutcomes, 1)
	s.batcher().WriteAll(context.Background(), writes, done)
	select {
	case got := <-done:
		return got
	case <-time.After(patience):
		require.FailNow(s, "the store did not call back")
		return batchOutcome{}
	}
}

var batches = []test{
	{"all writes of a batch are carried out in their order", func(s *subject) {
		s.put("/b/1", `{"v":0}`)
		got := s.writeAll(put("/b/1", `{"v":1}`, 2000), merge("/b/1", `{"w":2}`, 3000), put("/b/2", `{}`, 2000), increment("/b/3", "g", 2))
		require.NoError(s, got.err)
		require.Len(s, got.docs, 4)
		require.Equal(s, `{"v":1}`, string(got.docs[0].Data))
		require.Equal(s, &datastore.Document{Path: "/b/1", Data: []byte(`{"v":1,"w":2}`), Created: 1000, Modified: 3000}, got.docs[1])
		require.Equal(s, got.docs[1], s.get("/b/1"))
		require.Equal(s, got.docs[2], s.get("/b/2"))
		require.Equal(s, got.docs[3], s.get("/b/3"))
		require.Equal(s, []string{"/b/1", "/b/2", "/b/3"}, s.paths(matching("/b/*")))
	}},
	{"nothing of a batch is carried out if one write fails", func(s *subject) {
		s.put("/b/2", `{"g":"text"}`)
		for _, bad := range []struct {
			write datastore.Write
			err   error
		}{
			{when(datastore.IfAbsent, put("/b/2", `{}`, 1)), datastore.ErrExists},
			{when(datastore.IfAbsent, put("/b/1", `{}`, 1)), datastore.ErrExists}, // put by the one before it
			{when(datastore.IfPresent, put("/b/4", `{}`, 1)), datastore.ErrMissing},
			{increment("/b/2", "g", 1), datastore.ErrNotANumber},
		} {
			got := s.writeAll(put("/b/1", `{}`, 1), bad.write, put("/b/3", `{}`, 1))
			require.ErrorIs(s, got.err, bad.err)
			var where *datastore.BatchError
			require.ErrorAs(s, got.err, &where)
			require.Equal(s, 1, where.Place)
			require.Equal(s, string(bad.write.Path), where.Path)
			require.Nil(s, got.docs)
			require.Equal(s, []string{"/b/2"}, s.paths(matching("*")))
		}
	}},
	{"an empty batch is answered", func(s *subject) {
		got := s.writeAll()
		require.NoError(s, got.err)
		require.Empty(s, got.docs)
	}},
	{"the slices of a batch are borrowed", func(s *subject) {
		w := put("/borrowed", `{"a":1}`, 1)
		require.NoError(s, s.writeAll(w).err)
		clear(w.Path)
		clear(w.Data)
		require.Equal(s, `{"a":1}`, string(s.get("/borrowed").Data))
	}},
	{"batches on the same paths do not wait for each other for ever", func(s *subject) {
		s.batcher()
		var group sync.WaitGroup
		for g := range 6 {
			group.Go(func() {
				for range 50 {
					var writes []datastore.Write
					for i := range 20 {
						writes = append(writes, increment(fmt.Sprintf("/b/%d", (i*(g+1))%20), "g", 1))
					}
					assert.NoError(s, s.writeAll(writes...).err)
				}
			})
		}
		group.Wait()
		require.Len(s, s.paths(matching("/b/*")), 20)
	}},
	{"a closed store refuses batches", func(s *subject) {
		s.batcher()
		require.NoError(s, s.store.Close())
		require.ErrorIs(s, s.writeAll(put("/a", `{}`, 1)).err, datastore.ErrClosed)
	}},
}
