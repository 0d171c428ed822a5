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
// It imports datastore, the standard library and testify.
package storetest
