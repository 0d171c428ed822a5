package testhost

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Deadlines of a server's start and stop. They only bound a failure: nothing
// waits for as long as this when all is well.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
)

// Settings is what a test may ask of the server under test. The zero value is
// a server with its defaults.
type Settings struct {
	Name         string        // server name
	PingInterval time.Duration // heartbeat; 0 is the default of 30 s
	AckTimeout   time.Duration // acknowledged publications; 0 is the default of 60 s
	Compression  bool          // permessage-deflate
	NoReconnect  bool          // tell the clients at shutdown to stay away
	Args         []string      // further flags, of the host only

	// Of the reference only: top-level keys of its configuration in place of
	// ours; JavaScript to run before it counts as started, which may await
	// and finds the instance in the variable server; and the folder of the npm
	// packages that it is made of, NPMDir if empty.
	Config  map[string]any
	Prepare string
	NPM     string
}

// Server is a running server under test. It is not safe for concurrent use.
type Server struct {
	tb        testing.TB
	reference bool
	external  bool // it was there before, and stays
	dir       string
	settings  Settings
	port      int
	cmd       *exec.Cmd
	exited    chan struct{}
	log       *lockedBuffer
}

// Start starts the server under test on a free port of the loopback interface
// with a data folder of its own, and waits until it answers. The test's end
// stops it; what it wrote is shown when the test failed.
func Start(tb testing.TB, settings Settings) *Server {
	tb.Helper()
	if address := os.Getenv("HAPPN_TEST_URL"); address != "" {
		return external(tb, settings, address)
	}
	return start(tb, settings, Reference())
}

func start(tb testing.TB, settings Settings, reference bool) *Server {
	tb.Helper()
	s := &Server{tb: tb, reference: reference, dir: tb.TempDir(), settings: settings, log: &lockedBuffer{}}
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("output of the server:\n%s", s.log)
		}
	})
	s.start()
	return s
}

// Addr is the address of the server as host:port. It stays the same when the
// server is started again.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// URL is the address of the server as an http URL without a path.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Port is the port of the server.
func (s *Server) Port() int { return s.port }

// PID is the id of the server's process, which a new start changes.
func (s *Server) PID() int {
	s.tb.Helper()
	s.needControl()
	return s.cmd.Process.Pid
}

// Running reports whether the process is still there.
func (s *Server) Running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Output is what the server wrote so far, of all its starts.
func (s *Server) Output() string { return s.log.String() }

// Kill ends the process at once, as kill -9 does, and waits for its end.
func (s *Server) Kill() {
	s.tb.Helper()
	s.needControl()
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Terminate asks the process to stop and does not wait for it. Windows cannot
// ask: the test is skipped there.
func (s *Server) Terminate() {
	s.tb.Helper()
	s.needControl()
	if runtime.GOOS == "windows" {
		s.tb.Skip("needs to ask a process to stop, for which Windows has no signal")
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.tb.Fatalf("terminate the server: %v", err)
	}
}

// WaitExit waits until the process that was asked to stop has ended, and fails
// the test unless it ended well.
func (s *Server) WaitExit() {
	s.tb.Helper()
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		s.tb.Fatalf("the server still runs %v after it was asked to stop", stopTimeout)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.tb.Fatalf("the server ended with exit code %d", code)
	}
}

// StartAgain starts a stopped or killed server with the same port and data
// folder, and with other settings if they are given.
func (s *Server) StartAgain(settings ...Settings) {
	s.tb.Helper()
	if len(settings) > 0 {
		s.settings = settings[0]
	}
	s.start()
}

func (s *Server) start() {
	s.tb.Helper()
	cmd := s.command()
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.tb.Fatal(err)
	}
	found := make(chan int, 1)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.tb.Fatalf("start %s: %v", cmd.Path, err)
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	go s.watch(cmd, out, found, s.exited)
	deadline := time.After(startTimeout)
	select {
	case port := <-found:
		if s.port != 0 && port != s.port {
			s.tb.Fatalf("the server listens on port %d, it was told to take %d", port, s.port)
		}
		s.port = port
	case <-s.exited:
		s.tb.Fatalf("the server ended at its start:\n%s", s.log)
	case <-deadline:
		s.tb.Fatalf("the server told no address within %v:\n%s", startTimeout, s.log)
	}
	s.awaitPing(deadline)
}

func (s *Server) command() *exec.Cmd {
	s.tb.Helper()
	if s.reference {
		return s.referenceCommand()
	}
	set := s.settings
	args := []string{"serve", "--host", "127.0.0.1", "--port", strconv.Itoa(s.port),
		"--data", filepath.Join(s.dir, "data"), "--plugins", filepath.Join(s.dir, "plugins")}
	if set.Name != "" {
		args = append(args, "--name", set.Name)
	}
	if set.PingInterval != 0 {
		args = append(args, "--websocket.pingInterval", set.PingInterval.String())
	}
	if set.AckTimeout != 0 {
		args = append(args, "--pubsub.ackTimeout", set.AckTimeout.String())
	}
	args = append(args, "--websocket.compression="+strconv.FormatBool(set.Compression),
		"--shutdown.reconnect="+strconv.FormatBool(!set.NoReconnect))
	cmd := exec.Command(Binary(s.tb), append(args, set.Args...)...)
	cmd.Env = withoutSettings(os.Environ())
	return cmd
}

// withoutSettings drops what the host would take for its configuration, the
// variables of these tests among it.
func withoutSettings(environ []string) []string {
	var kept []string
	for _, variable := range environ {
		if !strings.HasPrefix(variable, "HAPPN_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// addressInLog finds where the host, or the reference, says that it listens:
// other servers have addresses, too.
var addressInLog = regexp.MustCompile(`(?:https?://|listening on )(?:127\.0\.0\.1|0\.0\.0\.0|localhost|\[::1?\]):([1-9][0-9]{0,4})`)

// watch copies what the process writes, reports where it listens, and
// closes exited when the process has ended.
func (s *Server) watch(cmd *exec.Cmd, out io.Reader, found chan<- int, exited chan<- struct{}) {
	lines := bufio.NewReader(out)
	for told := false; ; {
		line, err := lines.ReadBytes('\n')
		_, _ = s.log.Write(line)
		if m := addressInLog.FindSubmatch(line); m != nil && !told {
			if port, err := strconv.Atoi(string(m[1])); err == nil {
				told = true
				found <- port
			}
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	close(exited)
}

func (s *Server) awaitPing(deadline <-chan time.Time) {
	s.tb.Helper()
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for {
		err := ping(&client, s.URL()+"/ping")
		if err == nil {
			return
		}
		select {
		case <-s.exited:
			s.tb.Fatalf("the server ended at its start:\n%s", s.log)
		case <-deadline:
			s.tb.Fatalf("the server does not answer: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ping(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /ping: %s", resp.Status)
	}
	return nil
}

// lockedBuffer is a bytes.Buffer that one goroutine writes and another reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
