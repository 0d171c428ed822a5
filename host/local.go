package host

import (
	"context"
	"sync"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

// localLink is the connection under the session of a client in this process.
type localLink struct {
	transport *client.InProcess

	mu   sync.Mutex // one request at a time, as on a socket
	peer *pipeline.Peer
	done bool
}

var _ session.Link = (*localLink)(nil)

// Send implements session.Link.
func (l *localLink) Send(payload []byte, _ bool) bool {
	if err := l.transport.Deliver(payload); err != nil {
		// Closing takes the peer's lock, which the caller may hold.
		go l.transport.Close()
	}
	return false
}

// Flush implements session.Link.
func (l *localLink) Flush() {}

// Close implements session.Link.
func (l *localLink) Close(int, string, bool) { go l.transport.Close() }

func (l *localLink) frame(frame []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	err := l.peer.Frame(frame)
	l.peer.Idle()
	return err
}

func (l *localLink) closed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		l.done = true
		l.peer.Closed(nil)
	}
}

// LocalClient returns a client of this host that needs no socket. It is a
// session like any other. The host may be used this way before Start and
// without it. Such a client does not reconnect: its connection is lost only
// when the host stops, or when the client does not read what it is sent. On a
// host with access control it acts for _ADMIN unless options have credentials.
func (h *Host) LocalClient(ctx context.Context, options client.Options) (*client.Client, error) {
	options.Local, options.PingTimeout, options.Reconnect.Disabled = true, -1, true
	options.Dial = func(context.Context) (client.Transport, error) {
		link := &localLink{}
		link.transport = client.NewInProcess(link.frame, link.closed, h.config.Websocket.WriteQueueBytes)
		link.peer = h.pipeline.Open(link, session.Origin{InProc: true, Endpoint: "local"}, false)
		if h.secured != nil {
			h.secured.control.Administrator(link.peer.Session())
		}
		return link.transport, nil
	}
	return client.Connect(ctx, options)
}
