// Package migrate copies the documents of a source into a data store, as they
// are: with their data, times and users, security documents included.
//
// A copy begins with a look at everything, which writes nothing and says what
// would be done and what could not; that look alone is the dry run. Then the
// documents are stored in batches, and a document in the target says how far it
// got, so that the same copy goes on where it was interrupted. A document that is
// in the target already, as it is in the source, is left alone: to copy twice is
// to copy once.
//
// Sources are in the packages below: happn-3's data files in loki/, collections of
// MongoDB in collection/, and backups of a host in snapshot/; FromStore reads any
// store.
//
// It imports datastore, datastore/expr, datastore/memory and internal/rawjson.
package migrate
