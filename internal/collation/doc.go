// Package collation compares texts by the rules of a language, as MongoDB's
// collation documents ask for: {locale, strength, caseLevel, numericOrdering,
// alternate, backwards, normalization}, and tells a server that has other rules
// which texts it should show for comparison.
//
// It imports golang.org/x/text and the standard library.
package collation
