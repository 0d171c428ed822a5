package transport

import (
	"net"
	"syscall"
)

// left reports whether the peer has ended the connection. Nothing is read, and
// the goroutine that reads is not disturbed.
func (s *stream) left() bool {
	socket := s.socket
	if secure, ok := socket.(interface{ NetConn() net.Conn }); ok { // TLS: the connection under it
		socket = secure.NetConn()
	}
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var left bool
	if err := raw.Control(func(fd uintptr) { left = peerLeft(fd) }); err != nil {
		return true // it is closed
	}
	return left
}
