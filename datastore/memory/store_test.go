package memory_test

import (
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
