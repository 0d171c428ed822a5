// Package collection reads a happn collection of MongoDB, whether happn-3 wrote
// it or a host. It writes nothing there.
//
// Documents are streamed by path. What stands in the collection and is no
// document of happn, or a second one with the same path, is an item with a fault,
// which names its _id.
//
// It imports datastore, datastore/migrate and datastore/mongo.
package collection
