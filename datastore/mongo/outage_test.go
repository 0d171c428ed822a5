package mongo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/tests/testhost"
)

// atOnce is how long a request may take that does not wait for a server.
const atOnce = 200 * time.Millisecond

func TestWhileTheServerIsAwayRequestsFailFastAndThenWorkGoesOn(t *testing.T) {
	for name, away := range map[string]testhost.Network{"refusing": testhost.Gone, "silent": testhost.Silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, store := behindProxy(t)
			ctx := context.Background()
			require.NoError(t, write(store, put("/a", `{"v":1}`)).await(t).err)
			for range 2 {
				proxy.Set(away)
				began := time.Now()
				answers := []answer{write(store, put("/b", `{"v":2}`))}
				for range 20 { // each is carried out by itself
					answers = append(answers, remove(store, "/many/*"))
				}
				for _, a := range answers {
					require.Error(t, a.await(t).err)
				}
				require.Less(t, time.Since(began), limit+2*grace+time.Second, "the first ones wait, but not for long")

				require.Eventually(t, func() bool { return errors.Is(store.Check(ctx), mongo.ErrAway) }, patience, 10*time.Millisecond)
				require.Eventually(t, func() bool { // when the grace is over
					began = time.Now()
					_, err := store.Get(ctx, []byte("/a"))
					return errors.Is(err, mongo.ErrAway) && time.Since(began) < atOnce
				}, patience, 10*time.Millisecond)
				began = time.Now()
				answers = nil
				for i := range 100 {
					answers = append(answers, write(store, put(fmt.Sprint("/many/", i), `{}`)), remove(store, "/many/*"))
				}
				for _, a := range answers {
					require.ErrorIs(t, a.await(t).err, mongo.ErrAway)
				}
				_, err := store.Count(ctx, &datastore.Query{Pattern: []byte("*")})
				require.ErrorIs(t, err, mongo.ErrAway)
				require.Less(t, time.Since(began), 5*atOnce)

				proxy.Set(testhost.Fine)
				require.Eventually(t, func() bool { return store.Check(ctx) == nil }, patience, 10*time.Millisecond)
				require.JSONEq(t, `{"v":1}`, data(t, store, "/a"))
				require.NoError(t, write(store, put("/a", `{"v":1}`)).await(t).err)
			}
		})
	}
}

// TestAcknowledgedWritesAreThereWhateverTheNetworkDoes has writers write while
// connections are cut, delayed and lost at random.
func TestAcknowledgedWritesAreThereWhateverTheNetworkDoes(t *testing.T) {
	t.Parallel()
	proxy, store := behindProxy(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	seed := rand.Uint64()
	t.Log("seed", seed)
	histories := []*history{{write: sets}, {write: merges}, {write: increments}, {write: inserts}, {write: sets}, {write: increments}}
	var acked atomic.Int64
	all.Go(func() {
		torment(t, proxy, rand.New(rand.NewPCG(seed, 0)), &acked)
		cancel()
	})
	for i, h := range histories {
		h.path, h.all = fmt.Sprint("/h/", i), &acked
		all.Go(func() { h.run(ctx, store) })
	}
	all.Wait()
	proxy.Set(testhost.Fine)
	for _, h := range histories {
		h.verify(t, store)
	}
}

// torment does one thing after the other to the network, while writes go on.
func torment(t *testing.T, proxy *testhost.FaultProxy, random *rand.Rand, acked *atomic.Int64) {
	for round := range 10 {
		switch round % 5 {
		case 0:
			proxy.Cut()
		case 1:
			proxy.Arm(testhost.Fault{Marker: "update", Keep: random.IntN(200)})
		case 2:
			proxy.Arm(testhost.Fault{Marker: "update", Reply: true, Keep: random.IntN(50)})
		case 3:
			proxy.Delay(time.Duration(random.IntN(20)) * time.Millisecond)
		case 4:
			proxy.Set(testhost.Gone)
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // how long it is gone; nothing waits for it
			proxy.Set(testhost.Fine)
		}
		enough := acked.Load() + 10 + random.Int64N(50)
		assert.Eventually(t, func() bool { return acked.Load() >= enough }, patience, time.Millisecond)
	}
	proxy.Delay(0)
}

// history is what one writer did, one write after the other.
type history struct {
	path   string
	write  func(h *history, i int) datastore.Write
	all    *atomic.Int64 // of the acknowledged writes of all writers
	writes int
	acked  []int // which were answered without an error
	open   []int // which may have been made
	err    error // an answer that should not be
}

func sets(h *history, i int) datastore.Write { return put(h.path, fmt.Sprintf(`{"v":%d}`, i)) }
func merges(h *history, i int) datastore.Write {
	return merge(h.path, fmt.Sprintf(`{"k%d":%d}`, i, i))
}
func increments(h *history, _ int) datastore.Write { return increment(h.path) }
func inserts(h *history, i int) datastore.Write {
	return insert(fmt.Sprint(h.path, "/", i), fmt.Sprintf(`{"v":%d}`, i))
}

func (h *history) run(ctx context.Context, store *mongo.Store) {
	for ; ctx.Err() == nil; h.writes++ {
		r := <-write(store, h.write(h, h.writes))
		switch {
		case r.err == nil:
			h.acked = append(h.acked, h.writes)
			h.all.Add(1)
		case errors.Is(r.err, mongo.ErrUncertain):
			h.open = append(h.open, h.writes)
		case !errors.Is(r.err, mongo.ErrAway) && !strings.HasSuffix(r.err.Error(), "try again"):
			h.err = r.err // neither says that the write was not made
		}
	}
}

func (h *history) verify(t *testing.T, store *mongo.Store) {
	t.Helper()
	require.NoError(t, h.err)
	require.NotEmpty(t, h.acked)
	t.Logf("%s: %d writes, %d acknowledged, %d uncertain", h.path, h.writes, len(h.acked), len(h.open))
	last := h.acked[len(h.acked)-1]
	var doc struct {
		V int
		C struct{ Value int }
	}
	members := map[string]any{}
	text := data(t, store, h.path)
	if text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &doc))
		require.NoError(t, json.Unmarshal([]byte(text), &members))
	}
	sample := h.write(h, 0)
	switch {
	case sample.Op == datastore.Increment:
		assert.GreaterOrEqual(t, doc.C.Value, len(h.acked))
		assert.LessOrEqual(t, doc.C.Value, len(h.acked)+len(h.open))
	case sample.Op == datastore.Merge:
		for _, i := range h.acked {
			assert.Contains(t, members, fmt.Sprint("k", i))
		}
	case sample.When == datastore.IfAbsent:
		n, err := store.Count(context.Background(), &datastore.Query{Pattern: []byte(h.path + "/*")})
		require.NoError(t, err)
		assert.GreaterOrEqual(t, n, len(h.acked))
		assert.LessOrEqual(t, n, len(h.acked)+len(h.open))
	default:
		assert.Contains(t, append(h.open, last), doc.V)
		assert.GreaterOrEqual(t, doc.V, last)
	}
}
