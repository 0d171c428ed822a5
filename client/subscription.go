package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// EventType is which changes a subscription is told about.
type EventType string

// The types of events.
const (
	EventAll    EventType = "all"
	EventSet    EventType = "set"
	EventRemove EventType = "remove"
)

// Handler is called for the publications of a subscription, one at a time and
// in order of arrival. ctx ends when the client is closed.
type Handler func(ctx context.Context, p Publication)

// OnOptions are the options of a subscription; all of them are kept when the
// client reconnects. The zero value, like nil, is the default.
type OnOptions struct {
	// Event is which changes to be told about; EventAll when empty.
	Event EventType

	// Count ends the subscription after so many publications; 0: never.
	Count int

	// Depth is how many path segments below it a subscription that ends in /**
	// reaches; Options.DefaultVariableDepth when 0.
	Depth int

	// Merge asks for the data as it was sent rather than as it is stored, which
	// differs for writes that merge.
	Merge bool

	// InitialCallback is called with the documents that are there already,
	// before the handler is called for the first time, and again after every
	// reconnect, when changes may have been missed.
	InitialCallback func(ctx context.Context, docs []Document)

	// InitialEmit calls the handler for every document that is there already,
	// and again after every reconnect. Such publications have no Action and do
	// not count for Count.
	InitialEmit bool

	// Meta is kept by the server with the subscription.
	Meta map[string]any

	// OnBehalfOf subscribes as another user, for delegates.
	OnBehalfOf string

	// QueueSize is how many publications may wait for the handler;
	// Options.QueueSize when 0. Publications that arrive while the queue is
	// full are dropped: a handler that falls behind loses the newest, and
	// neither grows the process nor holds up other subscriptions.
	QueueSize int
}

// Subscription is a standing interest in the changes of paths.
type Subscription struct {
	client  *Client
	path    string
	channel string
	options []byte // raw JSON, sent with every on
	opts    OnOptions
	handler Handler
	above   int  // segments before the ** of a path that ends in it
	initial bool // the answer to on carries documents

	mu      sync.Mutex
	link    *link  // on which ref is valid
	ref     string // the server's name for it
	open    bool   // the answer has come: the queue may be handled
	running bool   // a goroutine handles the queue
	over    bool   // nothing is handled any more
	queue   []delivery
	seen    int // publications counted for Count
	dropped uint64
	unsaid  uint64 // of dropped, not yet told to the listener
}

// Path is the path or pattern that was subscribed to.
func (s *Subscription) Path() string { return s.path }

// Dropped is how many publications were lost because the queue was full.
func (s *Subscription) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Off ends the subscription, see Client.Off.
func (s *Subscription) Off(ctx context.Context) error { return s.client.Off(ctx, s) }

// onWire is a subscription's options on the wire.
type onWire struct {
	EventType       EventType      `json:"event_type"`
	Count           int            `json:"count"`
	Depth           int            `json:"depth,omitempty"`
	Merge           bool           `json:"merge,omitempty"`
	InitialCallback bool           `json:"initialCallback,omitempty"`
	InitialEmit     bool           `json:"initialEmit,omitempty"`
	Meta            map[string]any `json:"meta,omitempty"`
	OnBehalfOf      string         `json:"onBehalfOf,omitempty"`
}

// On subscribes to a path. A segment that is * stands for any one segment, /**
// at the end for any number of them up to a depth, and * alone for every path.
// Publications may reach the handler before On returns.
func (c *Client) On(ctx context.Context, path string, handler Handler, o *OnOptions) (*Subscription, error) {
	sub, err := c.newSubscription(path, handler, o)
	if err != nil {
		return nil, err
	}
	l, err := c.register(sub)
	if err != nil {
		return nil, err
	}
	bound, cancel := c.bounded(ctx)
	defer cancel()
	answered := make(chan error, 1)
	call, err := l.start(bound, sub.request(), func(m *message, err error) {
		if err == nil {
			err = sub.attach(l, m)
		}
		answered <- err
	})
	if err == nil {
		select {
		case err = <-answered:
		case <-bound.Done():
			// If the answer still comes, attach sees that the subscription is
			// over and takes it back at the server.
			err = l.gaveUp(bound, call.req)
		}
	}
	if err != nil {
		c.forget(sub)
		return nil, err
	}
	return sub, nil
}

