package host

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/transport"
)

// network implements plugin.Network: where connections of protocol plugins come
// from.
type network struct{ host *Host }

var (
	_ plugin.Network  = network{}
	_ plugin.Wire     = connWire{}
	_ plugin.Wire     = (*transport.Poll)(nil)
	_ transport.Owner = (*plugin.Connection)(nil)
	_ session.Watched = plugin.ConnectionLink{}
)

// PluginNetwork returns where connections of plugins come from, for emulators of
// plugins.
func (h *Host) PluginNetwork() plugin.Network { return network{h} }

// OpenSession implements plugin.Network.
func (n network) OpenSession(link pipeline.RecordLink, name string, from plugin.Arrival) (plugin.ConnSession, string) {
	peer := n.host.pipeline.OpenRecords(link, session.Origin{
		IP: from.IP, Port: from.Port, Secure: from.TLS, TLS: from.TLS, URL: from.URL, Endpoint: guestPrefix + name,
	})
	return peer, peer.Session().ID
}

// Listen implements plugin.Network.
func (n network) Listen(e *hook.Endpoint) (plugin.Listener, error) {
	l := &streams{host: n.host}
	if e.TLS {
		if n.host.tls == nil {
			return nil, fmt.Errorf("%s: the host has no certificate for tls: set tls.certFile and tls.keyFile, or tls.selfSigned", e.TCP)
		}
		l.secure = n.host.tls.Clone()
		// These clients speak no HTTP. An authority proves names by this protocol.
		l.secure.NextProtos = slices.DeleteFunc(slices.Clone(l.secure.NextProtos), func(name string) bool { return name != "acme-tls/1" })
	}
	var err error
	if l.socket, err = net.Listen("tcp", e.TCP); err != nil {
		return nil, err
	}
	return l, nil
}

// streams implements plugin.Listener by a socket.
type streams struct {
	host   *Host
	socket net.Listener
	secure *tls.Config // nil for connections that are not encrypted
}

// Serve implements plugin.Listener.
func (l *streams) Serve(accept plugin.Accept) {
	l.host.server.ServeStream(l.socket, l.secure, owners(accept, false))
}

// Addr implements plugin.Listener.
func (l *streams) Addr() string { return l.socket.Addr().String() }

// Close implements plugin.Listener.
func (l *streams) Close() { _ = l.socket.Close() }

// owners makes of what accepts connections for a plugin what accepts those of the
// transport. With stream set, messages are pieces of a stream of bytes.
func owners(accept plugin.Accept, stream bool) transport.AcceptOwner {
	return func(c *transport.Conn, info transport.Info) (transport.Owner, error) {
		conn, err := accept(connWire{c}, plugin.Arrival{
			IP: info.RemoteIP, Port: info.RemotePort, TLS: info.TLS, URL: info.URL, Subprotocol: info.Subprotocol,
		})
		switch {
		case err != nil:
			return nil, err
		case stream:
			return pieces{conn, c}, nil
		}
		return conn, nil
	}
}

// pieces makes of messages a stream of bytes.
type pieces struct {
	*plugin.Connection
	conn *transport.Conn
}

// Data implements transport.Owner.
func (p pieces) Data(b []byte, text bool) {
	if text {
		p.conn.RefuseText()
		return
	}
	p.Connection.Data(b, false)
}

// connWire implements plugin.Wire by a connection of the transport.
type connWire struct{ *transport.Conn }

// Send implements plugin.Wire.
func (w connWire) Send(b []byte, text bool) { w.SendMessage(b, text) }

// Close implements plugin.Wire.
func (w connWire) Close(reason string) { w.End(reason) }

// servePoll answers requests to paths for long polling that plugins speak for, and
// reports whether it did. Like websockets, these need no token: their sessions log
// in.
func (h *Host) servePoll(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	e, accept := h.plugins.At(path)
	if e == nil {
		path = strings.TrimSuffix(path[:strings.LastIndexByte(path, '/')+1], "/")
		e, accept = h.plugins.At(path)
	}
	if e == nil || e.HTTP == "" {
		return false
	}
	h.polls.Serve(w, r, path, func(p *transport.Poll, info transport.Info) (transport.PollOwner, error) {
		conn, err := accept(p, plugin.Arrival{IP: h.web.AddressOf(r), Port: info.RemotePort, TLS: info.TLS, URL: e.HTTP})
		if err != nil {
			return nil, err // not a nil *plugin.Connection in the interface
		}
		return conn, nil
	})
	return true
}

// endpoint returns what transport needs to know of a path for websockets that a
// plugin speaks for, nil if there is none.
func (h *Host) endpoint(path string) *transport.Endpoint {
	e, accept := h.plugins.At(path)
	if e == nil || e.Websocket == "" {
		return nil
	}
	return &transport.Endpoint{Subprotocols: e.Subprotocols, Accept: owners(accept, e.Stream)}
}
