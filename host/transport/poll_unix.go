//go:build unix

package transport

import (
	"io"
	"syscall"
)

const canPoll = true

// readNow is called by the runtime's poller when the socket may have bytes. It
// takes a buffer only then, and reports whether the wait is over.
func (s *stream) readNow(fd uintptr) bool {
	buf := readBuffers.Get().(*[]byte)
	for {
		n, err := syscall.Read(int(fd), *buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			readBuffers.Put(buf)
			s.empty()
			return false
		case err != nil || n == 0:
			readBuffers.Put(buf)
			if s.readN, s.readErr = 0, err; err == nil {
				s.readErr = io.EOF
			}
			return true
		}
		s.buf, s.readN, s.readErr = buf, n, nil
		return true
	}
}

// writeNow writes what the socket takes. It always ends the wait: who cannot
// write everything now hands the rest to a goroutine that may wait.
func (w *pollWriter) writeNow(fd uintptr) bool {
	for w.n < len(w.data) {
		n, err := syscall.Write(int(fd), w.data[w.n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			w.err = err
			return true
		}
		w.n += n
	}
	return true
}
