//go:build unix && !linux

package transport

import "syscall"

// peerLeft peeks at what comes next. The end of a connection is seen only when
// everything before it has been read.
func peerLeft(fd uintptr) bool {
	var next [1]byte
	n, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch err {
	case nil:
		return n == 0
	case syscall.EINTR, syscall.EAGAIN:
		return false
	}
	return true
}
