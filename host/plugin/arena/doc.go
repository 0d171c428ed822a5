// Package arena hands out blocks of a memory that guests write to, keeps account of them
// where guests do not, and tells whether bytes lie in one of them.
//
// It imports nothing but the standard library.
package arena
