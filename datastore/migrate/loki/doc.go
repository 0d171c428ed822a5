// Package loki reads the data files of happn-3's default store: a snapshot, which
// is one line that holds the whole database as a JSON text within JSON, and below
// it a line for each operation since.
//
// Files may be larger than memory. The first look reads the whole file once,
// checks the snapshot's syntax and remembers where the operations on each path
// stand; later ones stream the snapshot and carry out, document by document, what
// was done to its path. What is kept is an entry for each operation and never
// the documents.
//
// What a file means is what happn-3 makes of it when it starts on it. Where
// happn-3 itself loses data (a file that was renamed only half, a line that holds
// U+2028), the data is read here.
//
// It imports datastore, datastore/migrate and internal/rawjson.
package loki
