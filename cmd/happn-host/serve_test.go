package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

// fakeServer stands for a host whose start and stop the test decides.
type fakeServer struct {
	start, stop func(context.Context) error
	config      config.Config
}

func (f *fakeServer) Start(ctx context.Context) error { return f.start(ctx) }
func (f *fakeServer) Stop(ctx context.Context) error  { return f.stop(ctx) }
func (f *fakeServer) summary() started {
	return started{
		Name: "fake", Addresses: []string{"http://127.0.0.1:1", "ws://127.0.0.1:1/ws"},
		Store: startedStore{Kind: "memory", Dir: "d", Durability: "sync", Documents: 1, Recovery: "new data folder"},
		Plugins: []startedPlugin{
			{Name: "validate", Kind: "inbound", Version: "1.0.0", State: "running"},
			{Name: "broken", Kind: "outbound", State: "refused", Reason: "no export happn_abi"},
		},
	}
}

func fine(context.Context) error { return nil }

// serveFake runs serve with a fake host and the signals given.
func serveFake(f *fakeServer, signals <-chan os.Signal, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := &process{stdout: &out, stderr: &errs,
		open:    func(c config.Config, _ *slog.Logger) (server, error) { f.config = c; return f, nil },
		signals: func() (<-chan os.Signal, func()) { return signals, func() {} },
	}
	code = run(context.Background(), p, append([]string{"serve"}, args...))
	return code, out.String(), errs.String()
}

func TestServeSaysWhatItStartedAndThatItStopped(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	f := &fakeServer{start: fine, stop: func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(7*time.Second), deadline, 5*time.Second)
		return nil
	}}
	code, stdout, stderr := serveFake(f, signals, "--shutdown.timeout=7s", "--plugins", "mods")
	require.Equal(t, exitOK, code)
	require.Empty(t, stderr)
	require.Equal(t, "mods", f.config.Plugins.Dir)
	require.Contains(t, stdout, "stopping: terminated; finishing requests and flushing the store, at most 7s")
	require.Contains(t, stdout, "stopped: every document is in ./happn-data\n")
}

func TestServeStopsAHostThatIsStillStarting(t *testing.T) {
	signals, stopped := make(chan os.Signal, 1), false
	f := &fakeServer{
		start: func(ctx context.Context) error { signals <- os.Interrupt; <-ctx.Done(); return ctx.Err() },
		stop:  func(context.Context) error { stopped = true; return nil },
	}
	code, stdout, _ := serveFake(f, signals)
	require.Equal(t, exitOK, code)
	require.True(t, stopped)
	require.NotContains(t, stdout, "is running")
}

func TestASecondSignalExitsAtOnce(t *testing.T) {
	signals, stuck := make(chan os.Signal, 2), make(chan struct{})
	defer close(stuck)
	f := &fakeServer{
		start: func(ctx context.Context) error { signals <- os.Interrupt; <-ctx.Done(); return ctx.Err() },
		stop:  func(context.Context) error { signals <- syscall.SIGTERM; <-stuck; return nil },
	}
	code, _, stderr := serveFake(f, signals)
	require.Equal(t, 128+15, code)
	require.Contains(t, stderr, "second signal")
}

func TestAStopThatFailsIsAFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"too slow": {context.DeadlineExceeded, "did not stop within shutdown.timeout 20s; raise it if this repeats: context deadline exceeded"},
		"failed":   {errors.New("disk is gone"), "did not stop cleanly: disk is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			signals := make(chan os.Signal, 1)
			signals <- os.Interrupt
			f := &fakeServer{start: fine, stop: func(context.Context) error { return tc.err }}
			code, stdout, stderr := serveFake(f, signals)
			require.Equal(t, exitFailed, code)
			require.Equal(t, "happn-host: "+tc.want+"\n", stderr)
			require.NotContains(t, stdout, "stopped:")
		})
	}
}

func TestAStartThatFailsSaysWhatToDo(t *testing.T) {
	listen := func(errno syscall.Errno) error {
		return &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", errno)}
	}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"port in use":       {listen(syscall.EADDRINUSE), "port 7000 of 10.0.0.1 is in use; stop the program that listens there, or choose another port with --port (0 picks a free one)"},
		"in use on Windows": {listen(wsaInUse), "port 7000 of 10.0.0.1 is in use"},
		"port not allowed":  {listen(syscall.EACCES), "this user may not listen on port 7000; choose one above 1023 with --port"},
		"foreign address":   {listen(syscall.EADDRNOTAVAIL), "this machine has no address 10.0.0.1; choose one of its own with --host (0.0.0.0 is all of them)"},
		"unknown host name": {&net.OpError{Op: "listen", Err: &net.DNSError{Name: "x", Err: "no such host"}}, "cannot listen on host 10.0.0.1 port 7000; check --host and --port"},
		"anything else":     {errors.New("the data folder is damaged"), "the data folder is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			stopped := false
			f := &fakeServer{
				start: func(context.Context) error { return tc.err },
				stop:  func(context.Context) error { stopped = true; return nil },
			}
			code, stdout, stderr := serveFake(f, nil, "--port", "7000", "--host", "10.0.0.1")
			require.Equal(t, exitFailed, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "happn-host: cannot start: "+tc.want)
			require.Contains(t, stderr, tc.err.Error(), "the cause is kept")
			require.True(t, stopped, "the store is closed")
		})
	}
}

func TestAnAddressBeyondLoopbackIsWarnedAbout(t *testing.T) {
	for host, warned := range map[string]bool{"127.0.0.1": false, "::1": false, "localhost": false, "0.0.0.0": true, "box.example": true} {
		signals := make(chan os.Signal, 1)
		signals <- os.Interrupt
		_, _, stderr := serveFake(&fakeServer{start: fine, stop: fine}, signals, "--host", host)
		require.Equal(t, warned, strings.Contains(stderr, "no access control"), host)
	}
}

func TestTheStartSummaryForPeople(t *testing.T) {
	s := (&fakeServer{}).summary()
	s.Version, s.Folder = "v1", "./plugins"
	var b bytes.Buffer
	require.NoError(t, s.write(&b, "text"))
	require.Equal(t, `happn-host v1 is running as "fake"
  address  http://127.0.0.1:1
  address  ws://127.0.0.1:1/ws
  store    memory in d, durability sync, 1 document
           new data folder
  plugins  2 plugins in ./plugins
    validate  inbound   1.0.0  running
    broken    outbound         refused: no export happn_abi
  stop with Ctrl-C or SIGTERM
`, b.String())
}

func TestTheStartSummaryForPrograms(t *testing.T) {
	s := (&fakeServer{}).summary()
	var b bytes.Buffer
	require.NoError(t, s.write(&b, "json"))
	require.Equal(t, 1, bytes.Count(b.Bytes(), []byte("\n")), "one line")
	var got started
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	require.Equal(t, s, got)
}
