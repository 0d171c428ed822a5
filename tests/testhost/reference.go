package testhost

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed reference.js
var referenceScript []byte

// Reference reports whether the tests run against the npm reference server.
func Reference() bool { return os.Getenv("HAPPN_TEST_TARGET") == "reference" }

// StartReference starts the npm reference server, whatever the target of the
// tests, for those that compare with it. It needs no Main.
func StartReference(tb testing.TB, settings Settings) *Server {
	tb.Helper()
	return start(tb, settings, true)
}

// referenceCommand prepares a run of the reference server, which ends with its
// standard input: it cannot outlive a test binary that is killed.
func (s *Server) referenceCommand() *exec.Cmd {
	s.tb.Helper()
	set := s.settings
	asked, err := json.Marshal(map[string]any{
		"dir": s.dir, "port": s.port, "name": set.Name, "compression": set.Compression,
		"pingInterval": set.PingInterval.Milliseconds(), "ackTimeout": set.AckTimeout.Milliseconds(),
		"reconnect": !set.NoReconnect, "config": set.Config, "prepare": set.Prepare,
	})
	if err != nil {
		s.tb.Fatalf("settings of the reference server: %v", err)
	}
	script := filepath.Join(s.dir, "reference.js")
	if err := os.WriteFile(script, referenceScript, 0o644); err != nil {
		s.tb.Fatal(err)
	}
	npm := set.NPM
	if npm == "" {
		npm = NPMDir(s.tb)
	}
	cmd := Node(s.tb.Context(), npm, script)
	cmd.Env = append(cmd.Env, "HAPPN_REFERENCE="+string(asked))
	if _, err := cmd.StdinPipe(); err != nil {
		s.tb.Fatal(err)
	}
	return cmd
}
