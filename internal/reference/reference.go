package reference

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// Version is the version of happn-3 that everything is compared with.
	Version = "13.12.1"

	// DirVariable names the environment variable with a directory whose
	// node_modules has happn-3 already; without it the user's cache is used.
	DirVariable = "HAPPN3_DIR"

	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

// ErrNoNode is returned when this machine has no Node.js to run the server.
var ErrNoNode = errors.New("the reference server needs node, which is not on the PATH")

// Server is a running reference server.
type Server struct {
	Port int
	cmd  *exec.Cmd
	in   io.Closer
	done chan struct{} // closed when the process has ended
}

// script starts a server with the configuration in its argument, tells the
// port and ends when its standard input does, so that it cannot outlive us.
const script = `
const happn = require('happn-3');
const { prepare, config } = JSON.parse(process.argv[1]);
happn.service.create(config, async (e, server) => {
  if (e) { console.log('FAILED ' + e.message); process.exit(1); }
  if (prepare) await eval('(async (server) => {' + prepare + '})')(server);
  console.log('LISTENING ' + server.server.address().port);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
`

// Start runs a server with a happn-3 configuration, anything that marshals to
// its JSON; host and port are added (port 0: a free one is chosen). prepare is
// JavaScript that runs before Start returns, with the server as a variable.
func Start(ctx context.Context, port int, config map[string]any, prepare string) (*Server, error) {
	dir, err := install(ctx)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	full := map[string]any{"host": "127.0.0.1", "port": port, "utils": map[string]any{"logLevel": "error"}}
	for key, value := range config {
		full[key] = value
	}
	arg, err := json.Marshal(map[string]any{"prepare": prepare, "config": full})
	if err != nil {
		return nil, fmt.Errorf("configuration of the reference server: %w", err)
	}
	cmd := exec.Command("node", "-e", script, string(arg))
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the reference server: %w", err)
	}
	s := &Server{cmd: cmd, in: in, done: make(chan struct{})}
	told := make(chan error, 1)
	go func() {
		told <- s.readPort(bufio.NewScanner(out))
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // we are who ends it: how is of no interest
		close(s.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case err = <-told:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = s.Kill()
		return nil, fmt.Errorf("start the reference server: %w", err)
	}
	return s, nil
}

// freePort finds a port for a server that takes 0 for its default.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) readPort(lines *bufio.Scanner) error {
	for lines.Scan() {
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "LISTENING %d", &s.Port); err == nil {
			return nil
		}
		if reason, failed := strings.CutPrefix(line, "FAILED "); failed {
			return errors.New(reason)
		}
	}
	return errors.New("it ended without saying why")
}

// URL is the server's address.
func (s *Server) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Port) }

// PID is the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop ends the server and waits for it. Both it and Kill may follow the other.
func (s *Server) Stop() error {
	_ = s.in.Close()
	select {
	case <-s.done:
		return nil
	case <-time.After(stopTimeout):
		return s.Kill()
	}
}

// Kill ends the server at once, as a crash would, and waits for it.
func (s *Server) Kill() error {
	_ = s.cmd.Process.Kill()
	<-s.done
	return nil
}

// install returns a directory in which node finds happn-3.
func install(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", ErrNoNode
	}
	if dir := os.Getenv(DirVariable); dir != "" {
		if !installed(dir) {
			return "", fmt.Errorf("%s=%s has no node_modules/happn-3 of version %s", DirVariable, dir, Version)
		}
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("where to install happn-3: %w; or set %s", err, DirVariable)
	}
	dir := filepath.Join(cache, "happn-host", "happn-3-"+Version)
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Test binaries of several packages run side by side.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	if installed(dir) {
		return dir, nil
	}
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save",
		"happn-3@"+Version)
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install happn-3@%s in %s: %w: %s", Version, dir, err, out)
	}
	if !installed(dir) {
		return "", fmt.Errorf("npm install left no happn-3 %s in %s", Version, dir)
	}
	return dir, nil
}

func installed(dir string) bool {
	raw, err := os.ReadFile(filepath.Join(dir, "node_modules", "happn-3", "package.json"))
	var p struct {
		Version string `json:"version"`
	}
	return err == nil && json.Unmarshal(raw, &p) == nil && p.Version == Version
}
