package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

const patience = 30 * time.Second

// running is a served host.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// start runs serve on a free port with a JSON log.
func start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send SIGTERM")
	}
	r := &running{t: t, cmd: cmd}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	r.stdout, cmd.Stderr = bufio.NewReader(out), &r.stderr
	require.NoError(t, cmd.Start())
	lost := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		lost.Stop()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return r
}

// line returns the next line of standard output.
func (r *running) line() string {
	r.t.Helper()
	line, err := r.stdout.ReadString('\n')
	require.NoError(r.t, err, "output ended: %s", &r.stderr)
	return strings.TrimSuffix(line, "\n")
}

// stop sends a signal and returns the rest of standard output and the exit code.
func (r *running) stop(signal os.Signal) (rest string, code int) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(signal))
	out, err := io.ReadAll(r.stdout)
	require.NoError(r.t, err)
	_ = r.cmd.Wait()
	return string(out), r.cmd.ProcessState.ExitCode()
}

type summary struct {
	Event, Version, Name string
	Addresses            []string
	Store                struct {
		Kind, Dir, Durability string
		Documents             int
	}
	Plugins []struct{ Name, Kind, Version, State, Reason string }
}

func (r *running) summary() summary {
	r.t.Helper()
	var s summary
	require.NoError(r.t, json.Unmarshal([]byte(r.line()), &s))
	require.Equal(r.t, "started", s.Event)
	return s
}

// base is the first http URL of the summary.
func (s *summary) base(t *testing.T) *url.URL {
	t.Helper()
	for _, a := range s.Addresses {
		if u, err := url.Parse(a); err == nil && u.Scheme == "http" {
			return u
		}
	}
	require.Fail(t, "no http URL", "%v", s.Addresses)
	return nil
}

func status(t *testing.T, base *url.URL, path string) int {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(base.JoinPath(path).String())
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestServeStartsWithoutConfigurationAndStopsOnASignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			r := start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--name", "box"))
			s := r.summary()
			require.Equal(t, "box", s.Name)
			require.Equal(t, "v9.8.7", s.Version)
			require.Equal(t, "sync", s.Store.Durability)
			require.NotEmpty(t, s.Store.Kind)
			require.DirExists(t, filepath.Join(r.cmd.Dir, "happn-data"))

			base := s.base(t)
			require.Equal(t, "127.0.0.1", base.Hostname(), "loopback, unless told")
			for _, path := range []string{"/healthz", "/readyz", "/ping", "/version"} {
				require.Equal(t, http.StatusOK, status(t, base, path), path)
			}

			rest, code := r.stop(signal)
			require.Equal(t, 0, code, "%s", &r.stderr)
			require.Contains(t, rest, `"event":"stopping"`)
			require.Contains(t, rest, `"event":"stopped"`)
			for line := range strings.Lines(r.stderr.String()) {
				require.True(t, json.Valid([]byte(line)), "the log is JSON: %s", line)
			}
		})
	}
}

// A host with a small heap leaves its garbage until there is enough of it, unless the
// operator says how Go is to collect it.
func TestServeCollectsSeldom(t *testing.T) {
	for env, says := range map[string]string{"": `go_gc_gogc_percent (\d{4}|[4-9]\d\d)\n`, "GOGC=70": `go_gc_gogc_percent 70\n`} {
		cmd := command(t, "serve", "--port", "0", "--data.durability", "none", "--log.format", "json")
		if env != "" {
			cmd.Env = append(cmd.Environ(), env)
		}
		r := start(t, cmd)
		s := r.summary()
		response, err := http.Get(s.base(t).JoinPath("/metrics").String())
		require.NoError(t, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, response.Body.Close())
		require.NoError(t, err)
		require.Regexp(t, says, string(text))
		r.stop(syscall.SIGTERM)
	}
}

func TestServeTellsAPersonWhatItDid(t *testing.T) {
	r := start(t, command(t, "serve", "--port=0", "--data", "docs", "--plugins", "mods"))
	require.Regexp(t, `^happn-host v9\.8\.7 is running as ".+"$`, r.line())
	text := ""
	for !strings.HasSuffix(text, "SIGTERM\n") {
		text += r.line() + "\n"
	}
	require.Regexp(t, `address +http://127\.0\.0\.1:\d+`, text)
	require.Regexp(t, `store +\S+ in docs, durability sync, \d+ documents?`, text)
	require.Regexp(t, `plugins +0 plugins in mods`, text)
	rest, code := r.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)
	require.Contains(t, rest, "stopping: terminated")
	require.Contains(t, rest, "stopped: every document is in docs")
}

