package plugin

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/journal"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// logBurst is how many seconds' lines a plugin may write at once.
const logBurst = 4

// guestLog writes a plugin's lines to the host's log, not more and no longer ones
// than its limits say.
type guestLog struct {
	gen *generation

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

func newGuestLog(g *generation) *guestLog {
	return &guestLog{gen: g, tokens: float64(logBurst * g.manifest.Limits.LogLines), last: time.Now()}
}

// write writes a line, the beginning of one of so many bytes. It is borrowed.
func (g *guestLog) write(level int32, text []byte, size int) {
	limits := &g.gen.manifest.Limits
	if !g.admit(float64(limits.LogLines)) {
		if times, due := g.gen.refused.Due(limit.LogLines); due {
			limit.LogLines.Tell(g.gen.log, limits.Over(limit.LogLines, nil, "lines that the plugin logs are left out"), times)
		}
		return
	}
	if most := limits.LogLineBytes; size > most {
		g.gen.tell(limits.Over(limit.LogLineBytes, nil, "a line of %d bytes that the plugin logs is cut", size))
		text = text[:min(len(text), most)]
	}
	line := g.gen.secrets.Hide(strings.ToValidUTF8(string(text), "\uFFFD"))
	attrs := []any{"source", journal.Guest}
	if g.gen.canary.Load() != nil { // for who reads the lines of both
		attrs = append(attrs, "canary", true)
	}
	g.gen.log.Log(context.Background(), slogLevel(level), line, attrs...)
}

// admit takes a token, of which so many are added in a second.
func (g *guestLog) admit(rate float64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.tokens = min(logBurst*rate, g.tokens+now.Sub(g.last).Seconds()*rate)
	g.last = now
	if g.tokens < 1 {
		return false
	}
	g.tokens--
	return true
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
	n, most := len(p), o.instance.gen.manifest.Limits.LogLineBytes
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		room := min(len(piece), most-len(o.line))
		o.line = append(o.line, piece[:room]...)
		p = p[room:]
		if room == len(piece) && end >= 0 {
			p = p[1:]
			o.flush()
		} else if len(o.line) == most {
			o.flush()
		}
	}
	return n, nil
}

func (o *guestOutput) flush() {
	if len(o.line) > 0 {
		o.instance.gen.guestLog.write(o.level, o.line, len(o.line))
		o.line = o.line[:0]
	}
}
