// Package mongo keeps happn documents in a collection of MongoDB, in the layout
// of happn-3 and its MongoDB provider (see codec), so that either can go on
// with what the other wrote.
//
// A write is queued, and one goroutine carries out what waits, a batch at a
// time: puts on different paths as one bulk, of several puts on one path only
// the last, and everything else by itself, a few at a time. A merge and an
// increment are one update on the server; several that wait for one path are
// applied together, and stored only if the document is still the one that they
// were applied to. Answers come in the order of the queue. The queue is bounded
// in bytes: when the server does not keep up, writers wait.
//
// An import goes around the queue, after what is queued: documents that are new
// are inserted, the others replaced, a bulk at a time.
//
// A read waits for the queued writes that it must see: those at its path, or
// all that are queued when it goes by pattern.
//
// A pattern becomes a range of paths, with a regular expression behind it where
// the range says too little. Criteria that the server surely understands as we
// do are evaluated there; the rest is matched here, on what the server finds by
// the other part. Of texts that a collation compares the server is asked for all
// that can be equal to the wanted one, by a regular expression. Of the data only the members that somebody looks at are sent,
// if that is known.
//
// Group has the server make groups where they are surely those that the host would
// make; with Options.ServerDecides it runs whole pipelines, and searches that have a
// collation are sent with it, and its results count. What a server refuses is left to the host, and said once in the log.
//
// Nothing is cached: what others write to the collection is seen at once. With
// Options.External it is told, too: Watch follows the change stream of the
// collection, and leaves out what the store wrote itself. That it knows by a mark
// that every write of its own sets in the document, each with a number of its own,
// and of removals by the _id, for which it looks before it removes.
//
// It imports datastore, datastore/effect, internal/rawjson and the driver.
package mongo
