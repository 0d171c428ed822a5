// Package heapfloor spares a small heap most of its collections. Go collects when the
// heap has doubled, but a host with few documents has a heap of 3 MB, and whoever makes
// it produce garbage, as clients that ask for large answers, has it collect hundreds of
// times a second: all others wait for that. With a floor the collector first comes when
// the heap has so many bytes; above half of it everything is as Go does it by itself.
//
// It imports the standard library only.
package heapfloor
