// Package replica stands in front of a MongoDB server that has no change streams
// and plays a replica set of one member: what passes through it is carried out by
// that server, one command at a time, and becomes events of change streams, in
// the shapes that MongoDB documents. Whoever writes around it is not heard of.
//
// It knows what the driver asks of a change stream on one collection: where to
// begin, the images of documents, and a $project that includes fields. What it is
// told to do besides is what servers do seldom.
//
// It also tells which member of a real server a proxy can be put in front of.
//
// It may import the driver and testhost.
package replica
