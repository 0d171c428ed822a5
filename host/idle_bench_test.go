//go:build unix

package host_test

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// An idle session: connected by websocket, configured, logged in, with nothing
// to do. The clients are bare sockets, which cost the process no Go memory.
func BenchmarkIdleSession(b *testing.B) {
	for _, n := range []int{2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := start(b, nil)
			addr := h.Addr().(*net.TCPAddr)
			var total float64
			for b.Loop() {
				before := goMemory()
				var sockets []int
				for range n {
					sockets = append(sockets, login(b, addr))
				}
				total = float64(goMemory()-before) / float64(n)
				for _, fd := range sockets {
					_ = syscall.Close(fd)
				}
				eventually(b, func() bool { return h.Health(b.Context()).Sessions == 0 })
			}
			b.ReportMetric(total, "B/session")
		})
	}
}

// goMemory returns what heap and stacks take after a collection. Stacks shrink
// to what they need in the collections of a parked goroutine, one step in each.
func goMemory() int64 {
	for range 5 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// login connects a bare socket and goes through the handshake of a happn client.
func login(tb testing.TB, addr *net.TCPAddr) int {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(tb, err)
	to := &syscall.SockaddrInet4{Port: addr.Port}
	copy(to.Addr[:], addr.IP.To4())
	require.NoError(tb, syscall.Connect(fd, to))
	talk(tb, fd, []byte("GET /primus?_primuscb=x HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"), "\r\n\r\n")
	talk(tb, fd, masked(`{"action":"configure-session","eventId":1,"data":{"protocol":"happn_4","version":"13.12.1","browser":false}}`), `happn_4"}`)
	talk(tb, fd, masked(`{"action":"describe","eventId":2,"data":null}`), `happn_4"}`)
	talk(tb, fd, masked(`{"action":"login","eventId":3,"data":{"info":{"_browser":false,"_local":false}},"options":{"timeout":60000}}`), `happn_4"}`)
	return fd
}

func talk(tb testing.TB, fd int, say []byte, until string) {
	tb.Helper()
	_, err := syscall.Write(fd, say)
	require.NoError(tb, err)
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte(until)) {
		n, err := syscall.Read(fd, buf)
		require.NoError(tb, err)
		require.NotZero(tb, n, "the host closed the connection after %q", got)
		got = append(got, buf[:n]...)
	}
}

// masked returns a text frame of a client, masked with zeros.
func masked(text string) []byte {
	frame := []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	if len(text) < 126 {
		frame = []byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}
	}
	return append(frame, text...)
}
