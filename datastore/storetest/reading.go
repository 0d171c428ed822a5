package storetest

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

var reading = []test{
	{"what is not there is nil", func(s *subject) {
		require.Nil(s, s.get("/none"))
		s.put("/a/b", `{}`)
		for _, path := range []string{"/a", "/a/", "/a/b/", "/a/bb", "a/b", "/A/b", "/a/*", "*", ""} {
			require.Nil(s, s.get(path), path)
		}
		require.Empty(s, s.paths(matching("/none")))
		require.Empty(s, s.paths(matching("/none/*")))
	}},
	{"a query without '*' is that path", func(s *subject) {
		s.put("/a", `{"n":1}`)
		s.put("/a/b", `{"n":2}`)
		require.Equal(s, []string{"/a"}, s.paths(matching("/a")))
		require.Empty(s, s.paths(datastore.Query{Pattern: []byte("/a"), Filter: atLeast(2)}))
		require.Equal(s, []string{"/a/b"}, s.paths(datastore.Query{Pattern: []byte("/a/b"), Filter: atLeast(2)}))
		require.Equal(s, []string{"/a"}, s.paths(datastore.Query{Pattern: []byte("/a"), Order: byN(1), Limit: 1}))
		require.Empty(s, s.paths(datastore.Query{Pattern: []byte("/a"), Skip: 1}))
		require.Empty(s, s.paths(datastore.Query{Pattern: []byte("/a"), Limit: -1}))
	}},
	{"results come by path, by bytes", func(s *subject) {
		for _, path := range []string{"/b", "/a/2", "/a/10", "/A", "/_x", "/a", "/é", "/z", "/a-", "/a/", "//"} {
			s.put(path, `{}`)
		}
		require.Equal(s, []string{"//", "/A", "/_x", "/a", "/a-", "/a/", "/a/10", "/a/2", "/b", "/z", "/é"}, s.paths(matching("/*")))
	}},
	{"many results come once each, in order", func(s *subject) {
		n := s.severalBatches()
		done := make(outcomes, n)
		want := make([]string, n)
		for i := range n {
			want[i] = fmt.Sprintf("/many/%05d", i)
			w := put(fmt.Sprintf("/many/%05d", (i*7919)%n), `{}`, 1000)
			s.store.Write(context.Background(), &w, done)
		}
		for range n {
			require.NoError(s, done.next(s).err)
		}
		s.put("/mano", `{}`)
		s.put("/manz", `{}`)
		require.Equal(s, want, s.paths(matching("/many/*")))
		require.Len(s, s.paths(matching("*")), n+2)
		require.Len(s, s.paths(matching("/many/*7")), n/10)
	}},
	{"yield ends the walk", func(s *subject) {
		for i := range 10 {
			s.put(fmt.Sprintf("/y/%d", i), fmt.Sprintf(`{"n":%d}`, -i))
		}
		for _, q := range []datastore.Query{
			{Pattern: []byte("/y/*")},
			{Pattern: []byte("/y/*"), Limit: 8},
			{Pattern: []byte("/y/*"), Limit: -1},
			{Pattern: []byte("/y/*"), Order: byN(1)},
			{Pattern: []byte("/y/*"), Order: byN(1), Limit: 8},
		} {
			calls := 0
			require.NoError(s, s.store.Find(context.Background(), &q, func(*datastore.Document) bool {
				calls++
				return calls < 3
			}))
			require.Equal(s, 3, calls)
		}
	}},
	{"yield may use the store", func(s *subject) {
		n := s.many(300)
		for i := range n {
			s.put(fmt.Sprintf("/y/%03d", i), `{}`)
		}
		seen := 0
		q := matching("/y/*")
		require.NoError(s, s.store.Find(context.Background(), &q, func(doc *datastore.Document) bool {
			seen++
			s.put(doc.Path, `{"seen":true}`)
			s.put("/a/"+doc.Path, `{}`)
			require.NotNil(s, s.get(doc.Path))
			if seen%50 == 0 {
				require.Len(s, s.paths(matching("/y/00*")), 10)
			}
			return true
		}))
		require.Equal(s, n, seen)
		require.Len(s, s.paths(matching("/a/*")), n)
	}},
	{"an ended context ends a search", func(s *subject) {
		n := s.severalBatches()
		paths := make([]string, n)
		for i := range paths {
			paths[i] = fmt.Sprintf("/c/%04d", i)
		}
		s.putAll(paths, `{}`)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		seen := 0
		q := matching("/c/*")
		err := s.store.Find(ctx, &q, func(*datastore.Document) bool {
			seen++
			cancel()
			return true
		})
		require.ErrorIs(s, err, context.Canceled)
		require.Positive(s, seen)
		require.Less(s, seen, n)
		_, err = s.store.Count(ctx, &q)
		require.ErrorIs(s, err, context.Canceled)
		q.Order = byN(1)
		require.ErrorIs(s, s.store.Find(ctx, &q, func(*datastore.Document) bool { return true }), context.Canceled)
		require.NoError(s, s.store.Check(context.Background()))
	}},
}

