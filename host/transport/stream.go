package transport

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// readSize is how much is read from a socket at once, into a pooled buffer that
// a connection holds only while there is something in it.
const readSize = 32 << 10

var readBuffers = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

// stream is a socket as gorilla sees it. Reads come from a pooled buffer that
// is filled only when the socket has something, so an idle connection holds
// none; writes (handshakes, control frames, compressed messages) go to the
// connection's outbox.
type stream struct {
	net.Conn
	raw     syscall.RawConn // nil where sockets cannot be polled (TLS, some systems)
	onIdle  func()          // called before waiting for bytes
	divert  func([]byte)    // takes writes once the handshake is over; nil before
	pending []byte          // read, not yet consumed
	buf     *[]byte         // the buffer under pending

	// State of the poll callbacks, which are made once so that a wait allocates
	// nothing. The reader's belong to the reading goroutine, the writer's to
	// whoever owns the outbox's busy flag.
	readable, writable func(fd uintptr) bool
	readN, writeN      int
	readErr, writeErr  error
	writeData          []byte
}

func newStream(conn net.Conn) *stream {
	s := &stream{Conn: conn}
	if sc, ok := conn.(syscall.Conn); ok && canPoll {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
			s.readable, s.writable = s.readNow, s.writeNow
		}
	}
	return s
}

// Read implements net.Conn for the websocket reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.pending) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	if len(s.pending) == 0 {
		s.releaseBuffer()
	}
	return n, nil
}

// fill waits until there is something to read, and reads it.
func (s *stream) fill() error {
	if s.onIdle != nil {
		s.onIdle()
	}
	if s.raw != nil {
		if err := s.raw.Read(s.readable); err != nil {
			return err
		}
		if s.readErr != nil {
			return s.readErr
		}
		s.pending = (*s.buf)[:s.readN]
		return nil
	}
	buf := readBuffers.Get().(*[]byte)
	n, err := s.Conn.Read(*buf)
	if n == 0 {
		readBuffers.Put(buf)
		return err
	}
	s.buf, s.pending = buf, (*buf)[:n]
	return nil
}

func (s *stream) releaseBuffer() {
	if s.buf != nil {
		readBuffers.Put(s.buf)
		s.buf, s.pending = nil, nil
	}
}

// Write implements net.Conn for gorilla.
func (s *stream) Write(p []byte) (int, error) {
	if s.divert != nil {
		s.divert(p)
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// SetWriteDeadline is gorilla's; the outbox keeps its own.
func (s *stream) SetWriteDeadline(t time.Time) error {
	if s.divert != nil {
		return nil
	}
	return s.Conn.SetWriteDeadline(t)
}

// socketWriter is the stream as the outbox sees it: past gorilla.
type socketWriter struct{ *stream }

func (w socketWriter) tryWrite(b []byte) (int, error) {
	s := w.stream
	if s.raw == nil {
		return 0, nil
	}
	s.writeData, s.writeN, s.writeErr = b, 0, nil
	err := s.raw.Write(s.writable)
	s.writeData = nil
	if err == nil {
		err = s.writeErr
	}
	return s.writeN, err
}

func (w socketWriter) Write(b []byte) (int, error) { return w.Conn.Write(b) }

func (w socketWriter) SetWriteDeadline(t time.Time) error { return w.Conn.SetWriteDeadline(t) }
