package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// ConnLimits bounds each connection that plugins speak for.
type ConnLimits struct {
	// KeptBytes is how much of a stream a plugin may want to see at once.
	// Default 1 MiB.
	KeptBytes int
	// QueueBytes is how much may wait for the plugin, and for the peer.
	// Default 4 MiB.
	QueueBytes int
	// Goodbye is how long it may take to end in good order. Default 2 s.
	Goodbye time.Duration
}

// protocols are the connections that plugins speak for, and where they come from.
// Its mutex is held together with no other but a Connection's, which comes first.
type protocols struct {
	network Network // nil if the host has none for plugins
	log     *slog.Logger
	limits  ConnLimits
	turn    atomic.Uint64 // spreads connections over instances

	mu       sync.Mutex
	conns    map[uint64]*Connection
	last     uint64
	attached map[*generation]int // connections, also those that are being opened
	changed  chan struct{}       // closed, and made anew, when attached goes down
	places   map[string]*served
	serving  bool
	quiesced bool
	working  sync.WaitGroup // who see to mailboxes
}

// served is a place that connections to a plugin come to.
type served struct {
	plugin   *plugin
	endpoint hook.Endpoint
	listener Listener // of TCP, nil for paths
	adopted  bool     // by a version that runs
}

func newProtocols(o *Options) *protocols {
	return &protocols{
		network: o.Network, log: o.Logger, limits: o.Connections, conns: map[uint64]*Connection{}, attached: map[*generation]int{},
		changed: make(chan struct{}), places: map[string]*served{},
	}
}

// spawn runs f and has close wait for it.
func (p *protocols) spawn(f func()) { p.working.Go(f) }

// all returns the connections of this moment.
func (p *protocols) all() []*Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Connection, 0, len(p.conns))
	for _, c := range p.conns {
		all = append(all, c)
	}
	return all
}

// find returns a connection by its number, nil if it has ended.
func (p *protocols) find(id uint64) *Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[id]
}

var errStopping = errors.New("the host is stopping")

// accept opens the plugin's side of a connection to a place.
func (p *protocols) accept(of *plugin, place string, w Wire, from Arrival) (*Connection, error) {
	pin, endpoint, err := p.pin(of, place, "")
	if err != nil {
		p.countRefused(of, place)
		return nil, fmt.Errorf("the plugin that speaks for this connection takes none now: %w", err)
	}
	c := &Connection{protocol: p, plugin: of, name: pin.gen.manifest.Name, endpoint: endpoint, from: from, wire: w, speaker: pin}
	c.begin()
	return c, nil
}

func (p *protocols) countRefused(of *plugin, place string) {
	p.mu.Lock()
	s := p.places[place]
	p.mu.Unlock()
	if s != nil {
		of.conns.of(&s.endpoint).refused.Add(1)
	}
}

// begin registers a new connection and shows it to its speaker.
func (c *Connection) begin() {
	c.counts = c.plugin.conns.of(&c.endpoint)
	c.working, c.readOn, c.done = true, make(chan struct{}, 1), make(chan struct{})
	p := c.protocol
	c.session, c.sessionID = p.network.OpenSession(ConnectionLink{c}, c.name, c.from)
	c.divide()
	pin, _ := c.speaker.(*pinned)
	p.mu.Lock()
	p.last++
	c.id = p.last
	p.conns[c.id] = c
	quiesced, leaving := p.quiesced, pin != nil && pin.gen.leaving
	p.mu.Unlock()
	c.mu.Lock()
	c.quiesced, c.moving = c.quiesced || quiesced, c.moving || leaving
	c.mu.Unlock()
	c.counts.accepted.Add(1)
	c.counts.open.Add(1)
	c.open(false)
	c.watchIdle()
	c.work()
}

// forget is called when a connection is over for its guest.
func (p *protocols) forget(c *Connection) {
	p.mu.Lock()
	delete(p.conns, c.id)
	p.mu.Unlock()
	c.counts.open.Add(-1)
	c.counts.ended[c.over].Add(1)
	if pin, ok := c.speaker.(*pinned); ok {
		p.detach(pin.gen)
	}
}

// prepare takes the places that a new version needs, so that one that cannot have
// them is refused before it takes over.
func (p *protocols) prepare(of *plugin, g *generation) error {
	h := g.hooks[hook.PlaceProtocol]
	if h == nil {
		return nil
	}
	if p.network == nil {
		return errors.New("this host has no connections for plugins")
	}
	for _, e := range h.hook.Protocol.Listen {
		if err := p.take(of, e); err != nil {
			p.follow(of, of.gen.Load())
			return err
		}
	}
	return nil
}

