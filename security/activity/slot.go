package activity

import (
	"math"
	"strconv"
	"sync"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Slot is what one session asked for last. A nil Slot takes no notes. It is safe
// for concurrent use.
type Slot struct {
	log *Log
	id  string

	mu         sync.Mutex
	dirty      bool // it is among those to be written
	forgotten  bool
	path       []byte
	action     string
	failure    string
	authorized bool
	reason     string
	at         int64 // Unix time in ms
}

// Note takes down a request. The path is borrowed; an error is what kept the
// host from deciding, a reason why it was not allowed.
func (s *Slot) Note(action string, path []byte, authorized bool, reason, failure string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.path = append(s.path[:0], path[:min(len(path), maxPath)]...)
	s.action, s.authorized, s.reason, s.failure = action, authorized, reason, failure
	s.at = s.log.options.Now().UnixMilli()
	first := !s.dirty && !s.forgotten
	s.dirty = s.dirty || first
	s.mu.Unlock()
	if first && !s.log.add(s) {
		s.mu.Lock()
		s.dirty = false
		s.mu.Unlock()
	}
}

// later returns the slot with the later note, or the one whose session is over.
func later(a, b *Slot) *Slot {
	if a.noted() > b.noted() {
		return a
	}
	return b
}

// noted returns when the last request was noted.
func (s *Slot) noted() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten {
		return math.MaxInt64
	}
	return s.at
}

// take returns the document to write and when it was noted, nil to remove it.
func (s *Slot) take(ttl int64) (data []byte, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dirty = false; s.forgotten {
		return nil, 0
	}
	out := rawjson.AppendString([]byte(`{"data":{"path":`), string(s.path))
	out = rawjson.AppendString(append(out, `,"action":`...), s.action)
	out = rawjson.AppendString(append(out, `,"id":`...), s.id)
	out = rawjson.AppendString(append(out, `,"error":`...), s.failure)
	out = strconv.AppendBool(append(out, `,"authorized":`...), s.authorized)
	if s.reason != "" {
		out = rawjson.AppendString(append(out, `,"reason":`...), s.reason)
	}
	out = rawjson.AppendString(append(out, `},"key":`...), s.id)
	out = strconv.AppendInt(append(out, `,"ttl":`...), ttl, 10)
	return append(out, `,"noclone":false}`...), s.at
}

// forget has what is kept of the session removed, with the next flush.
func (s *Slot) forget() {
	s.mu.Lock()
	first := !s.dirty
	s.dirty, s.forgotten = true, true
	s.mu.Unlock()
	if first {
		s.log.add(s)
	}
}
