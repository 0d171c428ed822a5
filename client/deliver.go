package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Publication is one change that a subscription is told about.
type Publication struct {
	Data json.RawMessage // the document's object, or {"removed": n} for removals
	Meta PublicationMeta
}

// PublicationMeta is what the server says about a publication. What it did not
// say is zero.
type PublicationMeta struct {
	Path          string      `json:"path"`          // of the change; removals may have a pattern
	Action        string      `json:"action"`        // /SET@path or /REMOVE@path; "" for InitialEmit
	Channel       string      `json:"channel"`       // of the subscription
	SessionID     string      `json:"sessionId"`     // of the publisher
	PublicationID string      `json:"publicationId"` // of this publication
	Consistency   int         `json:"consistency"`   // the protocol's number, 0 to 3
	Created       int64       `json:"created"`       // milliseconds since 1970
	Modified      int64       `json:"modified"`      // milliseconds since 1970
	Depth         int         `json:"depth"`         // of subscriptions that end in /**
	EventOrigin   EventOrigin `json:"eventOrigin"`   // on secure servers

	Raw json.RawMessage `json:"-"` // the whole meta, with what the publisher added
}

// EventOrigin is who caused a publication.
type EventOrigin struct {
	Username string `json:"username"`
	ID       string `json:"id"` // of the session
}

// Removed reports whether the publication is about a removal.
func (p *Publication) Removed() bool { return strings.HasPrefix(p.Meta.Action, "/REMOVE@") }

// Decode unmarshals the publication's object into v.
func (p *Publication) Decode(v any) error {
	if err := json.Unmarshal(p.Data, v); err != nil {
		return fmt.Errorf("decode publication on %s: %w", p.Meta.Path, err)
	}
	return nil
}

// Value unmarshals into v what was published if that was not a JSON object.
func (p *Publication) Value(v any) error { return decodeValue(p.Data, p.Meta.Path, v) }

// delivery is something that waits for a handler: a publication as received,
// or a function that shows documents which were there before.
type delivery struct {
	data, meta []byte
	acked      <-chan struct{} // not nil: wait for it first
	initial    func(ctx context.Context)
}

// publication hands a received publication to the subscriptions of its
// channel. It runs on the link's reader and does not wait.
func (c *Client) publication(l *link, m *message) {
	d := delivery{data: m.data, meta: m.meta}
	if m.consistency == 3 && m.publication != "" {
		d.acked = c.acknowledge(l, m.publication)
	}
	c.mu.Lock()
	subs := c.subs[m.channel]
	c.mu.Unlock()
	for _, s := range subs {
		s.enqueue(d)
	}
}

// acknowledge tells the publisher's server that a publication has arrived; the
// channel is closed when that is known to have been heard, or never will be.
func (c *Client) acknowledge(l *link, publication string) <-chan struct{} {
	done := make(chan struct{})
	req := &request{action: "ack", data: rawjson.AppendString(nil, publication)}
	c.acks.add(func() {
		_, err := l.start(c.ctx, req, func(*message, error) { close(done) })
		if err != nil {
			close(done)
		}
	})
	return done
}

func (s *Subscription) enqueue(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if len(s.queue) >= s.opts.QueueSize {
		s.drop()
		return
	}
	s.queue = append(s.queue, d)
	s.kick()
}

// drop counts a publication that found the queue full. The listener is told of
// those that gather until it has time. The caller holds mu.
func (s *Subscription) drop() {
	s.dropped++
	s.unsaid++
	f := s.client.opts.Listener.PublicationsDropped
	if f == nil || s.unsaid > 1 {
		return
	}
	s.client.events.add(func() {
		s.mu.Lock()
		n := s.unsaid
		s.unsaid = 0
		s.mu.Unlock()
		f(s, n)
	})
}

// kick makes sure that somebody handles the queue. The caller holds mu.
func (s *Subscription) kick() {
	if s.open && !s.running && len(s.queue) > 0 {
		s.running = s.client.spawn(s.run)
	}
}

func (s *Subscription) run() {
	for {
		s.mu.Lock()
		if s.over || len(s.queue) == 0 || s.client.ctx.Err() != nil {
			s.queue, s.running = nil, false
			s.mu.Unlock()
			return
		}
		batch := s.queue
		d := batch[0]
		batch[0] = delivery{}
		s.queue = batch[1:]
		s.mu.Unlock()
		if last := s.handle(d); last {
			s.finish()
		}
	}
}

// handle shows one delivery to the handler. It reports whether that was the
// last one of a subscription with a count.
func (s *Subscription) handle(d delivery) (last bool) {
	ctx := s.client.ctx
	if d.initial != nil {
		d.initial(ctx)
		return false
	}
	if d.acked != nil {
		s.awaitAck(ctx, d.acked)
	}
	p := Publication{Data: d.data}
	if err := json.Unmarshal(d.meta, &p.Meta); err != nil {
		s.client.opts.Logger.Warn("publication ignored", "channel", s.channel, "error", err)
		return false
	}
	p.Meta.Raw = d.meta
	if !s.reaches(p.Meta.Path) {
		return false
	}
	s.handler(ctx, p)
	s.seen++ // only the goroutine that runs touches it
	return s.opts.Count > 0 && s.seen >= s.opts.Count
}

func (s *Subscription) awaitAck(ctx context.Context, acked <-chan struct{}) {
	timer := time.NewTimer(s.client.opts.CallTimeout)
	defer timer.Stop()
	select {
	case <-acked:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// reaches reports whether a path is within the depth of a subscription that
// ends in /**. Several depths of one session share a channel and the server
// sends one frame for all of them, so it must be looked at here.
func (s *Subscription) reaches(path string) bool {
	if s.opts.Depth == 0 {
		return true
	}
	return segments(path)-s.above <= s.opts.Depth
}

// segments counts the parts of a path; its leading slash is optional.
func segments(path string) int {
	return 1 + strings.Count(strings.TrimPrefix(path, "/"), "/")
}

// finish ends a subscription that has counted to its end.
func (s *Subscription) finish() {
	err := s.client.Off(s.client.ctx, s)
	if err != nil && !errors.Is(err, ErrClosed) && s.client.ctx.Err() == nil {
		s.client.opts.Logger.Warn("off after count failed", "channel", s.channel, "error", err)
	}
}

// initialDeliveries shows documents that were there before the subscription.
func (s *Subscription) initialDeliveries(docs []Document) []delivery {
	var out []delivery
	if f := s.opts.InitialCallback; f != nil {
		out = append(out, delivery{initial: func(ctx context.Context) { f(ctx, docs) }})
	}
	if !s.opts.InitialEmit {
		return out
	}
	out = slices.Grow(out, len(docs))
	for i := range docs {
		p := Publication{Data: docs[i].Data, Meta: PublicationMeta{
			Path: docs[i].Meta.Path, Channel: s.channel,
			Created: docs[i].Meta.Created, Modified: docs[i].Meta.Modified,
		}}
		out = append(out, delivery{initial: func(ctx context.Context) { s.handler(ctx, p) }})
	}
	return out
}
