// Package router is a data store made of several. Every path belongs to exactly
// one of them: the patterns of all stores are looked at from the longest to the
// shortest (those of one length in the order in which they were given), the
// first that covers the path names the store, and what none covers belongs to
// the default store. In a pattern each run of '*' stands for any text, also for
// '/', everything else for itself; case counts.
//
// What names one path is passed on to its store. A query by pattern is asked of
// every store that can own a path under it, and of no other; the answers are
// merged into the order that one store would have given, and Skip and Limit
// count in the merged result. A query that only one store can answer costs no
// more than asking that store.
//
// A store may hold documents on paths that now belong to another one, because
// the patterns were changed between two starts. They are neither found, counted
// nor removed, and come back when the patterns are changed back; Strays says how
// many there are, so that an operator can be told. They are counted once, when
// the router is opened: while it is open nobody else may write to its
// stores on paths that are not theirs.
//
// It imports datastore and the standard library.
package router
