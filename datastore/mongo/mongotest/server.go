package mongotest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Options is what the stand-in is. The zero value is a server by itself that
// answers every command with {ok: 1}.
type Options struct {
	// ReplicaSet makes it the primary of a replica set, which has retryable
	// writes and transactions.
	ReplicaSet bool
	// Answer returns the reply to a command, nil for {ok: 1}. Handshakes do not
	// come here. It is called from a goroutine for each connection, which waits
	// for it, and may keep nothing of the command.
	Answer func(c *Command) bson.Raw
}

// Command is what a client sent.
type Command struct {
	Name string   // find, update, ...
	Body bson.Raw // all but the documents of Documents
	// Documents are those of a write that came beside the body: updates,
	// deletes, or what is inserted.
	Documents []bson.Raw
}

// Server is a running stand-in.
type Server struct {
	options  Options
	listener net.Listener
	hello    bson.Raw
	all      sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil when it stops
}

// Start starts a stand-in on the loopback interface, which ends with the test.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("the stand-in for MongoDB: %v", err)
	}
	s := &Server{options: o, listener: listener, conns: map[net.Conn]struct{}{}}
	s.hello = hello(listener.Addr().String(), o.ReplicaSet)
	s.all.Go(s.accept)
	tb.Cleanup(s.stop)
	return s
}

// URL is where it is, in the form of a connection string.
func (s *Server) URL() string {
	url := "mongodb://" + s.Addr() + "/"
	if s.options.ReplicaSet {
		url += "?replicaSet=" + setName
	}
	return url
}

// Addr is its host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // stop closed it
		}
		if !s.keep(conn) {
			return
		}
		s.all.Go(func() {
			defer s.drop(conn)
			s.serve(conn)
		})
	}
}

// keep reports false when the server stops.
func (s *Server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_ = conn.Close()
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *Server) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	_ = conn.Close()
}

// stop ends it and waits for its goroutines.
func (s *Server) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.all.Wait()
}

// serve answers one connection until it ends.
func (s *Server) serve(conn net.Conn) {
	in := bufio.NewReaderSize(conn, 64<<10)
	var message, out []byte
	var command Command
	for {
		var err error
		if message, err = read(in, message[:0]); err != nil {
			return // the client has gone
		}
		if out, err = s.reply(out[:0], message, &command); err != nil {
			return // what a client of this protocol does not send
		}
		if len(out) == 0 {
			continue
		}
		if _, err = conn.Write(out); err != nil {
			return
		}
	}
}

// Bounds of a message.
const (
	headerBytes = 16
	maxMessage  = 48_000_000
)

var errMessage = errors.New("not a message of the protocol")

// read reads one message into dst, which is empty.
func read(in io.Reader, dst []byte) ([]byte, error) {
	dst = slices.Grow(dst, headerBytes)[:headerBytes]
	if _, err := io.ReadFull(in, dst); err != nil {
		return dst, err
	}
	size, _, _ := bsoncore.ReadInt32(dst)
	if size < headerBytes || size > maxMessage {
		return dst, errMessage
	}
	dst = slices.Grow(dst, int(size)-headerBytes)[:size]
	_, err := io.ReadFull(in, dst[headerBytes:])
	return dst, err
}
