// Package codec turns happn documents into those of a happn collection in
// MongoDB, and back. The layout is that of happn-3 with its MongoDB provider:
// path, data, created, modified and modifiedBy, and _id, which belongs to the
// server. A tag, which happn-3 does not store there, is in _tag.
//
// What JSON says is kept as values, not as text. Numbers become the smallest of
// int32, int64, double and decimal that holds them to the last digit, so that
// whole numbers stay whole, and what happn-3 reads is what was written. Numbers
// that even a decimal cannot hold, and names that MongoDB cannot address (empty
// ones, and those with a dot, a leading dollar or a zero byte), are written in
// an escaped form that starts with a fullwidth percent sign; see EscapeName.
//
// It imports datastore, internal/rawjson and the BSON packages of the driver.
package codec
