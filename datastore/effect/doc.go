// Package effect says what a write makes of a document, for stores that carry
// writes out themselves.
//
// It imports datastore and internal/rawjson.
package effect