var selecting = []test{
	{"skip and limit apply after the order", func(s *subject) {
		for i, n := range []int{5, 3, 9, 1, 7, 3, 5, 0} {
			s.put(fmt.Sprintf("/s/%d", i), fmt.Sprintf(`{"n":%d}`, n))
		}
		byPath := []string{"/s/0", "/s/1", "/s/2", "/s/3", "/s/4", "/s/5", "/s/6", "/s/7"}
		up := []string{"/s/7", "/s/3", "/s/1", "/s/5", "/s/0", "/s/6", "/s/4", "/s/2"}
		down := []string{"/s/2", "/s/4", "/s/0", "/s/6", "/s/1", "/s/5", "/s/3", "/s/7"}
		for _, order := range []struct {
			order datastore.Order
			all   []string
		}{{nil, byPath}, {byN(1), up}, {byN(-1), down}} {
			for _, skip := range []int{-3, 0, 1, 4, 7, 8, 20, maxInt} {
				for _, limit := range []int{0, 1, 2, 5, 8, 20, maxInt, -1, -3, -8, -20, -maxInt, minInt} {
					q := datastore.Query{Pattern: []byte("/s/*"), Order: order.order, Skip: skip, Limit: limit}
					require.Equal(s, page(order.all, skip, limit), s.paths(q), "order %v, skip %d, limit %d", order.order, skip, limit)
				}
			}
		}
	}},
	{"documents that compare equal come by path", func(s *subject) {
		for i := range 50 {
			s.put(fmt.Sprintf("/t/%02d", (i*17)%50), fmt.Sprintf(`{"n":%d}`, ((i*17)%50)%3))
		}
		var want []string
		for rest := range 3 {
			for i := rest; i < 50; i += 3 {
				want = append(want, fmt.Sprintf("/t/%02d", i))
			}
		}
		require.Equal(s, want, s.paths(datastore.Query{Pattern: []byte("/t/*"), Order: byN(1)}))
		require.Equal(s, want[:20], s.paths(datastore.Query{Pattern: []byte("/t/*"), Order: byN(1), Limit: 20}))
		require.Equal(s, want[10:30], s.paths(datastore.Query{Pattern: []byte("/t/*"), Order: byN(1), Skip: 10, Limit: 20}))
	}},
	{"the filter comes before skip and limit", func(s *subject) {
		for i := range 10 {
			s.put(fmt.Sprintf("/f/%d", i), fmt.Sprintf(`{"n":%d}`, i))
		}
		s.put("/f/x", `{"other":1}`)
		q := datastore.Query{Pattern: []byte("/f/*"), Filter: atLeast(4)}
		all := []string{"/f/4", "/f/5", "/f/6", "/f/7", "/f/8", "/f/9"}
		require.Equal(s, all, s.paths(q))
		q.Skip, q.Limit = 1, 3
		require.Equal(s, all[1:4], s.paths(q))
		q.Limit = -2
		require.Equal(s, all[1:4], s.paths(q))
		q.Order = byN(-1)
		require.Equal(s, []string{"/f/8", "/f/7", "/f/6"}, s.paths(q))
		q.Filter = atLeast(100)
		require.Empty(s, s.paths(q))
	}},
}

const (
	maxInt = int(^uint(0) >> 1)
	minInt = -maxInt - 1
)

// page is skip and limit as the contract says them.
func page(all []string, skip, limit int) []string {
	out := append([]string{}, all[min(max(skip, 0), len(all)):]...)
	switch {
	case limit > 0:
		out = out[:min(limit, len(out))]
	case limit < 0:
		out = out[:max(0, len(out)+max(limit, -len(out)))]
	}
	return out
}
