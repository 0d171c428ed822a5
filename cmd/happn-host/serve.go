package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/internal/heapfloor"
)

const serveUsage = `Usage: happn-host serve [flags]

Runs a host until SIGINT or SIGTERM, then finishes what is under way, flushes the store and exits
with 0. A second signal exits at once. Without any flag it listens on 127.0.0.1:55000, keeps its
documents in ./happn-data and watches ./plugins for Wasm modules.

  --config file      YAML or JSON file with settings
  --host address     address to listen on; 0.0.0.0 is every IPv4 address
  --port n           port to listen on; 0 picks a free one
  --name text        name of the server
  --data folder      where the documents are kept
  --plugins folder   where Wasm modules are found
  --log.level level  debug, info, warn or error
  --log.format form  text or json

Every key of the configuration is a flag: --websocket.pingInterval 20s. A switch is written with =, as
in --shutdown.reconnect=false. happn-host config-doc describes them all.
`

// server is what serve needs of a host.
type server interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error // also after a Start that failed
	summary() started
}

func serve(ctx context.Context, p *process, args []string) int {
	c, code, done := p.load(newConfigFlags("serve"), args, serveUsage)
	if done {
		return code
	}
	logger := newLogger(p, c.Log)
	if !c.Secure && !isLoopback(c.Host) {
		logger.Warn("there is no access control: everyone who reaches this address may read and write everything", "host", c.Host)
	}
	leaveRoomForTheDisk(c)
	defer leaveGarbage()()
	s, err := p.open(c, logger)
	if err != nil {
		return p.fail(exitFailed, "cannot start: %s", explain(err, c))
	}
	return p.serve(ctx, s, c, logger)
}

// leaveRoomForTheDisk sees that a host with one processor has two threads to run
// Go code: the one that waits for the disk would hold up every request until
// the scheduler notices, which made 64 connections that write ten times slower.
func leaveRoomForTheDisk(c config.Config) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 && len(folders(c)) > 0 {
		runtime.GOMAXPROCS(2)
	}
}

// heapFloor is the heap in bytes below which the collector does not come.
const heapFloor = 64 << 20

// leaveGarbage sees that a host with few documents does not collect garbage all the
// time, which everybody waits for, until the caller stops it. Who sets GOGC knows
// better, and GOMEMLIMIT counts in any case.
func leaveGarbage() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	return heapfloor.Set(heapFloor)
}

// serve starts s, says so, waits for a signal and stops s.
func (p *process) serve(ctx context.Context, s server, c config.Config, logger *slog.Logger) int {
	signals, release := p.signals()
	defer release()
	got, err := startUnlessTold(ctx, s, signals)
	if err != nil && (got == nil || !errors.Is(err, context.Canceled)) {
		stopping, cancel := context.WithTimeout(ctx, c.Shutdown.Timeout)
		defer cancel()
		return p.fail(exitFailed, "cannot start: %s", explain(errors.Join(err, s.Stop(stopping)), c))
	}
	if got != nil { // told to stop while starting
		return p.stop(ctx, s, c, got, signals)
	}
	summary := s.summary()
	summary.Event, summary.Folder, summary.Version = "started", c.Plugins.Dir, currentBuild().Version
	if err := summary.write(p.stdout, c.Log.Format); err != nil {
		logger.Warn("the start summary could not be printed", "error", err)
	}
	select {
	case got = <-signals:
	case <-ctx.Done():
	}
	return p.stop(context.WithoutCancel(ctx), s, c, got, signals)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// stopSignals delivers the signals that stop a host, until release is called.
func stopSignals() (signals <-chan os.Signal, release func()) {
	// Two places: a signal that comes while the first is handled must not be lost.
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// startUnlessTold starts s and cancels that when a signal comes first, which it
// returns.
func startUnlessTold(ctx context.Context, s server, signals <-chan os.Signal) (os.Signal, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- s.Start(ctx) }()
	select {
	case err := <-result:
		return nil, err
	case got := <-signals:
		cancel()
		return got, <-result
	}
}

// stop drains and flushes within shutdown.timeout. got is nil when no signal
// asked for it.
func (p *process) stop(ctx context.Context, s server, c config.Config, got os.Signal, signals <-chan os.Signal) int {
	why := "told to"
	if got != nil {
		why = got.String()
	}
	p.report(c.Log.Format, "stopping", why+"; finishing requests and flushing the store, at most "+
		c.Shutdown.Timeout.String()+", a second signal exits at once")
	ctx, cancel := context.WithTimeout(ctx, c.Shutdown.Timeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- s.Stop(ctx) }()
	select {
	case err := <-result:
		if errors.Is(err, context.DeadlineExceeded) {
			return p.fail(exitFailed, "did not stop within shutdown.timeout %s; raise it if this repeats: %s", c.Shutdown.Timeout, err)
		}
		if err != nil {
			return p.fail(exitFailed, "did not stop cleanly: %s", err)
		}
	case second := <-signals:
		number, _ := second.(syscall.Signal)
		return p.fail(128+int(number), "exits at once because of a second signal; what was answered is safe when data.durability is sync")
	}
	p.report(c.Log.Format, "stopped", kept(c))
	return exitOK
}

// folders returns those of the stores that keep something.
func folders(c config.Config) []string {
	var all []string
	for _, s := range c.Data.AllStores() {
		if s.Dir != "" {
			all = append(all, s.Dir)
		}
	}
	return all
}

// kept says where the documents are after a stop.
func kept(c config.Config) string {
	in, forgotten := folders(c), 0
	for _, s := range c.Data.AllStores() {
		switch s.Provider {
		case config.ProviderMongoDB:
			in = append(in, "MongoDB (store "+s.Name+")")
		case config.ProviderMemory:
			forgotten++
		}
	}
	switch {
	case len(in) == 0:
		return "the documents were only in memory, as data.durability none asks"
	case forgotten > 0:
		return "every document is in " + strings.Join(in, ", ") + ", but those of the stores with provider memory"
	}
	return "every document is in " + strings.Join(in, ", ")
}