func TestServeKeepsItsGeneratedName(t *testing.T) {
	dir, names := t.TempDir(), []string{}
	for range 2 {
		r := start(t, command(t, "serve", "--port", "0", "--data", dir, "--log.format", "json"))
		names = append(names, r.summary().Name)
		_, code := r.stop(syscall.SIGTERM)
		require.Equal(t, 0, code)
	}
	require.NotEmpty(t, names[0])
	require.Equal(t, names[0], names[1])
}

func TestServeWithoutDurabilityLeavesNoFolder(t *testing.T) {
	r := start(t, command(t, "serve", "--port", "0", "--data.durability", "none", "--log.format", "json"))
	require.Equal(t, "none", r.summary().Store.Durability)
	_, code := r.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)
	require.NoDirExists(t, filepath.Join(r.cmd.Dir, "happn-data"))
}

func TestServeNamesAPluginThatItRefuses(t *testing.T) {
	cmd := command(t, "serve", "--port", "0", "--log.format", "json")
	require.NoError(t, os.Mkdir(filepath.Join(cmd.Dir, "plugins"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "plugins", "torn.wasm"), []byte("\x00asm"), 0o600))
	r := start(t, cmd)
	plugins := r.summary().Plugins
	require.Len(t, plugins, 1)
	require.Equal(t, "torn", plugins[0].Name)
	require.NotEmpty(t, plugins[0].State)
	require.NotEmpty(t, plugins[0].Reason)
	_, code := r.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)
}

func TestAPluginIsBuiltAndServed(t *testing.T) {
	example, err := filepath.Abs(filepath.Join("..", "..", "plugins", "examples", "validate"))
	require.NoError(t, err)
	cmd := command(t, "plugin", "build", "--operator-file", example)
	code, stdout, stderr := finish(t, cmd)
	require.Equal(t, 0, code, stderr)
	require.Equal(t, "built "+filepath.Join("plugins", "validate.wasm")+"\n", stdout)

	cache, remove, err := testhost.WasmCache()
	require.NoError(t, err)
	t.Cleanup(remove)
	host := command(t, "serve", "--port", "0", "--log.format", "json", "--plugins.startWait", "1m", "--plugins.cacheDir", cache)
	host.Dir = cmd.Dir
	r := start(t, host)
	plugins := r.summary().Plugins
	require.Len(t, plugins, 1)
	require.Equal(t, "ready", plugins[0].State, plugins[0].Reason)
	require.Equal(t, "inbound", plugins[0].Kind)
	require.NotEmpty(t, plugins[0].Version)
	_, code = r.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)
}

func TestBenchMeasuresAServedHost(t *testing.T) {
	r := start(t, command(t, "serve", "--port", "0", "--data.durability", "none", "--log.format", "json"))
	s := r.summary()
	bench := command(t, "bench", "--url", "ws://"+s.base(t).Host, "--count", "200", "--clients", "2", "--docs", "20", "--warm-up", "0s", "--json", "get")
	code, stdout, stderr := finish(t, bench)
	require.Equal(t, 0, code, stderr)
	require.True(t, json.Valid([]byte(stdout)), stdout)
	_, code = r.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)

	code, _, stderr = finish(t, command(t, "bench", "--url", "ws://"+s.base(t).Host, "get"))
	require.Equal(t, 1, code, "the host has gone")
	require.Contains(t, stderr, "happn-host: bench: ")
}

func TestServeSaysWhyItDoesNotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	for name, tc := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"port in use": {[]string{"--port", port}, 1,
			[]string{"cannot start: port " + port + " of 127.0.0.1 is in use", "choose another port with --port"}},
		"foreign address": {[]string{"--port", "0", "--host", "192.0.2.1"}, 1,
			[]string{"this machine has no address 192.0.2.1", "--host"}},
		"data folder is a file": {[]string{"--port", "0", "--data", file}, 1,
			[]string{"cannot start: ", file}},
		"unknown key": {[]string{"--config", "host.yaml"}, 2,
			[]string{"file host.yaml line 2: prot: is not a known key; did you mean port?"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, append([]string{"serve"}, tc.args...)...)
			require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "host.yaml"), []byte("name: a\nprot: 1\n"), 0o600))
			code, stdout, stderr := finish(t, cmd)
			require.Equal(t, tc.code, code, stderr)
			require.Empty(t, stdout)
			for _, part := range tc.want {
				require.Contains(t, stderr, part)
			}
			require.NotContains(t, stderr, "goroutine ")
		})
	}
}

func TestTwoHostsDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	first := start(t, command(t, "serve", "--port", "0", "--data", dir, "--log.format", "json"))
	first.summary()
	code, stdout, stderr := finish(t, command(t, "serve", "--port", "0", "--data", dir))
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "another process uses it")
	require.Contains(t, stderr, dir)
	_, code = first.stop(syscall.SIGTERM)
	require.Equal(t, 0, code)
}
