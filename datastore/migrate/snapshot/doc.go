// Package snapshot reads what happn-host backup writes: the documents of one store
// at one moment.
//
// The first look reads the whole file and checks its sum, so that nothing of a
// damaged one is copied.
//
// It imports datastore, datastore/memory and datastore/migrate.
package snapshot
