// Ferret is the MongoDB server of the tests where there is no other: FerretDB
// with SQLite in the folder -dir. It prints its URI when it listens, and ends
// when its standard input does. It is a module of its own, so that its many
// dependencies are not the host's.
//
// It serves one connection well: with more, its updates of one document are not
// atomic, so clients set maxPoolSize=1.
package main
