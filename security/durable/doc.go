// Package durable writes and removes documents of a store and waits until that
// is as durable as the store makes it.
//
// It imports datastore and the standard library.
package durable
