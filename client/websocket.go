package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	primusPath = "/primus"
	plainPath  = "/ws"
	readBuffer = 16 << 10
)

// websocketDialer makes the dialer for the options' address.
func websocketDialer(o *Options) (Dialer, error) {
	target, err := endpoint(o)
	if err != nil {
		return nil, err
	}
	opts := *o
	return func(ctx context.Context) (Transport, error) {
		return dialWebsocket(ctx, target, &opts)
	}, nil
}

// endpoint is the address as a ws or wss URL with a path.
func endpoint(o *Options) (string, error) {
	raw := o.URL
	if raw == "" {
		scheme := "ws"
		if o.TLS != nil {
			scheme = "wss"
		}
		raw = scheme + "://" + net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
	} else if !strings.Contains(raw, "://") {
		raw = "ws://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("server address %q: %w", o.URL, err)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("server address %q: scheme must be one of ws, wss, http, https", o.URL)
	}
	if u.Host == "" {
		return "", fmt.Errorf("server address %q names no host", o.URL)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = primusPath
		if o.Plain {
			u.Path = plainPath
		}
	}
	u.Fragment = ""
	return u.String(), nil
}

// socket is a Transport over a websocket.
type socket struct {
	ws      *websocket.Conn
	conn    *batchConn
	timeout time.Duration // silence after which the connection counts as lost
	armed   time.Time     // when the read deadline was last moved; reader only

	sending sync.Mutex // gorilla allows one writer at a time
	buf     bytes.Buffer
}

func dialWebsocket(ctx context.Context, target string, o *Options) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	var conn *batchConn
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		raw, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn = newBatchConn(raw)
		return conn, nil
	}
	dialTLS := func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := tls.Dialer{Config: o.TLS}
		raw, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn = newBatchConn(raw)
		return conn, nil
	}
	dialer := websocket.Dialer{
		NetDialContext:    dial,
		NetDialTLSContext: dialTLS,
		ReadBufferSize:    readBuffer,
		EnableCompression: o.Compression,
	}
	ws, resp, err := dialer.DialContext(ctx, target, o.Header)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("connect to %s: server answered %s: %w", target, resp.Status, err)
		}
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	ws.SetReadLimit(o.MaxFrame)
	s := &socket{ws: ws, conn: conn, timeout: o.PingTimeout}
	ws.SetPingHandler(func(data string) error {
		s.alive()
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Time{})
	})
	conn.batch()
	return s, nil
}

// alive moves the read deadline. It does so at most eight times per timeout,
// because most frames follow another one closely.
func (s *socket) alive() {
	if s.timeout <= 0 {
		return
	}
	now := time.Now()
	if now.Sub(s.armed) > s.timeout/8 {
		s.armed = now
		_ = s.ws.SetReadDeadline(now.Add(s.timeout))
	}
}

func (s *socket) Send(ctx context.Context, frame []byte) error {
	if err := s.conn.room(ctx); err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.ws.WriteMessage(websocket.TextMessage, frame)
}

func (s *socket) Receive() ([]byte, error) {
	for {
		s.alive()
		kind, r, err := s.ws.NextReader()
		if err != nil {
			return nil, s.lost(err)
		}
		if kind != websocket.TextMessage {
			continue
		}
		s.buf.Reset()
		if _, err = s.buf.ReadFrom(r); err != nil {
			return nil, s.lost(err)
		}
		frame := bytes.Clone(s.buf.Bytes())
		if s.buf.Cap() > 4*readBuffer && len(frame) < readBuffer {
			s.buf = bytes.Buffer{} // one large answer should not hold its memory for good
		}
		return frame, nil
	}
}

// lost says in words why the connection ended.
func (s *socket) lost(err error) error {
	var closed *websocket.CloseError
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Errorf("nothing heard from the server for %s", s.timeout)
	case errors.As(err, &closed) && closed.Code == websocket.CloseNoStatusReceived,
		errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return errTransportClosed
	case errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure:
		return fmt.Errorf("connection broke off: %w", err)
	}
	return err
}

func (s *socket) Close() error {
	// A close frame without a status is how every happn client takes its leave.
	_ = s.ws.WriteControl(websocket.CloseMessage, nil, time.Time{})
	return s.ws.Close()
}
