package memory_test

import (
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
