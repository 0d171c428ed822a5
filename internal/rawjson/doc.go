// Package rawjson works on JSON as text: it validates a value once, where it
// enters the process, and afterwards finds members in it without decoding what
// nobody asked for.
//
// Scanner is for input from outside. Everything else takes text that a Scanner
// has accepted; on other text it returns nonsense, but stays within the slice.
//
// It imports the standard library only.
package rawjson
