// Package storetest is the suite that every data store must pass. A store's own
// test is one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) datastore.Store { return openEmptyStore(t) })
//	}
//
// The suite knows the contract in package datastore and nothing else: it works
// for stores that evaluate filters and orders themselves, since those it uses
// have a Source too.
//
// Metamorphic compares several stores, or several settings of one, with each
// other; its searches are of the language in match.
//
// It imports datastore, datastore/match, datastore/aggregate, internal/collation, the standard library and testify.
package storetest
