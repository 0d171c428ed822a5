// Package memory is the embedded store, the one a host uses when no other is
// configured. Every document is in memory; pebble keeps a durable copy.
//
// Reading by path is one look-up in a sharded hash map. Reading by pattern walks
// an ordered index of paths from the pattern's literal prefix on, a chunk at a
// time, so that it touches no document outside that prefix and holds no lock
// while the caller looks at a document.
//
// Secondary indexes are ordered trees of keys, made when the store opens and
// kept in step by every write before it returns; a small planner chooses one
// for the criteria and sort of a search.
//
// Columns serve searches without an index. Each document has a number, its
// slot, and a column an array of codes by slot, each the beginning of one
// field's value. The store makes columns by itself, of fields that searches ask
// for again and again; a search sifts through the codes and looks only at
// documents that those do not rule out.
//
// A write changes memory first and is then queued; one goroutine commits all
// that is queued as one batch and calls back in the order of writing. The queue
// is filled under the lock that orders writes to a path, so the disk sees them
// in the same order as memory. The queue is bounded in bytes: when the disk
// does not keep up, writers wait.
//
// A commit that fails stops the store for good: memory then holds values that
// the disk refused, and a store that answered from it would promise what it
// cannot keep. Every request fails, with the cause, until the process is
// started again and reads back what is durable.
//
// Lock order: shard.writers, of several shards in their order, then shard.mu,
// index.mu, journal.mu, secondary.mu or slots.mu; none of the last five is held
// while taking another, but for secondary.mu of unique indexes, in their order.
// columns.mu comes before slots.mu, and column.filling is held with neither.
//
// It imports datastore, datastore/effect, datastore/match, internal/rawjson, pebble and tidwall/btree.
package memory