// take takes one place, unless the plugin has it.
func (p *protocols) take(of *plugin, e hook.Endpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	have := p.places[e.Place()]
	switch {
	case have != nil && have.plugin != of:
		return fmt.Errorf("hooks: listen: %s belongs to another plugin, %s; each needs its own", e.Place(), have.plugin.file)
	case have != nil && have.endpoint.TLS == e.TLS && have.endpoint.Transport() == e.Transport():
		return nil
	case have != nil:
		return fmt.Errorf("hooks: listen: %s cannot change to %s with tls %t while it is in use; take it away first", e.Place(), e.Transport(), e.TLS)
	}
	s := &served{plugin: of, endpoint: e}
	if e.TCP != "" {
		var err error
		if s.listener, err = p.network.Listen(&e); err != nil {
			return fmt.Errorf("hooks: listen: %w", err)
		}
	}
	p.places[e.Place()] = s
	of.conns.of(&e) // shown from now on
	return nil
}

// follow serves the places of the version that runs, nil for none, and gives up
// the plugin's others.
func (p *protocols) follow(of *plugin, g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for place, s := range p.places {
		if s.plugin != of {
			continue
		}
		wanted := false
		if g != nil && g.hooks[hook.PlaceProtocol] != nil {
			_, wanted = g.endpoint(place)
		}
		if !wanted {
			delete(p.places, place)
			if s.listener != nil {
				s.listener.Close()
			}
			continue
		}
		p.serve(place, s)
	}
}

// serve accepts connections to a place, if it is time. The caller holds mu.
func (p *protocols) serve(place string, s *served) {
	if !p.serving || p.quiesced || s.adopted {
		return
	}
	s.adopted = true
	if s.listener != nil {
		s.listener.Serve(func(w Wire, from Arrival) (*Connection, error) { return p.accept(s.plugin, place, w, from) })
	}
}

// begin accepts connections from now on.
func (p *protocols) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serving = true
	for place, s := range p.places {
		p.serve(place, s)
	}
}

// addresses returns where connections to a plugin come to.
func (p *protocols) addresses(of *plugin) (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(p.places)) {
		s := p.places[place]
		if s.plugin != of {
			continue
		}
		if s.listener != nil {
			place = s.listener.Addr()
		}
		all = append(all, s.endpoint.Transport()+":"+place)
	}
	return all
}

// quiesce stops accepting and reading, and returns when everything that was read
// has been carried out and answered, or when ctx ends.
func (p *protocols) quiesce(ctx context.Context) {
	p.mu.Lock()
	p.quiesced = true
	p.mu.Unlock()
	p.closeListeners()
	for _, c := range p.all() {
		c.mu.Lock()
		c.quiesced = true
		c.wake()
		c.mu.Unlock()
		c.release()
	}
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for !p.quiet() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *protocols) quiet() bool {
	for _, c := range p.all() {
		c.mu.Lock()
		quiet := c.over != 0 || !c.working && c.quiet()
		c.mu.Unlock()
		if !quiet {
			return false
		}
	}
	return true
}

func (p *protocols) closeListeners() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.places {
		if s.listener != nil {
			s.listener.Close()
		}
	}
}

// close ends all connections in good order.
func (p *protocols) close() {
	p.closeListeners()
	for _, c := range p.all() {
		c.dismiss(errStopping.Error())
	}
	deadline := time.After(p.limits.Goodbye)
	for _, c := range p.all() {
		select {
		case <-c.done:
		case <-deadline:
			c.end(abi.ConnClosedByHost, errStopping.Error())
			<-c.done
			deadline = closedTime()
		}
	}
	p.working.Wait()
}

// closedTime is a deadline that is over.
func closedTime() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}

// Accepting has connections to plugins accepted from now on.
func (m *Manager) Accepting() { m.protocols.begin() }

// Quiesce stops accepting and reading connections of plugins, and returns when
// everything that was read has been carried out and answered, or when ctx ends.
func (m *Manager) Quiesce(ctx context.Context) { m.protocols.quiesce(ctx) }

// Farewell ends the connections of plugins in good order.
func (m *Manager) Farewell() { m.protocols.close() }

// At returns the endpoint at a path of the host's HTTP server, and what accepts
// its connections; nil if no plugin has one there.
func (m *Manager) At(path string) (*hook.Endpoint, Accept) {
	p := m.protocols
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.places[path]
	if s == nil || s.listener != nil || !s.adopted {
		return nil, nil
	}
	e := s.endpoint
	if g := s.plugin.gen.Load(); g != nil && g.hooks[hook.PlaceProtocol] != nil {
		if now, ok := g.endpoint(path); ok {
			e = now
		}
	}
	return &e, func(w Wire, from Arrival) (*Connection, error) { return p.accept(s.plugin, path, w, from) }
}
