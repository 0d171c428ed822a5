package seldom

import (
	"log/slog"
	"sync"
	"time"
)

// How often at most the log says that something failed: of the same failure once in
// a pause, and of different ones so many times in it.
const (
	pause = time.Second
	most  = 10
)

// Lines remembers what the log was told. It is safe for concurrent use; the zero value
// is ready.
type Lines struct {
	mu sync.Mutex
	of map[string]told // by what the lines are about
}

// told is what was said about something since begun.
type told struct {
	begun time.Time
	lines int
	last  string
	left  int // failures that were not told
}

// Warn tells log that something failed, unless it has been told enough. about is what
// failed, one of few names: they are kept. What is said is the same failure if err's
// text is, whatever attrs are.
func (l *Lines) Warn(log *slog.Logger, message, about string, err error, attrs ...any) {
	left, ok := l.due(about, err.Error(), time.Now())
	if !ok {
		return
	}
	attrs = append(attrs, "error", err)
	if left > 0 {
		attrs = append(attrs, "untold", left)
	}
	log.Warn(message, attrs...)
}

// due counts a failure, and reports whether the log is to be told of it, and of how
// many it was not told before.
func (l *Lines) due(about, what string, now time.Time) (left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.of[about]
	if now.Sub(was.begun) >= pause {
		was = told{begun: now, left: was.left}
	} else if what == was.last || was.lines == most {
		was.left++
		l.of[about] = was
		return 0, false
	}
	if l.of == nil {
		l.of = map[string]told{}
	}
	l.of[about] = told{begun: was.begun, lines: was.lines + 1, last: what}
	return was.left, true
}
