package transport

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// pollWait is how long a request for bytes waits for some, and how long one that
// is over can be asked about.
const pollWait = 25 * time.Second

// Polls are connections of bytes over HTTP: a POST to a path opens one and has its
// id for an answer, a POST to the id below the path sends bytes, a GET waits for
// some, and a DELETE ends it. Who knows the id has the connection.
type Polls struct {
	queue, body int // bytes that wait for one peer, and of one request
	full        func() bool
	life        context.Context // whose end ends the waiting

	mu   sync.Mutex
	open map[string]*Poll
}

// PollOwner owns a connection over HTTP.
type PollOwner interface {
	Owner
	// Heard is called when the peer has shown that it is there.
	Heard()
}

// NewPolls returns none yet. full says when there may be no more.
func NewPolls(life context.Context, queueBytes, bodyBytes int, full func() bool) *Polls {
	return &Polls{queue: queueBytes, body: bodyBytes, full: full, life: life, open: map[string]*Poll{}}
}

// Poll is one connection.
type Poll struct {
	polls   *Polls
	id      string
	owner   PollOwner
	sending sync.Mutex // one request with bytes after the other

	mu      sync.Mutex
	queued  []byte
	waiting bool // somebody waits for bytes
	over    bool
	reason  string
	wake    chan struct{} // has room for one
}

// Serve answers a request to the path of an endpoint, or to what is below it.
func (s *Polls) Serve(w http.ResponseWriter, r *http.Request, path string, accept func(p *Poll, info Info) (PollOwner, error)) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
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
	case s.full():
		http.Error(w, "too many sessions: limits.sessions is reached", http.StatusServiceUnavailable)
		return
	}
	first, ok := s.read(w, r)
	if !ok {
		return
	}
	p := &Poll{polls: s, id: rand.Text(), wake: make(chan struct{}, 1)}
	owner, err := accept(p, infoOf(r))
	if err != nil {
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.body)))
	if err != nil {
		http.Error(w, "the body could not be read: "+err.Error(), http.StatusRequestEntityTooLarge)
	}
	return body, err == nil
}

// receive takes bytes of the peer, and answers when they are taken.
func (p *Poll) receive(w http.ResponseWriter, r *http.Request) {
	body, ok := p.polls.read(w, r)
	if !ok {
		return
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	p.mu.Lock()
	over, reason := p.over, p.reason
	p.mu.Unlock()
	if over {
		http.Error(w, "the connection is over: "+reason, http.StatusGone)
		return
	}
	p.owner.Data(body, false)
	w.WriteHeader(http.StatusNoContent)
}

// give answers with what there is for the peer, when there is something.
func (p *Poll) give(w http.ResponseWriter, r *http.Request) {
	p.owner.Heard()
	p.mu.Lock()
	if p.waiting {
		p.mu.Unlock()
		http.Error(w, "another request waits already", http.StatusConflict)
		return
	}
	p.waiting = true
	p.mu.Unlock()
	b, over, reason := p.await(r.Context())
	p.owner.Heard()
	switch {
	case len(b) > 0:
		p.owner.Writable()
		w.Header().Set("Content-Type", "application/octet-stream")
		if _, err := w.Write(b); err != nil {
			p.owner.Closed(fmt.Errorf("an answer was not received: %w", err))
		}
	case over:
		p.polls.forget(p)
		http.Error(w, "the connection is over: "+reason, http.StatusGone)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// await takes what there is for the peer.
func (p *Poll) await(ctx context.Context) (b []byte, over bool, reason string) {
	timer := time.NewTimer(pollWait)
	defer timer.Stop()
	for late := false; ; {
		p.mu.Lock()
		if len(p.queued) > 0 || p.over || late {
			b, p.queued, p.waiting = p.queued, nil, false
			over, reason = p.over, p.reason
			p.mu.Unlock()
			return b, over, reason
		}
		p.mu.Unlock()
		select {
		case <-p.wake:
		case <-timer.C:
			late = true
		case <-p.polls.life.Done():
			late = true
		case <-ctx.Done(): // what comes now is for the next request
			p.mu.Lock()
			p.waiting = false
			p.mu.Unlock()
			return nil, false, ""
		}
	}
}

func (s *Polls) forget(p *Poll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, p.id)
}

func (p *Poll) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Send queues bytes for the peer.
func (p *Poll) Send(b []byte, _ bool) {
	p.mu.Lock()
	full := len(p.queued) > 0 && len(p.queued)+len(b) > p.polls.queue
	if !full && !p.over {
		p.queued = append(p.queued, b...)
		p.signal()
	}
	owner := p.owner
	p.mu.Unlock()
	if full {
		p.Close(errSlowReader.Error())
		if owner != nil { // it has heard of the connection
			owner.Closed(errSlowReader)
		}
	}
}

// Flush does nothing: what is queued waits for a request.
func (p *Poll) Flush() {}

// QueuedBytes returns how much waits for the peer.
func (p *Poll) QueuedBytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queued)
}

// Close ends the connection. What is queued can be fetched for a while.
func (p *Poll) Close(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.reason = true, reason
		p.signal()
		time.AfterFunc(pollWait, func() { p.polls.forget(p) })
	}
}

// Gone reports false: nobody can tell before the next request is missing.
func (p *Poll) Gone() bool { return false }
