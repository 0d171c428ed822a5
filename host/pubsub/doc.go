// Package pubsub knows who subscribed to what, and delivers publications. The
// tree of subscriptions is read without locks; a publication is written as text
// once for each channel it goes out on, whatever the number of recipients.
//
// Matching follows happn-wire.md, 5.2 and 5.3: segment by segment, `*` for one
// segment, `/**` for up to a number of segments, `*` alone for everything.
//
// A subscription may have criteria. Their compiled form is the publisher's
// affair (see Judge); subscriptions with the same text share it, so that a
// publication is judged once for each different text that it could concern.
//
// It imports host/session, host/protocol and internal/rawjson.
package pubsub
