package memory_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilitySync, memory.DurabilityAsync, memory.DurabilityNone} {
		t.Run(string(durability), func(t *testing.T) {
			leaksNothing(t)
			storetest.Run(t, func(t *testing.T) datastore.Store {
				store, err := memory.Open(memory.Options{Dir: t.TempDir(), Durability: durability})
				require.NoError(t, err)
				return store
			})
		})
	}
}

// someIndexes is an index on each of the fields of the metamorphic test, and
// some on two of them.
var someIndexes = []datastore.Index{
	index("/users/*", "data.region", "-data.age"),
	index("*", "data.age"),
	index("/users/*", "data.list"),
	index("*", "-created"),
	index("/other/*", "data.age", "data.region"),
}

// index is an index on the paths; a minus is for descending.
func index(pattern string, fields ...string) datastore.Index {
	x := datastore.Index{Paths: []string{pattern}}
	for _, f := range fields {
		name, desc := strings.CutPrefix(f, "-")
		x.Fields = append(x.Fields, datastore.IndexField{Name: name, Descending: desc})
	}
	return x
}

func TestAStoreWithIndexesKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) datastore.Store {
		store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone,
			Indexes: []datastore.Index{index("*", "data.n"), index("/*", "-data.n", "created"), index("*", "modified")}})
		require.NoError(t, err)
		return store
	})
}

func TestAStoreWithColumnsKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) datastore.Store {
		store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone}.WithEagerColumns())
		require.NoError(t, err)
		return store
	})
}

func TestNeitherDurabilityNorIndexesNorColumnsChangeAnAnswer(t *testing.T) {
	stores := make(map[string]datastore.Store)
	for _, durability := range []memory.Durability{memory.DurabilitySync, memory.DurabilityAsync, memory.DurabilityNone} {
		o := memory.Options{Dir: t.TempDir(), Durability: durability}
		stores[string(durability)] = open(t, o)
	}
	o := memory.Options{Dir: t.TempDir(), Indexes: someIndexes}
	stores["with indexes"] = open(t, o)
	o = memory.Options{Dir: t.TempDir()}
	stores["with columns"] = open(t, o.WithEagerColumns())
	storetest.Metamorphic(t, stores)
}

// meddler is a filter that lets documents without "keep" pass, and changes the
// first one it sees behind the back of whoever asks.
type meddler struct {
	t     *testing.T
	store *memory.Store
	once  sync.Once
}

func (m *meddler) Match(doc *datastore.Document) bool {
	m.once.Do(func() { put(m.t, m.store, doc.Path, `{"keep":true}`) })
	return string(doc.Data) != `{"keep":true}`
}

func (m *meddler) Source() []byte { return nil }

func TestADocumentChangedDuringARemovalIsLookedAtAgain(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone})
	put(t, s, "/a", `{}`)
	put(t, s, "/b", `{}`)
	done := make(answers, 1)
	s.Remove(background, &datastore.Query{Pattern: []byte("/*"), Filter: &meddler{t: t, store: s}}, done)
	require.Equal(t, 1, done.next(t).n)
	require.Equal(t, 1, count(t, s, "/a"))
}