func (c *Client) newSubscription(path string, handler Handler, o *OnOptions) (*Subscription, error) {
	if path == "" {
		return nil, fmt.Errorf("on: %w", errNoPath)
	}
	s := &Subscription{client: c, path: path, handler: handler}
	if o != nil {
		s.opts = *o
	}
	set(&s.opts.Event, EventAll)
	set(&s.opts.QueueSize, c.opts.QueueSize)
	if path == "**" || strings.HasSuffix(path, "/**") {
		set(&s.opts.Depth, c.opts.DefaultVariableDepth)
		s.above = segments(path) - 1
	} else {
		s.opts.Depth = 0
	}
	s.initial = s.opts.InitialEmit || s.opts.InitialCallback != nil
	s.channel = "/" + strings.ToUpper(string(s.opts.Event)) + "@" + path
	var err error
	s.options, err = json.Marshal(onWire{
		EventType: s.opts.Event, Count: s.opts.Count, Depth: s.opts.Depth, Merge: s.opts.Merge,
		InitialCallback: s.opts.InitialCallback != nil, InitialEmit: s.opts.InitialEmit,
		Meta: s.opts.Meta, OnBehalfOf: s.opts.OnBehalfOf,
	})
	if err != nil {
		return nil, fmt.Errorf("on %s: options: %w", path, err)
	}
	return s, nil
}

func (s *Subscription) request() *request {
	return &request{action: "on", path: s.channel, options: s.options}
}

// register makes the client deliver to a subscription, before the server is
// asked: its first publication may come before its answer.
func (c *Client) register(s *Subscription) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil, c.unavailable()
	}
	c.subs[s.channel] = append(slices.Clip(c.subs[s.channel]), s)
	return c.link, nil
}

// forget takes a subscription out of the client; its handler is not called any
// more, but one call may be running. It returns whether it was there.
func (c *Client) forget(s *Subscription) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := c.subs[s.channel]
	i := slices.Index(there, s)
	if i < 0 {
		return false
	}
	if len(there) == 1 {
		delete(c.subs, s.channel)
	} else {
		c.subs[s.channel] = slices.Concat(there[:i], there[i+1:])
	}
	s.stop()
	return true
}

func (s *Subscription) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.queue = true, nil
}

// lose drops a subscription that the server refuses.
func (c *Client) lose(s *Subscription, err error) {
	if !c.forget(s) {
		return
	}
	if f := c.opts.Listener.SubscriptionLost; f != nil {
		c.events.add(func() { f(s, err) })
	}
}

func (c *Client) allSubscriptions() []*Subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Subscription
	for _, subs := range c.subs {
		all = append(all, subs...)
	}
	return all
}

// attach takes the server's answer to an on. It runs on the link's reader, so
// that no publication after the answer overtakes the initial documents.
func (s *Subscription) attach(l *link, m *message) error {
	ref, docs, err := s.answer(m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link, s.ref = l, ref
	if s.over {
		// Nobody wants it any more; the server need not hear that in a hurry.
		l.client.acks.add(func() { _, _ = l.start(l.client.ctx, s.offRequest(ref), func(*message, error) {}) })
		return nil
	}
	if s.initial {
		// Ahead of publications that came before the answer: they are newer.
		s.queue = slices.Concat(s.initialDeliveries(docs), s.queue)
	}
	s.open = true
	s.kick()
	return nil
}

func (s *Subscription) answer(m *message) (ref string, docs []Document, err error) {
	var meta struct {
		ReferenceID string `json:"referenceId"`
	}
	var data struct {
		ID string `json:"id"`
	}
	if err = json.Unmarshal(m.meta, &meta); err == nil && meta.ReferenceID != "" || !rawjson.IsObject(m.data) {
		if err == nil && s.initial {
			for item := range rawjson.Elements(m.data) {
				if doc, bad := splitItem(item); bad == nil {
					docs = append(docs, doc)
				}
			}
		}
		ref = meta.ReferenceID
	} else if err == nil {
		err = json.Unmarshal(m.data, &data)
		ref = data.ID
	}
	if err != nil {
		err = fmt.Errorf("on %s: answer cannot be read: %w", s.channel, err)
	}
	return ref, docs, err
}
