package plugin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// eventPause is how long a plugin that has no instance free, or is left alone, is
// not asked to take the next event.
const eventPause = 50 * time.Millisecond

// subscriber hears events for one plugin, or for one instance of it, and hands
// them on in their order.
type subscriber struct {
	actor   Actor
	deliver func(rec *abi.Record) error // to the guest

	mu     sync.Mutex
	limits *limit.Set
	tell   func(error)   // of events that are lost
	wake   chan struct{} // has room for one
	queue  [][]byte      // encoded records
	bytes  int
	missed bool

	stop context.CancelFunc
	done sync.WaitGroup
}

// subscribe opens the subscriptions of a plugin. The events that are heard from
// then on are delivered once start has been called.
func subscribe(services Services, g *generation, channels []string) (*subscriber, error) {
	m := g.manifest
	s := &subscriber{wake: make(chan struct{}, 1), limits: &m.Limits, tell: g.tell}
	actor, err := services.Open(Identity{Plugin: m.Name, Permissions: m.Permissions, Deliver: s.hear})
	if err != nil {
		return nil, err
	}
	s.actor = actor
	for _, channel := range channels {
		if err := actor.On(context.Background(), channel, nil); err != nil {
			actor.Close()
			return nil, err
		}
	}
	return s, nil
}

// start delivers what is heard to deliver, from a goroutine that close ends.
func (s *subscriber) start(deliver func(rec *abi.Record) error) {
	ctx, stop := context.WithCancel(context.Background())
	s.deliver, s.stop = deliver, stop
	s.done.Go(func() { s.run(ctx) })
}

// close ends the subscriptions and waits for the call in progress.
func (s *subscriber) close() {
	s.actor.Close()
	if s.stop != nil {
		s.stop()
		s.done.Wait()
	}
}

// hear keeps a copy of an event.
func (s *subscriber) hear(rec *abi.Record) {
	event := make([]byte, rec.Size())
	if _, err := rec.Encode(event); err != nil {
		return
	}
	s.mu.Lock()
	if err := s.fits(len(event)); err != nil {
		tell := s.tell
		s.missed = true
		s.mu.Unlock()
		tell(err)
		return
	}
	s.queue = append(s.queue, event)
	s.bytes += len(event)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// fits looks whether an event of so many bytes may wait, too. The caller holds mu.
func (s *subscriber) fits(size int) error {
	n, bytes := len(s.queue)+1, s.bytes+size
	switch l := s.limits; {
	case n > l.Events:
		return l.Over(limit.Events, nil, "events are lost, since %d would wait for the plugin", n)
	case bytes > l.EventsKiB<<10:
		return l.Over(limit.EventsKiB, nil, "events are lost, since %d bytes of them would wait for the plugin", bytes)
	}
	return nil
}

// obey gives the subscriber the limits of another version.
func (s *subscriber) obey(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits, s.tell = &g.manifest.Limits, g.tell
}

// take removes what waits.
func (s *subscriber) take() (events [][]byte, missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, missed = s.queue, s.missed
	s.queue, s.bytes, s.missed = nil, 0, false
	return events, missed
}

func (s *subscriber) run(ctx context.Context) {
	lost := false // the guest has yet to be told
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		events, missed := s.take()
		lost = lost || missed
		for _, event := range events {
			var rec abi.Record
			if rec.Decode(event) != nil {
				continue
			}
			if lost {
				rec.Flags |= abi.FlagMissed
			}
			taken, alive := s.hand(ctx, &rec)
			if !alive {
				return
			}
			lost = !taken
		}
	}
}

// hand gives one event to the guest, as often as there is nobody to take it. It
// reports whether the guest took it, and false as alive when ctx has ended.
func (s *subscriber) hand(ctx context.Context, rec *abi.Record) (taken, alive bool) {
	for {
		err := s.deliver(rec)
		if err == nil {
			return true, true
		}
		if !errors.Is(err, errBusy) && !errors.Is(err, errOpen) {
			return false, true // it has failed on this one; the next may do
		}
		select {
		case <-ctx.Done():
			return false, false
		case <-time.After(eventPause):
		}
	}
}

// events keeps one subscriber for each plugin with an event hook.
type events struct {
	services Services

	mu   sync.Mutex
	subs map[*plugin]*pluginEvents
}

// pluginEvents are the subscriptions of one plugin.
type pluginEvents struct {
	sub      *subscriber
	channels []string
	manifest *manifest.Manifest
}

// follow brings the subscriptions in line with the plugins that run, and
// returns what failed. Subscriptions that stay the same lose nothing.
func (e *events) follow(bindings func() []*binding) (problems map[*plugin]error) {
	if e.services == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	problems = map[*plugin]error{}
	wanted := map[*plugin]bool{}
	for _, b := range bindings() { // of now: others may have followed what came later
		h := b.hook()
		if h == nil || h.hook.Event.Each {
			continue
		}
		wanted[b.plugin] = true
		if err := e.keep(b, h); err != nil {
			problems[b.plugin] = err
		}
	}
	for p, s := range e.subs {
		if !wanted[p] {
			s.sub.close()
			delete(e.subs, p)
		}
	}
	return problems
}

// keep opens what a plugin subscribes to, unless it is open.
func (e *events) keep(b *binding, h *boundHook) error {
	g := b.plugin.gen.Load()
	channels := h.hook.Event.Channels()
	before := e.subs[b.plugin]
	if before != nil && slices.Equal(before.channels, channels) && samePermissions(before.manifest, g.manifest) {
		before.sub.obey(g)
		return nil
	}
	sub, err := subscribe(e.services, g, channels)
	if before != nil {
		before.sub.close()
		delete(e.subs, b.plugin)
	}
	if err != nil {
		return err
	}
	e.subs[b.plugin] = &pluginEvents{sub: sub, channels: channels, manifest: g.manifest}
	sub.start(func(rec *abi.Record) error {
		ctx, span := b.begin("event")
		defer span.End()
		_, _, err := b.call(ctx, rec)
		return err
	})
	return nil
}

func samePermissions(a, b *manifest.Manifest) bool {
	if len(a.Permissions) != len(b.Permissions) {
		return false
	}
	for path, p := range a.Permissions {
		q, ok := b.Permissions[path]
		if !ok || !slices.Equal(p.Actions, q.Actions) || !slices.Equal(p.Prohibit, q.Prohibit) {
			return false
		}
	}
	return true
}

// close ends all subscriptions.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for p, s := range e.subs {
		s.sub.close()
		delete(e.subs, p)
	}
}
