package client

import "context"

// Transport carries the frames of one connection. The websocket is one; a host
// hands in another for clients that live in its own process.
//
// Send may be called from many goroutines at once and from a different one
// than Receive. Close may be called at any time, more than once.
type Transport interface {
	// Send queues or writes one frame, which is JSON text. It does not keep
	// the frame after it returns. It may wait while the other side does not
	// read; ctx bounds that wait. An error means that the connection is of no
	// further use, unless it is the context's own.
	Send(ctx context.Context, frame []byte) error

	// Receive waits for the next frame. The frame belongs to the caller. After
	// Close, or when the other side is gone, it returns an error.
	Receive() ([]byte, error)

	// Close ends the connection, after what was sent has left if the other
	// side is reading, and makes a waiting Receive return.
	Close() error
}

// Dialer opens a Transport; the client calls it once to connect and again for
// every attempt to reconnect.
type Dialer func(ctx context.Context) (Transport, error)
