package transport

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pollWait is how long a request for bytes waits for some, and how long one that
// is over can be asked about.
const pollWait = 25 * time.Second

// PollOptions says what Polls need.
type PollOptions struct {
	QueueBytes   int           // that wait for one peer
	BodyBytes    int           // of one request
	WriteTimeout time.Duration // for one answer

	// Full says when there may be no more connections.
	Full func() bool
	// Allowed reports whether the page that a request comes from may connect.
	Allowed func(r *http.Request) bool
	// Life ends the waiting of all requests when it ends.
	Life context.Context
	// SlowReaders counts connections that are closed because the peer does not read.
	SlowReaders *atomic.Int64
}

// Polls are connections of bytes over HTTP: a POST to a path opens one and has its
// id for an answer, a POST to the id below the path sends bytes, a GET waits for
// some, and a DELETE ends it. Who knows the id has the connection.
type Polls struct {
	PollOptions

	going atomic.Int64 // connections that are not over

	mu   sync.Mutex
	open map[string]*Poll // also those that are over, for a while
}

// PollOwner owns a connection over HTTP.
type PollOwner interface {
	Owner
	// Heard is called when the peer has shown that it is there.
	Heard()
}

// NewPolls returns none yet.
func NewPolls(o PollOptions) *Polls { return &Polls{PollOptions: o, open: map[string]*Poll{}} }

// Open returns how many connections there are.
func (s *Polls) Open() int { return int(s.going.Load()) }

// Serve answers a request to the path of an endpoint, or to what is below it.
func (s *Polls) Serve(w http.ResponseWriter, r *http.Request, path string, accept func(p *Poll, info Info) (PollOwner, error)) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !s.Allowed(r) {
		http.Error(w, "this page may not connect: websocket.origins does not name its origin", http.StatusForbidden)
		return
	}
	id, below := strings.CutPrefix(r.URL.Path, path+"/")
	if !below {
		s.begin(w, r, accept)
		return
	}
	s.mu.Lock()
	p := s.open[id]
	s.mu.Unlock()
	switch {
	case p == nil:
		http.Error(w, "there is no such connection: POST to "+path+" opens one", http.StatusNotFound)
	case r.Method == http.MethodPost:
		p.receive(w, r)
	case r.Method == http.MethodGet:
		p.give(w, r)
	case r.Method == http.MethodDelete:
		p.owner.Closed(nil)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "POST sends, GET receives, DELETE ends", http.StatusMethodNotAllowed)
	}
}

// begin opens a connection.
func (s *Polls) begin(w http.ResponseWriter, r *http.Request, accept func(p *Poll, info Info) (PollOwner, error)) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "POST opens a connection", http.StatusMethodNotAllowed)
		return
	case s.Full():
		http.Error(w, "too many sessions: limits.sessions is reached", http.StatusServiceUnavailable)
		return
	}
	first, ok := s.read(w, r)
	if !ok {
		return
	}
	p := &Poll{polls: s, id: rand.Text()}
	s.going.Add(1)
	owner, err := accept(p, infoOf(r))
	if err != nil {
		p.Close(err.Error())
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	p.mu.Lock()
	p.owner = owner
	p.mu.Unlock()
	s.mu.Lock()
	s.open[p.id] = p
	s.mu.Unlock()
	if len(first) > 0 {
		owner.Data(first, false)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{"id": p.id}) // the peer has gone if it fails
}

// read reads the body of a request.
func (s *Polls) read(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.BodyBytes)))
	if err != nil {
		http.Error(w, "the body could not be read: "+err.Error(), http.StatusRequestEntityTooLarge)
	}
	return body, err == nil
}

func (s *Polls) forget(p *Poll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, p.id)
}
