// Package pipeline carries out requests: frame, inbound layers, action,
// outbound layers, answer and publications. One Peer stands for one
// connection; its requests are handled in the order in which they arrive, by
// the goroutine that reads them.
//
// What a request needs while it is handled (decoder, buffers, the batch of
// peers to flush) is borrowed for a burst of frames and given back when the
// connection goes idle. A write that waits for the store is an op in the
// peer's lane: writes are answered and published in the order in which they
// were asked for, while the connection's next requests go on. A bulk write is one
// op, and publishes each of its documents.
//
// Searches have a context that ends when the peer is Gone, and that watches the
// peer of a long search, since nobody reads from its connection meanwhile. Criteria of
// subscriptions are compiled here; package pubsub keeps them, and asks the op
// that is published, once for each different text.
//
// On a host with access control, Access decides about every request behind the
// inbound layers, and about each document of a search and each publication to
// a subscriber where the answer may differ. Without it the host still keeps
// what is its own, under /_SYSTEM, from its clients.
//
// An Agent acts within the host under rights of its own: what a plugin does goes
// through one. It reads from the store at once, with no layers. Its writes go the
// way of all requests, but are answered by the store itself, and all that
// comes behind that answer is left to the goroutines that finish writes. So it may
// write from inside of a layer's call, also of one that publishes, and whoever
// waits for the store waits for nobody who might wait for it. Layers are given
// the context of its calls, in which a chain of them can be seen.
//
// A RecordPeer is a connection whose protocol somebody else speaks: requests come
// as records, and whatever its session is sent, by whomever, is read back from
// the frame of a happn_4 client in one place, without a change to its data.
//
// With a Payload, clients of happn-3 before 12 encrypt: requests are decrypted
// before anything else looks at them, and the batch encrypts what their sessions
// are sent, whoever sends it.
//
// It imports security/payload, host/protocol, host/session, host/pubsub, datastore (with match and
// aggregate), internal/rawjson and abi.
package pipeline
