package testhost

import (
	"net/url"
	"reflect"
	"strconv"
	"testing"
)

// external uses a server that somebody else has started. What needs another
// server than that is skipped.
func external(tb testing.TB, settings Settings, address string) *Server {
	tb.Helper()
	asked, err := url.Parse(address)
	if err != nil || asked.Hostname() != "127.0.0.1" {
		tb.Fatalf("HAPPN_TEST_URL must be such as http://127.0.0.1:55000, it is %q", address)
	}
	settings.Name = ""
	if !reflect.DeepEqual(settings, Settings{}) {
		tb.Skip("needs a server with settings of its own, not that of HAPPN_TEST_URL")
	}
	port, err := strconv.Atoi(asked.Port())
	if err != nil {
		tb.Fatalf("HAPPN_TEST_URL has no port: %v", err)
	}
	return &Server{tb: tb, external: true, port: port, exited: make(chan struct{}), log: &lockedBuffer{}}
}

func (s *Server) needControl() {
	s.tb.Helper()
	if s.external {
		s.tb.Skip("needs to stop the server, which is not ours to stop")
	}
}
