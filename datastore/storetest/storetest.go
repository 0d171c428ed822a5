package storetest

import (
	"testing"

	"github.com/happn-host/happn-host/datastore"
)

// Trait is something that a store does differently and may.
type Trait int

// The traits.
const (
	// KeepsValues is for stores that keep what JSON says, not its text: white
	// space, escapes and the spelling of numbers are lost.
	KeepsValues Trait = iota + 1
	// NoDecimals is for stores without numbers beyond doubles and int64.
	NoDecimals
	// NoNestedArrays is for stores without arrays in arrays.
	NoNestedArrays
	// NoRenames is for servers that take a write of {"n":1} over {"m":1} for
	// one that changes nothing, as FerretDB does.
	NoRenames
	// Slow is for stores that search everything for each path: the suite uses
	// fewer documents.
	Slow
)

// Run runs the suite. open returns a new, empty store for each test; the suite
// closes it.
func Run(t *testing.T, open func(t *testing.T) datastore.Store, traits ...Trait) {
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
		{"lookups", lookups},
		{"patterns", patterns},
		{"selecting", selecting},
		{"pipelines", pipelines},
		{"collation", collated},
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
					test.run(&subject{T: t, store: store, traits: traits})
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
