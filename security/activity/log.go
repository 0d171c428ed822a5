package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/security/durable"
)

// prefix is where happn-3 keeps the activity of sessions, by their ids.
const prefix = "/_SYSTEM/_CACHE/cache_session_activity/"

const (
	maxPath    = 4096    // bytes of a path that are kept
	maxPending = 100_000 // sessions that wait to be written; what more of them do is not kept
	maxBatch   = 256     // documents that are waited for together
	maxID      = 256     // bytes of a session's id

	flushEvery = 5 * time.Second
	cleanEvery = time.Minute // at most
)

// Options says what a Log works with. Store is needed.
type Options struct {
	Store  datastore.Store
	TTL    time.Duration    // that the activity of a session is kept; 0 is a day
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil is silence
}

// Log keeps the activity of sessions. It is safe for concurrent use.
type Log struct {
	options Options

	mu       sync.Mutex
	pending  []*Slot          // to be written, each once
	requests map[string]*Slot // of those, the ones that Pending has made
	missed   int64            // notes that there was no room for, since the last flush

	flushing sync.Mutex
	cleaned  time.Time
}

// New returns a Log. Run writes what it is told.
func New(o Options) *Log {
	if o.TTL <= 0 {
		o.TTL = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Log{options: o, requests: map[string]*Slot{}}
}

// Slot returns where the requests of a session are noted. A nil Log has nil
// slots.
func (l *Log) Slot(session string) *Slot {
	if l == nil || session == "" || len(session) > maxID || strings.ContainsAny(session, "*") {
		return nil
	}
	return &Slot{log: l, id: session}
}

// Note takes down a request of a session without a slot.
func (l *Log) Note(session, action string, path []byte, authorized bool, reason string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	s := l.requests[session]
	if s == nil {
		if s = l.Slot(session); s != nil && len(l.requests) < maxPending {
			l.requests[session] = s
		}
	}
	l.mu.Unlock()
	s.Note(action, path, authorized, reason, "")
}

// add reports whether there is room for the slot.
func (l *Log) add(s *Slot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) >= maxPending {
		l.missed++
		return false
	}
	l.pending = append(l.pending, s)
	return true
}

// drain returns the slots that are to be written, the last one of each session.
func (l *Log) drain() (all map[string]*Slot, missed int64) {
	l.mu.Lock()
	pending, missed := l.pending, l.missed
	l.pending, l.requests, l.missed = nil, map[string]*Slot{}, 0
	l.mu.Unlock()
	all = make(map[string]*Slot, len(pending))
	for _, s := range pending {
		if before := all[s.id]; before != nil {
			s = later(before, s)
		}
		all[s.id] = s
	}
	return all, missed
}

// Run flushes and cleans every few seconds, until ctx ends.
func (l *Log) Run(ctx context.Context) {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		err := errors.Join(l.Flush(ctx), l.Clean(ctx))
		if err != nil && !failing && ctx.Err() == nil { // told once, not every few seconds
			l.options.Logger.Warn("the activity of sessions cannot be kept; that of later requests is tried again", "error", err)
		}
		failing = err != nil
	}
}

// closeTimeout bounds how long the last flush may wait for the store.
const closeTimeout = 5 * time.Second

// Close writes what is left. Run must have ended.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return l.Flush(ctx)
}

// Flush writes what has been noted, and returns when it is durable.
func (l *Log) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	pending, missed := l.drain()
	if missed > 0 {
		l.options.Logger.Warn("there was no room for the activity of some sessions", "requests", missed)
	}
	var batch durable.Batch
	var failure error
	waiting := 0
	settle := func() {
		for _, r := range batch.Wait(ctx) {
			if r.Err != nil && failure == nil {
				failure = fmt.Errorf("keep the activity of sessions: %w", r.Err)
			}
		}
		waiting = 0
	}
	for id, s := range pending {
		data, at := s.take(l.options.TTL.Milliseconds())
		if path := []byte(prefix + id); data == nil {
			batch.Remove(ctx, l.options.Store, &datastore.Query{Pattern: path})
		} else {
			batch.Write(ctx, l.options.Store, &datastore.Write{Op: datastore.Put, Path: path, Data: data, Now: at})
		}
		if waiting++; waiting == maxBatch {
			settle()
		}
	}
	settle()
	return failure
}

// Clean removes what is older than TTL, at most once in a while.
func (l *Log) Clean(ctx context.Context) error {
	now := l.options.Now()
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if now.Sub(l.cleaned) < cleanEvery {
		return nil
	}
	l.cleaned = now
	old, err := l.byAge("$lt")
	if err == nil {
		_, err = durable.RemoveAll(ctx, l.options.Store, &datastore.Query{Pattern: []byte(prefix + "*"), Filter: old})
	}
	if err != nil {
		return fmt.Errorf("remove the old activity of sessions: %w", err)
	}
	return nil
}

// byAge returns the filter that compares when a document was written with the
// time since when activity is kept.
func (l *Log) byAge(operator string) (*match.Filter, error) {
	since := strconv.FormatInt(l.options.Now().Add(-l.options.TTL).UnixMilli(), 10)
	return match.CompileFilter([]byte(`{"_meta.modified":{"` + operator + `":` + since + `}}`))
}

// Forget removes what is kept of a session that is over, with the next flush. It
// waits for nothing.
func (l *Log) Forget(s *Slot) {
	if l != nil && s != nil {
		s.forget()
	}
}

// Entry is what one session asked for last.
type Entry struct {
	Session    string `json:"id"`
	Time       int64  `json:"time"` // Unix time in ms
	Action     string `json:"action"`
	Path       string `json:"path"`
	Authorized bool   `json:"authorized"`
	Reason     string `json:"reason,omitempty"` // why it was not allowed
	Error      string `json:"error,omitempty"`  // what kept the host from deciding
}

// List returns what is kept, by the ids of the sessions, also what waits to be
// written. session is one id, or "" for all; limit is 0 for no limit.
func (l *Log) List(ctx context.Context, session string, skip, limit int) ([]Entry, error) {
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	pattern := prefix + "*"
	if session != "" {
		if pattern = prefix + session; strings.Contains(session, "*") {
			return nil, nil // nobody has such an id
		}
	}
	kept, err := l.byAge("$gte") // the next Clean takes the others
	if err != nil {
		return nil, err
	}
	var all []Entry
	err = l.options.Store.Find(ctx, &datastore.Query{Pattern: []byte(pattern), Filter: kept, Skip: skip, Limit: limit}, func(doc *datastore.Document) bool {
		var kept struct{ Data Entry }
		_ = json.Unmarshal(doc.Data, &kept) // what cannot be read is somebody's who wrote there; its session is shown
		kept.Data.Session, kept.Data.Time = strings.TrimPrefix(doc.Path, prefix), doc.Modified
		all = append(all, kept.Data)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list the activity of sessions: %w", err)
	}
	return all, nil
}
