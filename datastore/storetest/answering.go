package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// sequence records which write was answered when.
type sequence struct {
	mu   sync.Mutex
	seen []int
	all  chan struct{} // closed at the last answer
	want int
}

func newSequence(want int) *sequence { return &sequence{all: make(chan struct{}), want: want} }

func (q *sequence) add(i int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen = append(q.seen, i); len(q.seen) == q.want {
		close(q.all)
	}
}

// place is the callback of the i-th write.
type place struct {
	sequence *sequence
	i        int
}

// Written implements datastore.Written.
func (p place) Written(*datastore.Document, error) { p.sequence.add(p.i) }

// Removed implements datastore.Removed.
func (p place) Removed(int, error) { p.sequence.add(p.i) }

var answering = []test{
	{"one goroutine is answered in order, also errors and removals", func(s *subject) {
		n := s.many(600)
		seq := newSequence(n)
		ctx := context.Background()
		s.put("/bad", `{"g":5}`)
		for i := range n {
			done := place{seq, i}
			path := fmt.Sprintf("/o/%d", i%20)
			switch i % 6 {
			case 0, 1:
				w := put(path, `{"a":1}`, 1)
				s.store.Write(ctx, &w, done)
			case 2:
				w := merge(path, `{"b":1}`, 1)
				s.store.Write(ctx, &w, done)
			case 3:
				w := increment("/bad", "g", 1)
				s.store.Write(ctx, &w, done)
			case 4:
				q := matching(path)
				s.store.Remove(ctx, &q, done)
			case 5:
				q := matching("/o/1*")
				s.store.Remove(ctx, &q, done)
			}
		}
		select {
		case <-seq.all:
		case <-time.After(patience):
			require.FailNow(s, "not every write was answered")
		}
		for i, got := range seq.seen {
			require.Equal(s, i, got)
		}
	}},
	{"each write is answered with its own document", func(s *subject) {
		done := make(outcomes, 300)
		for i := range 300 {
			w := put("/same", fmt.Sprintf(`{"i":%d}`, i), int64(i))
			s.store.Write(context.Background(), &w, done)
		}
		for i := range 300 {
			got := done.next(s)
			require.NoError(s, got.err)
			require.Equal(s, fmt.Sprintf(`{"i":%d}`, i), string(got.doc.Data))
			require.Equal(s, [2]int64{0, int64(i)}, [2]int64{got.doc.Created, got.doc.Modified})
		}
	}},
}

var closing = []test{
	{"an open store is well", func(s *subject) {
		require.NoError(s, s.store.Check(context.Background()))
	}},
	{"a closed store says so", func(s *subject) {
		s.put("/a", `{}`)
		require.NoError(s, s.store.Close())
		ctx := context.Background()
		q, exact := matching("*"), matching("/a")
		_, err := s.store.Get(ctx, []byte("/a"))
		require.ErrorIs(s, err, datastore.ErrClosed)
		for _, query := range []*datastore.Query{&q, &exact} {
			require.ErrorIs(s, s.store.Find(ctx, query, func(*datastore.Document) bool { return true }), datastore.ErrClosed)
			_, err = s.store.Count(ctx, query)
			require.ErrorIs(s, err, datastore.ErrClosed)
			done := make(outcomes, 1)
			s.store.Remove(ctx, query, done)
			require.ErrorIs(s, done.next(s).err, datastore.ErrClosed)
		}
		got := s.write(put("/a", `{}`, 1))
		require.ErrorIs(s, got.err, datastore.ErrClosed)
		require.Nil(s, got.doc)
		require.ErrorIs(s, s.store.Check(ctx), datastore.ErrClosed)
		require.NoError(s, s.store.Close(), "closing again is allowed")
	}},
	{"everything accepted is answered before Close returns", func(s *subject) {
		n := s.many(500)
		done := make(outcomes, n)
		for i := range n {
			w := put(fmt.Sprintf("/c/%d", i), `{}`, 1)
			s.store.Write(context.Background(), &w, done)
		}
		require.NoError(s, s.store.Close())
		require.Len(s, done, n)
		for range n {
			require.NoError(s, done.next(s).err)
		}
	}},
	{"writers that meet a Close are all answered, in order", func(s *subject) {
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() {
				refused := false
				n := s.many(1000)
				done := make(outcomes, n)
				for i := range n {
					w := put(fmt.Sprintf("/c/%d/%d", g, i), `{}`, 1)
					s.store.Write(context.Background(), &w, done)
				}
				for range n {
					got := done.next(s)
					if got.err != nil {
						require.ErrorIs(s, got.err, datastore.ErrClosed)
						refused = true
					} else {
						require.False(s, refused, "a write was answered after a later one was refused")
					}
				}
			})
		}
		require.NoError(s, s.store.Close())
		group.Wait()
	}},
}
