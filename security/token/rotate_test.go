package token_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/security/token"
)

func maintain(t *testing.T, ring *token.Ring, when token.Rotation) (made bool) {
	t.Helper()
	made, err := ring.Maintain(t.Context(), when)
	require.NoError(t, err)
	return made
}

// stored returns the document of the keys.
func stored(t *testing.T, store datastore.Store) (record struct {
	Secret string
	Keys   []struct{ Secret string }
}) {
	t.Helper()
	doc, err := store.Get(t.Context(), []byte(token.Path))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(doc.Data, &record))
	return record
}

func TestKeysAreReplacedOnTimeAlsoAcrossRestarts(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	when := token.Rotation{Every: 24 * time.Hour, Grace: 48 * time.Hour}
	store := newStore(t)
	ring := open(t, store, token.Options{Now: c.Now})
	first := signed(t, ring, claims(t, `{}`, c.now))
	c.now = c.now.Add(when.Every - time.Second)
	assert.False(t, maintain(t, ring, when), "it is not time")
	c.now = c.now.Add(time.Second)
	ring = open(t, store, token.Options{Now: c.Now}) // after a restart
	assert.True(t, maintain(t, ring, when))
	assert.False(t, maintain(t, ring, when), "once is enough")
	require.Len(t, ring.Keys(), 2)
	assert.Equal(t, c.now.UnixMilli(), ring.Keys()[0].From)
	assert.Equal(t, c.now.Add(when.Grace).UnixMilli(), ring.Keys()[1].Retires)
	_, err := ring.Parse(first)
	require.NoError(t, err, "its key retires later")

	c.now = c.now.Add(when.Grace)
	_, err = ring.Parse(first)
	require.ErrorIs(t, err, token.ErrInvalid)
	require.Len(t, stored(t, store).Keys, 2)
	assert.False(t, maintain(t, ring, token.Rotation{}), "only what has retired goes")
	require.Len(t, stored(t, store).Keys, 1, "a retired key is kept nowhere")
	assert.Equal(t, stored(t, store).Secret, stored(t, store).Keys[0].Secret)
}

func TestKeysThatRetireNeverAreSixteen(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	ring := open(t, newStore(t), token.Options{Now: c.Now})
	old := signed(t, ring, claims(t, `{}`, c.now))
	for range 15 {
		require.NoError(t, ring.Rotate(t.Context(), token.Never))
	}
	c.now = c.now.Add(1e6 * time.Hour)
	_, err := ring.Parse(old)
	require.NoError(t, err)
	require.NoError(t, ring.Rotate(t.Context(), token.Never))
	_, err = ring.Parse(old)
	require.ErrorIs(t, err, token.ErrInvalid)
	require.Len(t, ring.Keys(), 16)
}

