// Package collation compares texts by the rules of a language, as MongoDB's
// collation documents ask for: {locale, strength, caseLevel, numericOrdering,
// alternate, backwards, normalization}.
//
// It imports golang.org/x/text and the standard library.
package collation
