package plugin

import (
	"context"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// Network is what connections of protocol plugins need of the host. Its methods
// are called from any goroutine.
type Network interface {
	// Listen takes the address of an endpoint with TCP. Nothing is accepted
	// before Listener.Serve.
	Listen(e *hook.Endpoint) (Listener, error)
	// OpenSession registers a new connection as a session of the host, whose id it
	// returns.
	OpenSession(link pipeline.RecordLink, plugin string, from Arrival) (session ConnSession, id string)
}

// Listener has an address.
type Listener interface {
	// Serve accepts connections from now on, and hands each to accept. It returns
	// at once.
	Serve(accept Accept)
	// Addr is the address in use, with the port that was found for port 0.
	Addr() string
	// Close accepts nothing more. Connections go on.
	Close()
}

// Accept opens the plugin's side of a connection. After an error the connection
// is to be closed with that reason.
type Accept func(w Wire, from Arrival) (*Connection, error)

// Arrival says where a connection came from.
type Arrival struct {
	IP          string
	Port        int
	TLS         bool
	URL         string // of websockets and HTTP, "" for others
	Subprotocol string // that was chosen, "" for none
}

// Wire is the socket of a connection, or what stands for one. Its methods never
// wait, and may be called from any goroutine.
type Wire interface {
	// Send queues bytes: a whole message where the wire has messages, of text if
	// text is set. They are borrowed. Who does not read is closed.
	Send(b []byte, text bool)
	// Flush lets out what is queued.
	Flush()
	// QueuedBytes is how much waits to be written.
	QueuedBytes() int
	// Close ends the connection after what is queued. The reason is for people.
	Close(reason string)
	// Gone looks whether the peer has left, without reading what it has sent.
	Gone() bool
}

// ConnSession is a session whose requests come as records: a
// pipeline.RecordPeer.
type ConnSession interface {
	Do(ctx context.Context, requests ...*abi.Record) error
	// Pending is how many requests are not answered yet. It may be too many for a
	// moment, never too few.
	Pending() int
	Gone()
	Closed()
}

var _ ConnSession = (*pipeline.RecordPeer)(nil)
