// Package transport owns sockets: the HTTP server, websocket connections with
// Primus framing (/primus) and without (/ws), heartbeats, write queues and the
// limits that keep one peer from hurting the others. It knows nothing of
// sessions or requests: a Handler is told of connections, and a Peer is given
// the text of each frame.
//
// Others can speak for connections, too: an Owner is given what arrives on a port
// of its own (Server.ServeStream), on a websocket at an Endpoint, or by HTTP long
// polling (Polls), and nothing more is read while it takes its time. The
// same queues, time limits and counters hold for them.
//
// A connection costs one goroutine and no buffer while it is idle. What is sent
// to it is queued; who queued it flushes it, and only a peer that does not keep
// up gets a goroutine that writes (see outbox).
//
// It imports gorilla/websocket and the standard library.
package transport
