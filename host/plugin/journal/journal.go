package journal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept of a plugin's log.
const (
	maxLines = 1000
	maxBytes = 1 << 20
)

// Line is one thing that happened to a plugin, or that it logged.
type Line struct {
	// Number grows by one with each line of a plugin.
	Number uint64
	Time   time.Time
	Level  slog.Level
	// Guest is set for what the plugin itself wrote.
	Guest bool
	Text  string
	// Times is how often the line came in a row; Time is that of the first one.
	Times int
}

// Journal keeps the last lines of one plugin. It is safe for any goroutine.
type Journal struct {
	mu    sync.Mutex
	lines []Line
	bytes int
	next  uint64
}

// New returns a journal without lines.
func New() *Journal { return &Journal{next: 1} }

// Guest is the attribute "source" of what a guest wrote.
const Guest = "guest"

// Add keeps a line, at the cost of the oldest ones. source is Guest for what the plugin
// wrote itself.
func (j *Journal) Add(level slog.Level, source, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	guest := source == Guest
	if n := len(j.lines); n > 0 {
		if last := &j.lines[n-1]; last.Text == text && last.Level == level && last.Guest == guest {
			last.Times++
			return
		}
	}
	j.lines = append(j.lines, Line{Number: j.next, Time: time.Now(), Level: level, Guest: guest, Text: text, Times: 1})
	j.next++
	j.bytes += len(text)
	drop := 0
	for len(j.lines)-drop > maxLines || j.bytes > maxBytes {
		j.bytes -= len(j.lines[drop].Text)
		j.lines[drop].Text = ""
		drop++
	}
	j.lines = j.lines[drop:]
}

// Last returns the last lines, at most so many, of those with a number above
// after.
func (j *Journal) Last(after uint64, most int) []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(0, len(j.lines)-most)
	for from < len(j.lines) && j.lines[from].Number <= after {
		from++
	}
	return append([]Line{}, j.lines[from:]...)
}

// Handler is the log of one plugin: the host's, which is next, and the plugin's
// journal, which keeps every level.
func (j *Journal) Handler(next slog.Handler) slog.Handler { return tee{next, j} }

type tee struct {
	slog.Handler
	journal *Journal
}

var _ slog.Handler = tee{}

// Enabled implements slog.Handler.
func (t tee) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (t tee) Handle(ctx context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	source := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "source" {
			source = a.Value.String()
		} else {
			fmt.Fprintf(&text, " %s=%s", a.Key, a.Value)
		}
		return true
	})
	t.journal.Add(r.Level, source, text.String())
	if !t.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler. What all lines have is not in the journal.
func (t tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tee{t.Handler.WithAttrs(attrs), t.journal}
}

// WithGroup implements slog.Handler.
func (t tee) WithGroup(name string) slog.Handler { return tee{t.Handler.WithGroup(name), t.journal} }
