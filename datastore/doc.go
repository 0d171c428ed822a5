// Package datastore says what a store of happn documents is: JSON objects on
// paths, read by path or by pattern, written one at a time, with answers that
// wait until a write is durable. The embedded store is in memory/, criteria in
// match/, and the suite that every store passes in storetest/.
//
// It imports the standard library only.
package datastore
