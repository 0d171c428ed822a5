package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/happn-host/happn-host/host/config"
)

// Handler decides about new connections. Accept is called before the
// connection's first frame is read; an error closes it with that reason.
type Handler interface {
	Accept(c *Conn, info Info) (Peer, error)
}

// Options says what a Server needs.
type Options struct {
	Config   config.Config
	Handler  Handler
	Logger   *slog.Logger
	Fallback http.Handler // answers what is no websocket, after the server's own routes

	// Endpoints returns the endpoint for websockets at a path that is not the
	// server's own, nil if there is none; nil is none at all.
	Endpoints func(path string) *Endpoint

	// Beside returns how many connections there are that count for limits.sessions
	// though they are not the server's own; nil is none.
	Beside func() int

	// Guard returns a handler that is asked before any other; nil is none.
	Guard func(next http.Handler) http.Handler
}

// Stats counts what happened on all connections. The fields may be read at any
// time.
type Stats struct {
	Accepted    atomic.Int64 // websocket connections, ever
	Open        atomic.Int64 // websocket connections, now
	SlowReaders atomic.Int64 // closed because their write queue was full
	DeadPeers   atomic.Int64 // closed because no heartbeat was answered
}

// Server accepts connections and keeps them.
type Server struct {
	config  config.Websocket
	max     int
	beside  func() int
	handler Handler
	log     *slog.Logger
	http    *http.Server
	up      websocket.Upgrader
	codecs  codecs
	stats   Stats

	endpoints func(path string) *Endpoint
	handshake time.Duration // for that of TLS

	mu       sync.Mutex
	conns    map[*Conn]struct{}
	stopping bool
	readers  sync.WaitGroup // one for each connection that has not ended
	reading  sync.WaitGroup // one for each connection that still reads
	release  chan struct{}  // closed when parked connections may end
	stop     chan struct{}
	loops    sync.WaitGroup // heartbeat and accept loop
}

// NewServer returns a server that serves nothing yet.
func NewServer(o Options) *Server {
	s := &Server{
		config:  o.Config.Websocket,
		max:     o.Config.Limits.Sessions,
		beside:  o.Beside,
		handler: o.Handler,
		log:     o.Logger,

		endpoints: o.Endpoints,
		handshake: o.Config.HTTP.ReadHeaderTimeout,

		conns:   make(map[*Conn]struct{}),
		release: make(chan struct{}),
		stop:    make(chan struct{}),
	}
	s.up = websocket.Upgrader{
		EnableCompression: s.config.Compression,
		CheckOrigin:       s.OriginAllowed,
		WriteBufferPool:   &sync.Pool{},
		WriteBufferSize:   512, // for the handshake only
	}
	s.codecs.limit = int64(s.config.MaxMessageBytes)
	handler := s.routes(o.Fallback)
	if o.Guard != nil {
		handler = o.Guard(handler)
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: o.Config.HTTP.ReadHeaderTimeout,
		IdleTimeout:       o.Config.HTTP.KeepAliveTimeout,
		MaxHeaderBytes:    o.Config.HTTP.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

// Stats returns the server's counters.
func (s *Server) Stats() *Stats { return &s.stats }

// Serve accepts connections from l until Shutdown. It returns at once.
func (s *Server) Serve(l net.Listener) {
	s.loops.Add(1)
	go func() {
		defer s.loops.Done()
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the listener failed", "address", l.Addr().String(), "error", err)
		}
	}()
	if s.config.PingInterval > 0 {
		s.loops.Add(1)
		go s.heartbeat()
	}
}

// heartbeat looks at every connection once in each interval.
func (s *Server) heartbeat() {
	defer s.loops.Done()
	ticker := time.NewTicker(s.config.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			for _, c := range s.snapshot() {
				c.beat(now, s.config.AllowSkippedHeartbeats)
			}
		}
	}
}

func (s *Server) snapshot() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// Quiesce stops accepting and reading, and returns when the last request that
// was read has been handed on. Connections stay open for what they are owed,
// until Shutdown.
func (s *Server) Quiesce(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	close(s.stop)
	err := s.http.Shutdown(ctx)
	for _, c := range s.snapshot() {
		_ = c.stream.socket.SetReadDeadline(time.Unix(1, 0))
	}
	s.reading.Wait()
	return err
}

// park holds a connection that has stopped reading until the server lets it
// end; a server that is not stopping does so at once.
func (s *Server) park(*Conn) {
	s.mu.Lock()
	stopping := s.stopping
	s.mu.Unlock()
	s.reading.Done()
	if stopping {
		<-s.release
	}
}

