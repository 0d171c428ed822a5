package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// rounds is how often each goroutine of the hammer strikes.
func (s *subject) rounds() int {
	if testing.Short() {
		return s.many(100)
	}
	return s.many(400)
}

var concurrency = []test{
	{"no increment is lost", func(s *subject) {
		const writers = 8
		n := s.rounds()
		done := make(outcomes, writers*n)
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				for range n {
					w := increment("/gauge", "g", 1)
					s.store.Write(context.Background(), &w, done)
				}
			})
		}
		group.Wait()
		seen := make(map[float64]bool)
		for range writers * n {
			got := done.next(s)
			require.NoError(s, got.err)
			var data struct{ G struct{ Value float64 } }
			require.NoError(s, json.Unmarshal(got.doc.Data, &data))
			require.False(s, seen[data.G.Value], "two increments had the same answer")
			seen[data.G.Value] = true
		}
		require.JSONEq(s, fmt.Sprintf(`{"g":{"value":%d}}`, writers*n), string(s.get("/gauge").Data))
	}},
	{"no merge is lost", func(s *subject) {
		var group sync.WaitGroup
		for g := range 8 {
			group.Go(func() {
				for i := range 20 {
					assert.NoError(s, s.write(merge("/merged", fmt.Sprintf(`{"m%d_%d":1}`, g, i), 1)).err)
				}
			})
		}
		group.Wait()
		var data map[string]int
		require.NoError(s, json.Unmarshal(s.get("/merged").Data, &data))
		require.Len(s, data, 160)
	}},
	{"each document is removed once", func(s *subject) {
		n := s.many(500)
		for i := range n {
			s.put(fmt.Sprintf("/d/%d", i), `{}`)
		}
		var mu sync.Mutex
		var group sync.WaitGroup
		total := 0
		for range 4 {
			group.Go(func() {
				removed := s.remove(matching("/d/*"))
				mu.Lock()
				defer mu.Unlock()
				total += removed
			})
		}
		group.Wait()
		require.Equal(s, n, total)
		require.Empty(s, s.paths(matching("*")))
	}},
	{"all operations at once", func(s *subject) {
		var group sync.WaitGroup
		for g := range 6 {
			group.Go(func() { hammer(s, rand.New(rand.NewPCG(uint64(g), 1))) })
		}
		group.Wait()
		for _, doc := range s.find(matching("*")) {
			require.Equal(s, doc, s.get(doc.Path), "the pattern and the path lead to different documents")
		}
	}},
	{"a walk sees what stays, in order, once", func(s *subject) {
		stay := s.many(1000)
		for i := range stay {
			s.put(fmt.Sprintf("/w/%05d/stay", i), `{}`)
		}
		stop := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				path := fmt.Sprintf("/w/%05d/come", i%stay)
				s.put(path, `{}`)
				s.put(fmt.Sprintf("/w/%05d/stay", i%stay), `{"again":true}`)
				s.remove(matching(path))
			}
		})
		for range 20 {
			last, stayed := "", 0
			q := matching("/w/*")
			require.NoError(s, s.store.Find(context.Background(), &q, func(doc *datastore.Document) bool {
				assert.Less(s, last, doc.Path)
				if last = doc.Path; doc.Path[len(doc.Path)-4:] == "stay" {
					stayed++
				}
				return true
			}))
			assert.Equal(s, stay, stayed)
		}
		close(stop)
		group.Wait()
	}},
}

// hammer does a bit of everything on few paths.
func hammer(s *subject, random *rand.Rand) {
	ctx := context.Background()
	done := make(outcomes, 3*s.rounds())
	answers := 0
	write := func(w datastore.Write) {
		s.store.Write(ctx, &w, done)
		answers++
	}
	for i := range s.rounds() {
		path := fmt.Sprintf("/h/%d/%d", random.IntN(5), random.IntN(10))
		write(put(path, fmt.Sprintf(`{"n":%d}`, i), 1))
		switch random.IntN(7) {
		case 0:
			write(merge(path, `{"m":1}`, 2))
		case 1:
			write(increment(path, "g", 1))
		case 2:
			q := matching(path)
			s.store.Remove(ctx, &q, done)
			answers++
		case 3:
			q := datastore.Query{Pattern: []byte(path[:5] + "*"), Filter: atLeast(float64(i))}
			s.store.Remove(ctx, &q, done)
			answers++
		case 4:
			q := datastore.Query{Pattern: []byte("/h/*"), Order: byN(-1), Limit: 5}
			assert.NoError(s, s.store.Find(ctx, &q, func(doc *datastore.Document) bool {
				return assert.True(s, json.Valid(doc.Data))
			}))
		case 5:
			_, err := s.store.Count(ctx, &datastore.Query{Pattern: []byte("/h/*3*")})
			assert.NoError(s, err)
		case 6:
			doc, err := s.store.Get(ctx, []byte(path))
			assert.NoError(s, err)
			assert.True(s, doc == nil || doc.Path == path)
		}
	}
	for range answers {
		assert.NoError(s, done.next(s).err)
	}
}
