// Package difftest compares datastore/match with mingo, an independent
// implementation of MongoDB's query language for JavaScript, on random
// documents, criteria, sorts and projections. It has tests only; they need
// node and npm, and keep what they install in the user's cache folder.
package difftest