func TestAServerHearsOfAKeyBeforeItSigns(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	store := newStore(t)
	o := token.Options{Now: c.Now, Lead: 30 * time.Second}
	one, other := open(t, store, o), open(t, store, o)
	require.NoError(t, one.Rotate(t.Context(), time.Hour))
	before := signed(t, one, claims(t, `{}`, c.now))
	_, err := other.Parse(before)
	require.NoError(t, err, "the old key signs while others may not know the new one")
	assert.Equal(t, []bool{false, true}, []bool{one.Keys()[0].Signs, one.Keys()[1].Signs})

	maintain(t, other, token.Rotation{})
	c.now = c.now.Add(o.Lead)
	after := signed(t, one, claims(t, `{}`, c.now))
	require.NotEqual(t, strings.Split(before, ".")[0], strings.Split(after, ".")[0])
	for _, text := range []string{before, after} {
		_, err = other.Parse(text)
		require.NoError(t, err)
	}

	require.NoError(t, one.Rotate(t.Context(), 0))
	_, err = one.Parse(signed(t, one, claims(t, `{}`, c.now)))
	require.NoError(t, err, "without grace the new key signs at once")
	_, err = one.Parse(after)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestServersWithOneStoreMakeOneKeyInTime(t *testing.T) {
	start := time.UnixMilli(1_795_000_000_000)
	var now atomic.Int64
	now.Store(start.UnixMilli())
	o := token.Options{Now: func() time.Time { return time.UnixMilli(now.Load()) }}
	when := token.Rotation{Every: time.Hour, Grace: token.Never}
	store := newStore(t)
	var rings []*token.Ring
	for range 8 {
		rings = append(rings, open(t, store, o))
	}
	for round := 1; round <= 10; round++ {
		now.Add(time.Hour.Milliseconds())
		var made atomic.Int64
		var all sync.WaitGroup
		for _, r := range rings {
			all.Go(func() {
				if maintained, err := r.Maintain(t.Context(), when); assert.NoError(t, err) && maintained {
					made.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, made.Load(), "round %d", round)
		require.Len(t, stored(t, store).Keys, round+1)
	}
	for _, r := range rings { // those that came second may not have looked since
		maintain(t, r, when)
	}
	for _, r := range rings {
		text := signed(t, r, claims(t, `{}`, start))
		for _, other := range rings {
			_, err := other.Parse(text)
			require.NoError(t, err)
		}
	}
	n, err := store.Count(t.Context(), &datastore.Query{Pattern: []byte(token.Path + "/*")})
	require.NoError(t, err)
	require.Zero(t, n, "nothing is left of how they agreed")
}

func TestServersThatStartTogetherHaveOneKey(t *testing.T) {
	store := newStore(t)
	rings := make([]*token.Ring, 8)
	var all sync.WaitGroup
	for i := range rings {
		all.Go(func() {
			var err error
			rings[i], err = token.Open(t.Context(), store, token.Options{})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	for _, r := range rings {
		require.Equal(t, rings[0].Keys(), r.Keys())
	}
}

// A server that ends in the midst of a change must not keep the others from
// changing keys for ever.
func TestAChangeWhoseServerHasEndedGivesWay(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	store := newStore(t)
	ring := open(t, store, token.Options{Now: c.Now})
	require.NoError(t, durable.Insert(t.Context(), store, token.Path+"/CHANGE/1", []byte("{}"), c.now))
	require.ErrorIs(t, ring.Rotate(t.Context(), time.Hour), token.ErrChanging)
	require.Len(t, ring.Keys(), 1)
	c.now = c.now.Add(time.Minute)
	require.NoError(t, ring.Rotate(t.Context(), time.Hour))
	require.Len(t, ring.Keys(), 2)
	require.NoError(t, ring.Rotate(t.Context(), time.Hour))
}

func TestAConfiguredSecretIsNotRotated(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	ring := open(t, newStore(t), token.Options{Now: c.Now, Secret: strings.Repeat("0123456789abcdef", 3)})
	require.ErrorIs(t, ring.Rotate(t.Context(), time.Hour), token.ErrSecretConfigured)
	c.now = c.now.Add(time.Hour)
	require.False(t, maintain(t, ring, token.Rotation{Every: time.Minute}))
	require.Len(t, ring.Keys(), 1)
}

func TestARememberedTokenEndsWithItsKeyAndItsTime(t *testing.T) {
	c := &clock{now: time.UnixMilli(1_795_000_000_000)}
	ring := open(t, newStore(t), token.Options{Now: c.Now})
	short, long := signed(t, ring, claims(t, `{"ttl":1000}`, c.now)), signed(t, ring, claims(t, `{}`, c.now))
	for range 3 { // the first time it is not remembered yet
		got, err := ring.Parse(long)
		require.NoError(t, err)
		got.Username = "somebody else"
		got, err = ring.Parse(long)
		require.NoError(t, err)
		require.Equal(t, `ann "é"`, got.Username, "callers have copies")
		_, err = ring.Parse(short)
		require.NoError(t, err)
		_, err = ring.Parse(long + "A")
		require.ErrorIs(t, err, token.ErrInvalid)
	}
	c.now = c.now.Add(1001 * time.Millisecond)
	_, err := ring.Parse(short)
	require.ErrorIs(t, err, token.ErrExpired)
	require.NoError(t, ring.Rotate(t.Context(), time.Hour))
	_, err = ring.Parse(long)
	require.NoError(t, err)
	c.now = c.now.Add(time.Hour)
	_, err = ring.Parse(long)
	require.ErrorIs(t, err, token.ErrInvalid, "its key has retired")
}

// More tokens than are remembered are read all the same.
func TestManyTokensAreRead(t *testing.T) {
	ring := open(t, newStore(t), token.Options{})
	var all []string
	for range 5000 {
		all = append(all, signed(t, ring, claims(t, `{}`, time.Now())))
	}
	for range 2 {
		for _, text := range all {
			_, err := ring.Parse(text)
			require.NoError(t, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	ring := open(b, newStore(b), token.Options{})
	text := signed(b, ring, claims(b, `{"ttl":60000}`, time.Now()))
	more := make([]string, 20_000)
	for i := range more {
		more[i] = signed(b, ring, claims(b, `{"ttl":600000}`, time.Now()))
	}
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ring.Parse(text)
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = ring.Parse(more[i%len(more)])
		}
	})
}
