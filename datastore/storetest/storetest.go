package storetest

import (
	"testing"

	"github.com/happn-host/happn-host/datastore"
)

// Run runs the suite. open returns a new, empty store for each test; the suite
// closes it.
func Run(t *testing.T, open func(t *testing.T) datastore.Store) {
	for _, part := range []struct {
		name  string
		tests []test
	}{
		{"writing", writing},
		{"merging", merging},
		{"counting up", countingUp},
		{"conditions", conditions},
		{"tags", tags},
		{"batches", batches},
		{"importing", importing},
		{"reading", reading},
		{"patterns", patterns},
		{"selecting", selecting},
		{"explaining", explaining},
		{"removing", removing},
		{"archiving", archiving},
		{"answering", answering},
		{"closing", closing},
		{"concurrency", concurrency},
		{"history", history},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, test := range part.tests {
				t.Run(test.name, func(t *testing.T) {
					store := open(t)
					t.Cleanup(func() {
						if err := store.Close(); err != nil {
							t.Errorf("closing the store: %v", err)
						}
					})
					test.run(&subject{T: t, store: store})
				})
			}
		})
	}
}

// test is one thing that a store must do.
type test struct {
	name string
	run  func(s *subject)
}