// Shutdown ends every connection after Quiesce: farewell is called for each and
// closes it. It returns when all have ended or ctx is done; then what is left
// is cut off.
func (s *Server) Shutdown(ctx context.Context, farewell func(*Conn)) error {
	var err error
	for _, c := range s.snapshot() {
		farewell(c)
	}
	close(s.release)
	ended := make(chan struct{})
	go func() {
		s.readers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, c := range s.snapshot() {
			_ = c.stream.socket.Close()
		}
		<-ended
		err = errors.Join(err, ctx.Err())
	}
	_ = s.http.Close()
	s.loops.Wait()
	return err
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.stats.Open.Add(-1)
}

// upgrade turns a request into a connection.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, primus bool) {
	if s.full() {
		http.Error(w, "too many sessions: limits.sessions is reached", http.StatusServiceUnavailable)
		return
	}
	header := http.Header{}
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	c := &Conn{server: s, primus: primus}
	if s.shake(c, w, r, header) {
		info := infoOf(r)
		s.start(c, func() (Peer, error) { return s.handler.Accept(c, info) })
	}
}

// shake answers the handshake of a websocket, and prepares c for it. It reports
// false if that failed.
func (s *Server) shake(c *Conn, w http.ResponseWriter, r *http.Request, header http.Header) bool {
	h := &hijacker{ResponseWriter: w}
	if _, err := s.up.Upgrade(h, r, header); err != nil {
		s.log.Debug("refused a websocket", "remote", r.RemoteAddr, "error", err)
		return false
	}
	c.compressed = s.config.Compression && offersDeflate(r)
	c.init(h.socket, r.RemoteAddr)
	c.stream.pending = h.early
	return true
}

// init prepares a connection for its socket.
func (c *Conn) init(socket net.Conn, remote string) {
	c.remote, _, _ = net.SplitHostPort(remote)
	c.lastSeen.Store(time.Now().UnixMilli())
	c.stream.init(socket, c.onEmpty)
	c.out.init(c)
}

func (s *Server) start(c *Conn, accept func() (Peer, error)) {
	peer, err := accept()
	s.mu.Lock()
	if s.stopping && err == nil {
		err = errClosedByHost
	}
	if err != nil {
		s.mu.Unlock()
		c.end(websocket.CloseTryAgainLater, err.Error(), false, false)
		c.out.wait()
		_ = c.stream.socket.Close()
		if peer != nil {
			peer.Closed(err)
		}
		return
	}
	if c.owned == nil { // which is the peer already
		c.knows(peer)
	}
	s.conns[c] = struct{}{}
	s.readers.Add(1)
	s.reading.Add(1)
	s.mu.Unlock()
	s.stats.Accepted.Add(1)
	s.stats.Open.Add(1)
	// A goroutine of its own: the handler's keeps the request and its buffers.
	go func() {
		defer s.readers.Done()
		c.run()
	}()
}

// hijacker keeps the socket under a handshake, and frames that came right
// behind it.
type hijacker struct {
	http.ResponseWriter
	socket net.Conn
	early  []byte
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	socket, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.socket = socket
	if n := brw.Reader.Buffered(); n > 0 {
		h.early = make([]byte, n)
		_, _ = io.ReadFull(brw.Reader, h.early) // it is there
	}
	return socket, brw, nil
}

// shownHeaders are the upgrade headers that a session shows (happn-wire.md, 2.4).
var shownHeaders = [...]string{
	"x-forwarded-proto", "x-forwarded-port", "x-forwarded-for", "host",
	"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version",
	"fastly-client-ip", "z-forwarded-for", "forwarded", "x-real-ip", "x-real-port", "x-real-proto",
	"z-forwarded-port", "z-forwarded-proto",
}

func addressInfo(remote string, encrypted bool) Info {
	host, port, _ := net.SplitHostPort(remote)
	info := Info{RemoteIP: strings.Clone(host), TLS: encrypted}
	info.RemotePort, _ = strconv.Atoi(port)
	return info
}

func infoOf(r *http.Request) Info {
	info := addressInfo(r.RemoteAddr, r.TLS != nil)
	info.URL = strings.Clone(r.RequestURI)
	for _, name := range shownHeaders {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		if value != "" {
			info.Header = append(info.Header, [2]string{name, strings.Clone(value)})
		}
	}
	return info
}

func offersDeflate(r *http.Request) bool {
	for _, v := range r.Header.Values("Sec-Websocket-Extensions") {
		if strings.Contains(strings.ToLower(v), "permessage-deflate") {
			return true
		}
	}
	return false
}

// OriginAllowed applies websocket.origins. Requests without an Origin do not
// come from a page, so there is nothing to protect them from.
func (s *Server) OriginAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, allowed := range s.config.Origins {
		if allowed == "*" || strings.EqualFold(allowed, origin) {
			return true
		}
	}
	return false
}
