package transport_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

// dripping opens a connection, sends what is given, and returns the first line of
// the answer, "" if the server closes without one.
func dripping(t *testing.T, address, sent string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, sent) // the server may have had enough before the end
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, err := bufio.NewReader(c).ReadString('\n')
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is kept")
	return strings.TrimSpace(line)
}

// A connection that is kept fails in dripping.
func TestHeadersThatComeSlowlyEndTheConnection(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.HTTP.ReadHeaderTimeout = 100 * time.Millisecond })
	for name, sent := range map[string]string{
		"nothing":          "",
		"half a line":      "GET /primus HT",
		"headers for ever": "GET /primus HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n",
	} {
		line := dripping(t, f.address, sent)
		assert.NotContains(t, line, " 200 ", name)
	}
}

func TestHeadersAreBoundedInLength(t *testing.T) {
	f := serve(t, func(c *config.Config) { c.HTTP.MaxHeaderBytes = 8 << 10 })
	long := strings.Repeat("x", 64<<10)
	for name, sent := range map[string]string{
		"one header":   "GET /primus/spec HTTP/1.1\r\nHost: x\r\nX-A: " + long + "\r\n\r\n",
		"many headers": "GET /primus/spec HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: 12345678\r\n", 8<<10) + "\r\n",
		"the path":     "GET /primus/spec?" + long + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"an upgrade": "GET /primus HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-A: " + long + "\r\n\r\n",
	} {
		line := dripping(t, f.address, sent)
		assert.True(t, line == "" || strings.Contains(line, " 431 "), "%s: %s", name, line)
	}
	ok := dripping(t, f.address, "GET /primus/spec HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, ok, http.StatusText(http.StatusOK))
}
