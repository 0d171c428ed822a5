// Package activity keeps what each session asked for last, and whether it was
// allowed, where happn-3 keeps it: one document for each session, which a flush
// writes some seconds later. A request costs a note in memory.
//
// It imports datastore (with match), security/durable, internal/rawjson and the
// standard library.
package activity
