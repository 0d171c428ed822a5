//go:build unix

package host_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkLineProtocol measures gets and sets of a document of 300 bytes through
// the plugin line, over TCP, beside the same through happn's protocol, over a
// websocket: one at a time, and 64 at once. Both clients are bare sockets. ns/op is
// for one request.
func BenchmarkLineProtocol(b *testing.B) {
	s := startLine(b, nil)
	document := fmt.Sprintf(`{"text":%q}`, bytes.Repeat([]byte("x"), 287))
	byLine, err := net.Dial("tcp", tcp(b, s.Host))
	require.NoError(b, err)
	defer byLine.Close()
	byHappn := sharedSocket(b, login(b, s.Addr().(*net.TCPAddr)))
	defer byHappn.Close()
	frame := func(action, data string) []byte {
		return masked(fmt.Sprintf(`{"action":%q,"eventId":9,"path":"/bench","data":%s,"options":{"timeout":60000},"sessionId":"x"}`, action, data))
	}
	for _, c := range []struct {
		name string
		conn net.Conn
		say  []byte
		end  string // of an answer
	}{
		{"set/line over TCP", byLine, []byte("SET /bench " + document + "\n"), "\n"},
		{"set/happn over a websocket", byHappn, frame("set", document), `"happn_4"}`},
		{"get/line over TCP", byLine, []byte("GET /bench\n"), "\n"},
		{"get/happn over a websocket", byHappn, frame("get", "null"), `"happn_4"}`},
	} {
		for _, many := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d at once", c.name, many), func(b *testing.B) {
				say := bytes.Repeat(c.say, many)
				buf := make([]byte, 64<<10)
				for b.Loop() {
					_, err := c.conn.Write(say)
					require.NoError(b, err)
					for answers := 0; answers < many; {
						n, err := c.conn.Read(buf)
						require.NoError(b, err)
						answers += bytes.Count(buf[:n], []byte(c.end))
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*many), "ns/request")
			})
		}
	}
}

// sharedSocket makes a connection of a socket, whose reads let other goroutines run.
func sharedSocket(b *testing.B, fd int) net.Conn {
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	conn, err := net.FileConn(file)
	require.NoError(b, err)
	return conn
}
