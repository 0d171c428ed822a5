// Package directory keeps users, groups, their links, permissions and lookup
// tables, as happn-3 stores them (happn-wire.md, 8.1), so that a database that
// happn-3 has written works.
//
// Everything is in memory: a look-up of an account takes no lock, and a change
// is seen by all who hold the account. Changes are made one at a time; each is
// durable before it takes effect, and a crash between the documents of one
// leaves nobody with rights that were not given: a user's or group's own document
// is written last and removed first, and a new one begins without what an old one
// of that name has left behind.
//
// It imports security, security/permit, security/durable, datastore, datastore/match,
// internal/rawjson and the standard library.
package directory
