package transport_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/transport"
)

// busy is a peer whose first frame takes until it is released, as a search does.
type busy struct {
	echo
	began, release chan struct{}
}

func (b *busy) Frame([]byte) error {
	select {
	case b.began <- struct{}{}:
		<-b.release
	default: // what was sent behind it
	}
	return nil
}

type busyHandler chan *busy

func (h busyHandler) Accept(c *transport.Conn, _ transport.Info) (transport.Peer, error) {
	b := &busy{echo: echo{conn: c, closed: make(chan error, 1)}, began: make(chan struct{}, 1), release: make(chan struct{})}
	h <- b
	return b, nil
}

func TestAPeerThatLeavesIsSeenWhileNobodyReads(t *testing.T) {
	reset := func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }
	for _, c := range []struct {
		name    string
		secure  bool
		pending bool // something is sent that nobody reads
		leave   func(*net.TCPConn)
	}{
		{"closed", false, false, func(c *net.TCPConn) { _ = c.Close() }},
		{"closed behind a frame", false, true, func(c *net.TCPConn) { _ = c.Close() }},
		{"reset", false, false, reset},
		{"reset behind a frame", false, true, reset},
		{"closed under TLS", true, true, func(c *net.TCPConn) { _ = c.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.pending && runtime.GOOS != "linux" {
				t.Skip("only Linux tells")
			}
			peer, client, socket := dialBusy(t, c.secure)
			say := func() { require.NoError(t, client.WriteMessage(websocket.TextMessage, []byte("1"))) }
			say()
			<-peer.began
			peer.began <- struct{}{} // so that the next is not waited for
			if c.pending {
				say()
			}
			require.False(t, peer.conn.Gone())
			c.leave(socket)
			require.Eventually(t, peer.conn.Gone, 5*time.Second, time.Millisecond)
			close(peer.release)
			<-peer.closed
		})
	}
}

// dialBusy connects a client and returns the TCP connection under it, too.
func dialBusy(t *testing.T, secure bool) (*busy, *websocket.Conn, *net.TCPConn) {
	t.Helper()
	c := config.Default()
	c.Websocket.PingInterval = 0
	handler := make(busyHandler, 1)
	server := transport.NewServer(transport.Options{Config: c, Handler: handler, Logger: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { shutdown(server) })
	scheme, dialer := "ws", websocket.Dialer{}
	address := l.Addr().String()
	if secure {
		example := httptest.NewTLSServer(nil) // has a certificate
		defer example.Close()
		l = tls.NewListener(l, &tls.Config{Certificates: example.TLS.Certificates})
		dialer.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		scheme = "wss"
	}
	server.Serve(l)
	client, resp, err := dialer.Dial(scheme+"://"+address+"/ws", nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = client.Close() })
	socket := client.NetConn()
	if under, ok := socket.(*tls.Conn); ok {
		socket = under.NetConn()
	}
	return <-handler, client, socket.(*net.TCPConn)
}
