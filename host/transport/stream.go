package transport

import (
	"net"
	"runtime"
	"sync"
	"syscall"
)

// readSize is how much is read from a socket at once, into a pooled buffer that
// a connection holds only while there is something in it.
const readSize = 32 << 10

var readBuffers = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

// stream reads and writes a socket without holding buffers while there is
// nothing to read or write, and without ever waiting to write.
type stream struct {
	socket  net.Conn
	raw     syscall.RawConn // nil where sockets cannot be polled (TLS, some systems)
	pending []byte          // read, not yet consumed
	buf     *[]byte         // the buffer under pending

	// The poll callback, made once so that waiting allocates nothing, and what
	// it leaves behind. All of it is the reading goroutine's.
	readable func(fd uintptr) bool
	readN    int
	readErr  error
	onEmpty  func() // called before waiting, when there is nothing to read now
	unseen   int    // bytes read since onEmpty was called
}

// maxUnseen is how much is read from a peer that never stops sending before
// what it caused is let out all the same.
const maxUnseen = 64 << 10

func (s *stream) init(socket net.Conn, onEmpty func()) {
	s.socket, s.onEmpty = socket, onEmpty
	if sc, ok := socket.(syscall.Conn); ok && canPoll {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw, s.readable = raw, s.readNow
		}
	}
}

// take copies out what was read last. There must be something.
func (s *stream) take(p []byte) int {
	n := copy(p, s.pending)
	if s.pending = s.pending[n:]; len(s.pending) == 0 {
		s.releaseBuffer()
	}
	return n
}

// fill waits until there is something to read, and reads it.
func (s *stream) fill() error {
	// The others' turn: a peer that always has something to say would keep them
	// waiting until the scheduler preempts it, and what they send to the peers
	// that this one has sent something to leaves in the same system call.
	runtime.Gosched()
	if s.unseen > maxUnseen || s.raw == nil {
		s.empty()
	}
	if s.raw != nil {
		if err := s.raw.Read(s.readable); err != nil {
			s.empty()
			return err
		}
		if s.readErr != nil {
			s.empty()
			return s.readErr
		}
		s.pending = (*s.buf)[:s.readN]
		s.unseen += s.readN
		return nil
	}
	buf := readBuffers.Get().(*[]byte)
	n, err := s.socket.Read(*buf)
	if n == 0 {
		readBuffers.Put(buf)
		return err
	}
	s.buf, s.pending = buf, (*buf)[:n]
	return nil
}

func (s *stream) empty() {
	s.unseen = 0
	s.onEmpty()
}

func (s *stream) releaseBuffer() {
	if s.buf != nil {
		readBuffers.Put(s.buf)
		s.buf = nil
	}
	s.pending = nil
}

// pollWriter is what one attempt to write needs. It is pooled rather than part
// of the stream, since few connections are being written to at any moment.
type pollWriter struct {
	data     []byte
	n        int
	err      error
	writable func(fd uintptr) bool
}

var pollWriters = sync.Pool{New: func() any {
	w := &pollWriter{}
	w.writable = w.writeNow
	return w
}}

// tryWrite writes what the socket takes now; n < len(b) without an error means
// that the rest must wait.
func (s *stream) tryWrite(b []byte) (n int, err error) {
	if s.raw == nil {
		return 0, nil
	}
	w := pollWriters.Get().(*pollWriter)
	w.data = b
	err = s.raw.Write(w.writable)
	if n = w.n; err == nil {
		err = w.err
	}
	w.data, w.n, w.err = nil, 0, nil
	pollWriters.Put(w)
	return n, err
}
