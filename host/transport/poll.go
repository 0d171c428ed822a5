package transport

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Poll is one connection over HTTP. What is for its peer is a stream that is
// counted in bytes from the connection's beginning. An answer says where the next
// one begins, in the header Happn-Next; a peer that names that place in its next
// request, as ?from=, has received everything before it, and can have everything
// behind it again. Of a peer that names no place it is taken that it has what was
// written to it.
type Poll struct {
	polls   *Polls
	id      string
	owner   PollOwner
	sending sync.Mutex // one request with bytes after the other

	mu      sync.Mutex
	queued  []byte // what the peer is not known to have
	start   uint64 // where queued begins
	written uint64 // up to where it was written to the peer
	offered uint64 // up to where that was begun
	turn    *turn  // of the request that waits, or is being answered; nil if none is
	over    bool
	reason  string
}

// turn is a request for bytes.
type turn struct {
	wake      chan struct{} // has room for one: look again
	answering bool
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
	if p.owner.Heard(); len(body) > 0 {
		p.owner.Data(body, false)
	}
	w.WriteHeader(http.StatusNoContent)
}

// give answers with what there is for the peer, when there is something.
func (p *Poll) give(w http.ResponseWriter, r *http.Request) {
	p.owner.Heard()
	mine, status, err := p.take(r.URL.Query()["from"])
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	p.owner.Writable()
	status, b, next := p.await(r, mine)
	p.owner.Heard()
	w.Header().Set("Happn-Next", strconv.FormatUint(next, 10))
	w.Header().Set("Access-Control-Expose-Headers", "Happn-Next")
	switch status {
	case http.StatusOK:
		p.finish(mine, next, p.answer(w, b))
		p.owner.Writable()
	case http.StatusGone:
		p.polls.forget(p)
		http.Error(w, "the connection is over: "+p.reasonOf(), status)
	case http.StatusConflict:
		http.Error(w, "another request has taken the place of this one", status)
	default:
		w.WriteHeader(status)
	}
}

func (p *Poll) reasonOf() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// take makes a request the one that is answered next, and drops what it shows to
// have been received. from is the place that it names, if any.
func (p *Poll) take(from []string) (mine *turn, status int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.written
	switch {
	case len(from) > 0:
		if at, err = strconv.ParseUint(from[0], 10, 64); err != nil || at < p.start || at > p.offered {
			return nil, http.StatusBadRequest, fmt.Errorf("from is a place from %d to %d, as Happn-Next says", p.start, p.offered)
		}
	case p.turn != nil && p.turn.answering:
		return nil, http.StatusConflict, fmt.Errorf("another request is being answered; ?from=%d asks for the same again", p.start)
	}
	p.queued = p.queued[at-p.start:]
	if p.start = at; len(p.queued) == 0 {
		p.queued = nil
	}
	p.written = max(p.written, at)
	p.signal()
	mine = &turn{wake: make(chan struct{}, 1)}
	p.turn = mine
	return mine, 0, nil
}

// await returns when there is something for the peer, or when that takes too long,
// and up to where. Unless the status is StatusOK, the turn is over.
func (p *Poll) await(r *http.Request, mine *turn) (status int, b []byte, next uint64) {
	timer := time.NewTimer(pollWait)
	defer timer.Stop()
	for late := false; ; {
		p.mu.Lock()
		status = p.outcome(mine, r.Context().Err() != nil, late)
		switch {
		case status == http.StatusOK:
			b, mine.answering = p.queued, true
			p.offered = p.start + uint64(len(b))
		case status != 0 && p.turn == mine:
			p.turn = nil
		}
		next = p.start + uint64(len(b))
		p.mu.Unlock()
		if status != 0 {
			return status, b, next
		}
		select {
		case <-mine.wake:
		case <-timer.C:
			late = true
		case <-p.polls.Life.Done():
			late = true
		case <-r.Context().Done():
		}
	}
}

// outcome returns the status of an answer that is due, 0 for none. The caller holds
// mu.
func (p *Poll) outcome(mine *turn, gone, late bool) int {
	switch {
	case p.turn != mine:
		return http.StatusConflict
	case gone: // it is for the next request
		return http.StatusNoContent
	case len(p.queued) > 0:
		return http.StatusOK
	case p.over:
		return http.StatusGone
	case late:
		return http.StatusNoContent
	}
	return 0
}

// answer writes an answer, and reports whether all of it was taken.
func (p *Poll) answer(w http.ResponseWriter, b []byte) bool {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(p.polls.WriteTimeout)) // what cannot do that needs none
	if _, err := w.Write(b); err != nil {
		return false
	}
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	_ = control.SetWriteDeadline(time.Time{})
	return true
}

// finish ends a turn with an answer up to next.
func (p *Poll) finish(mine *turn, next uint64, written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turn == mine {
		p.turn = nil
	}
	if written {
		p.written = max(p.written, next)
	}
}

// signal has the request whose turn it is look again. The caller holds mu.
func (p *Poll) signal() {
	if p.turn == nil {
		return
	}
	select {
	case p.turn.wake <- struct{}{}:
	default:
	}
}

// Send queues bytes for the peer.
func (p *Poll) Send(b []byte, _ bool) {
	p.mu.Lock()
	waiting := p.unwritten()
	full := waiting > 0 && waiting+len(b) > p.polls.QueueBytes
	if !full && !p.over {
		p.queued = append(p.queued, b...)
		p.signal()
	}
	slow, owner := full && !p.over, p.owner
	p.mu.Unlock()
	if !slow {
		return
	}
	p.polls.SlowReaders.Add(1)
	p.Close(errSlowReader.Error())
	if owner != nil { // it has heard of the connection
		owner.Closed(errSlowReader)
	}
}

// unwritten is how much waits for the peer. The caller holds mu.
func (p *Poll) unwritten() int { return len(p.queued) - int(p.written-p.start) }

// Flush does nothing: what is queued waits for a request.
func (p *Poll) Flush() {}

// QueuedBytes returns how much waits for the peer.
func (p *Poll) QueuedBytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unwritten()
}

// Close ends the connection. What is queued can be fetched for a while.
func (p *Poll) Close(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.reason = true, reason
		p.polls.going.Add(-1)
		p.signal()
		time.AfterFunc(pollWait, func() { p.polls.forget(p) })
	}
}

// Gone reports false: nobody can tell before the next request is missing.
func (p *Poll) Gone() bool { return false }
