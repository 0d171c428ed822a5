// Package client talks to happn servers: happn-host, happn-3 and anything else
// that speaks their protocol. A Client stores and reads JSON documents on
// paths and subscribes to their changes, over a websocket or inside the
// process of the host, by the same code.
//
// Every method takes a context and may be called from many goroutines at once;
// requests waiting together leave in one system call. A lost connection is
// dialled again with a jittered backoff and every subscription is taken up
// again with all of its options. A request that was under way at that moment
// fails with ErrDisconnected, and with ErrOutcomeUnknown as well when it may
// have changed something: the client never repeats a write on its own.
//
// Handlers of one subscription run one after the other, in the order of
// arrival, on a goroutine that exists only while there is something to handle.
// Publications wait for their handler in a bounded queue; what arrives while
// the queue is full is dropped and reported, see OnOptions.QueueSize.
//
// It imports the standard library, gorilla/websocket and internal/rawjson.
package client
