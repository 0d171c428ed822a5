// Package match compiles what a client asks for in a search (criteria, sort,
// fields, and the options object that carries them) and applies it to raw JSON
// documents, for every store that has no query engine of its own.
//
// The language is MongoDB's, with MongoDB's meaning, plus the operators of
// LokiJS that happn-3 users know. Everything is compiled once; matching then
// walks the text of a document, looks only at the members that are named, and
// allocates nothing for the common operators. Numbers are compared as the
// decimals they are written as, never as floats.
//
// What a client sends is bounded in size and nesting, regular expressions run
// in linear time, and no criterion visits a part of a document more than a
// fixed number of times for each of its conditions.
//
// It imports datastore, datastore/expr, internal/collation, internal/rawjson and
// the standard library.
package match
