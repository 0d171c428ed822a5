package transport

import (
	"encoding/binary"
	"syscall"
)

// States of a TCP connection that the peer has ended, from Linux's tcp_states.h.
const (
	tcpClose     = 7 // reset, or timed out
	tcpCloseWait = 8
	tcpLastAck   = 9
	tcpClosing   = 11
)

// peerLeft asks for the connection's state, which is the first byte of struct
// tcp_info: peeking would not see an end behind bytes that nobody has read.
func peerLeft(fd uintptr) bool {
	info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	if err != nil {
		return false // not TCP
	}
	var head [4]byte
	binary.NativeEndian.PutUint32(head[:], uint32(info))
	switch head[0] {
	case tcpClose, tcpCloseWait, tcpLastAck, tcpClosing:
		return true
	}
	return false
}
