package plugin

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/abi"
)

// Bounds of what a plugin may write to the log.
const (
	guestLogRate  = 50  // lines a second
	guestLogBurst = 200 // lines at once
)

// guestLog writes a plugin's lines to the host's log, not more than a bounded
// number of them, and says how many were left out.
type guestLog struct {
	log     *slog.Logger
	secrets secrets
	trial   *atomic.Pointer[canary] // whether the plugin is a canary, for who reads the lines of both

	mu      sync.Mutex
	tokens  float64
	last    time.Time
	dropped int
}

func newGuestLog(log *slog.Logger, s secrets, trial *atomic.Pointer[canary]) *guestLog {
	return &guestLog{log: log, secrets: s, trial: trial, tokens: guestLogBurst, last: time.Now()}
}

func (g *guestLog) write(level int32, text []byte) {
	dropped, ok := g.admit()
	if !ok {
		return
	}
	if dropped > 0 {
		g.log.Warn("plugin log lines left out", "lines", dropped)
	}
	line := g.secrets.hidden(strings.ToValidUTF8(string(text), "\uFFFD"))
	attrs := []any{"source", guestSource}
	if g.trial.Load() != nil {
		attrs = append(attrs, "canary", true)
	}
	g.log.Log(context.Background(), slogLevel(level), line, attrs...)
}

// admit takes a token, and returns how many lines were refused since the last
// one that was not.
func (g *guestLog) admit() (dropped int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.tokens = min(guestLogBurst, g.tokens+now.Sub(g.last).Seconds()*guestLogRate)
	g.last = now
	if g.tokens < 1 {
		g.dropped++
		return 0, false
	}
	g.tokens--
	dropped, g.dropped = g.dropped, 0
	return dropped, true
}

func slogLevel(level int32) slog.Level {
	switch level {
	case abi.LogDebug:
		return slog.LevelDebug
	case abi.LogWarn:
		return slog.LevelWarn
	case abi.LogError:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// guestOutput is a plugin's standard output or error: complete lines, and lines
// longer than the bound in pieces, become log entries. One instance writes it,
// and an instance runs on one goroutine at a time.
type guestOutput struct {
	instance *instance
	level    int32
	line     []byte
}

// Write never fails. It looks at the time limit, because one call of a guest can
// write its whole memory many times over.
func (o *guestOutput) Write(p []byte) (int, error) {
	o.instance.charge(fuelImport)
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		room := min(len(piece), maxGuestLog-len(o.line))
		o.line = append(o.line, piece[:room]...)
		p = p[room:]
		if room == len(piece) && end >= 0 {
			p = p[1:]
			o.flush()
		} else if len(o.line) == maxGuestLog {
			o.flush()
		}
	}
	return n, nil
}

func (o *guestOutput) flush() {
	if len(o.line) > 0 {
		o.instance.gen.guestLog.write(o.level, o.line)
		o.line = o.line[:0]
	}
}
