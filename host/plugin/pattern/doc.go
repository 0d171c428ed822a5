// Package pattern matches texts with those in which "*" stands for any text: the
// paths of hooks, routes below a path, names of users. It also tells whether two
// patterns stand for a text in common.
//
// It imports nothing but the standard library.
package pattern
