package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/router"
)

// WrittenAll implements datastore.WrittenAll.
func (a answers) WrittenAll(_ []*datastore.Document, err error) { a <- err }

// able is a store that explains and takes batches, in the simplest way.
type able struct {
	datastore.Store
	batches int
}

func (a *able) WriteAll(_ context.Context, _ []datastore.Write, done datastore.WrittenAll) {
	a.batches++
	done.WrittenAll(nil, nil)
}

func (a *able) Explain(ctx context.Context, q *datastore.Query) ([]byte, error) {
	n, err := a.Count(ctx, q)
	return fmt.Appendf(nil, `{"plan":"walk","documents examined":%d,"documents found":%d}`, n+1, n), err
}

func twoAble(t *testing.T) (s *router.Store, rest, cache *able) {
	rest, cache = &able{Store: embedded(t, memory.DurabilityNone)}, &able{Store: embedded(t, memory.DurabilityNone)}
	return open(t, router.Options{Members: []router.Member{
		{Name: "rest", Store: rest}, {Name: "cache", Store: cache, Patterns: []string{"/cache/*"}},
	}}), rest, cache
}

func TestABatchStaysWithinOneStore(t *testing.T) {
	s, rest, cache := twoAble(t)
	write := func(paths ...string) error {
		var writes []datastore.Write
		for _, path := range paths {
			writes = append(writes, datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte(`{}`)})
		}
		done := make(answers, 1)
		s.WriteAll(background, writes, done)
		return done.next(t)
	}
	require.NoError(t, write("/cache/1", "/cache/2"))
	require.NoError(t, write("/a", "/b"))
	require.Equal(t, [2]int{1, 1}, [2]int{rest.batches, cache.batches})

	err := write("/a", "/b", "/cache/1")
	require.ErrorIs(t, err, router.ErrSpansStores)
	var at *datastore.BatchError
	require.ErrorAs(t, err, &at)
	require.Equal(t, "/cache/1", at.Path)
	require.Equal(t, 2, at.Place)
	require.Equal(t, [2]int{1, 1}, [2]int{rest.batches, cache.batches})

	require.NoError(t, s.Close())
	require.ErrorIs(t, write("/a"), datastore.ErrClosed)
}

func TestAQueryThatSpansStoresIsExplainedStoreByStore(t *testing.T) {
	s, _, _ := twoAble(t)
	for _, path := range []string{"/a", "/b", "/cache/1", "/cache/2", "/cache/3"} {
		put(t, s, path, `{}`)
	}
	explain := func(q datastore.Query) string {
		text, err := s.Explain(background, &q)
		require.NoError(t, err)
		require.True(t, json.Valid(text))
		return string(text)
	}
	require.JSONEq(t, `{"plan":"walk","documents examined":4,"documents found":3}`, explain(datastore.Query{Pattern: []byte("/cache/*")}))
	require.JSONEq(t, `{"plan":"merge of several stores","documents examined":7,"documents found":4,"stores":{
		"rest":{"plan":"walk","documents examined":3,"documents found":2},
		"cache":{"plan":"walk","documents examined":4,"documents found":3}}}`, explain(datastore.Query{Pattern: []byte("*"), Skip: 1}))
}

func TestAnImportGoesToTheStoresOfItsPaths(t *testing.T) {
	rest, cache := embedded(t, memory.DurabilityNone), embedded(t, memory.DurabilityNone)
	s := open(t, router.Options{Members: []router.Member{
		{Name: "rest", Store: rest}, {Name: "cache", Store: cache, Patterns: []string{"/cache/*"}},
	}})
	var docs []*datastore.Document
	for _, path := range []string{"/a", "/cache/1", "/b", "/cache/2"} {
		docs = append(docs, &datastore.Document{Path: path, Data: []byte(`{}`), Created: 1, Modified: 2})
	}
	require.NoError(t, s.Import(background, docs))
	for _, part := range []datastore.Store{rest, cache} {
		n, err := part.Count(background, &datastore.Query{Pattern: []byte("*")})
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}
	got, err := cache.Get(background, []byte("/cache/2"))
	require.NoError(t, err)
	require.Equal(t, docs[3], got)

	s, _, _ = twoAble(t)
	require.ErrorContains(t, s.Import(background, docs), `store "rest"`, "it cannot import")
}
