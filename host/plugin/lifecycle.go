package plugin

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/journal"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// plugin is one file of the folder.
type plugin struct {
	manager *Manager

	file     string
	gen      atomic.Pointer[generation] // nil when it does not run
	canary   atomic.Pointer[canary]     // what some sessions see in its place; nil for none
	ended    atomic.Bool                // the Manager is closed
	began    chan struct{}              // closed when it runs for the first time
	required atomic.Bool                // its operator's file says so
	log      *slog.Logger               // writes to the journal too
	journal  *journal.Journal

	mu     sync.Mutex // lets others read what only who has claimed the plugin changes
	shown  *candidate // what Info tells about: the running version, or the refused one
	state  State
	reason string
	failed error  // why the version that was looked at last does not run
	past   Counts // of generations that are gone, as the next
	hooks  hookSums
	trial  *canary // what Info tells about its canary; nil for none

	rolledBack, promoted atomic.Uint64 // canaries

	metrics *metric.Set     // that it has defined; who has claimed it changes it, under mu
	refused *limit.Refusals // the same
	conns   endpointCounts

	// Manager.mu guards these.
	working      bool          // somebody has claimed it
	pending      bool          // and shall look again
	idle         chan struct{} // closed when nobody works on it
	again        bool          // look again whatever the key says
	name, wanted string        // names that nobody else can have: of what runs, and of what is going to
	clash        bool          // it was refused because of a name

	wishes []*wish // for its canary

	// These are for who has claimed it.
	key       string // of the source that was last looked at
	operator  []byte // the operator's file in it
	canaryKey string // of the canary that was last looked at
	gone      bool   // its file is

	hurry chan struct{} // closed to end the draining of the version before the last
}

func newPlugin(m *Manager, file string) *plugin {
	j := journal.New()
	return &plugin{
		manager: m, file: file, again: true, journal: j, log: slog.New(j.Handler(m.log.Handler())), idle: closedChannel(), began: make(chan struct{}), metrics: &metric.Set{}, refused: &limit.Refusals{},
		state: StateDiscovered, shown: &candidate{file: file, manifest: &manifest.Manifest{Name: folder.Stem(file), Enabled: true}},
	}
}

// swap puts the next generation, nil for none, in the place of the present one,
// publishes the hooks, and ends the old generation once its calls are done.
func (p *plugin) swap(next *generation) {
	m := p.manager
	m.mu.Lock()
	old := p.gen.Swap(next)
	if t := p.canary.Load(); t != nil && t.gen == next {
		p.canary.Store(nil) // it was promoted
	}
	m.arrange()
	if next != nil {
		p.running()
	}
	m.mu.Unlock()
	m.ticks.follow(func() []*binding { return m.lists.Load().hooks[hook.PlaceTick] })
	for p, err := range m.events.follow(func() []*binding { return m.lists.Load().hooks[hook.PlaceEvent] }) {
		p.log.Error("a plugin's subscriptions were refused; it hears no events", "file", p.file, "error", err)
	}
	m.protocols.follow(p, next)
	switch {
	case old == nil:
	case old.hooks[hook.PlaceProtocol] == nil:
		p.bury(old)
	case next == nil:
		m.protocols.drain(old, 0, nil)
		p.bury(old)
	default:
		p.part(old)
	}
}

// running tells those who wait for the plugin to run. The caller holds m.mu.
func (p *plugin) running() {
	select {
	case <-p.began:
	default:
		close(p.began)
	}
}

// part lets the connections of an old generation go over to the next one, or end,
// before it is buried. No more than one of a plugin does so in peace.
func (p *plugin) part(old *generation) {
	if p.hurry != nil {
		close(p.hurry)
	}
	hurry := make(chan struct{})
	p.hurry = hurry
	old.deafen()
	p.manager.draining.Go(func() {
		p.manager.protocols.drain(old, old.manifest.Limits.Drain, hurry)
		p.bury(old)
	})
}

// bury ends a generation once its calls are done, and keeps its counts.
func (p *plugin) bury(old *generation) {
	old.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	counts, hooks := old.sums()
	if t := old.canary.Load(); t != nil {
		t.counts, t.hooks, t.done = counts, hooks, true
		return
	}
	p.past.add(counts)
	p.hooks.addAll(&hooks)
}

// drain ends what runs.
func (p *plugin) drain() {
	if p.gen.Load() == nil {
		return
	}
	p.mu.Lock()
	p.state, p.reason = StateDraining, ""
	p.mu.Unlock()
	p.dropCanary()
	p.swap(nil)
}

// end stops the plugin for good.
func (p *plugin) end() {
	p.ended.Store(true)
	if t := p.canary.Swap(nil); t != nil {
		t.unwatch()
		t.gen.close()
	}
	if old := p.gen.Swap(nil); old != nil {
		old.close()
	}
}

func (p *plugin) show(c *candidate, state State, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown, p.state, p.reason, p.failed = c, state, reason, nil
}

// refuse keeps what runs, and says why the new version does not.
func (p *plugin) refuse(c *candidate, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.module, p.failed = nil, err
	if p.gen.Load() != nil {
		p.state, p.reason = StateDegraded, "new version refused: "+inOneLine(err.Error())
		return
	}
	p.shown, p.state, p.reason = c, StateRefused, inOneLine(err.Error())
}

// info describes the plugin.
func (p *plugin) info() Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.shown.manifest
	out := Info{
		Name: m.Name, Version: m.Version, Description: m.Description, File: p.file,
		State: p.state, Reason: p.reason, SHA256: p.shown.sum, Signature: p.shown.signature, Engine: string(p.shown.engine),
		Limits: m.Limits, Grants: m.Grants, Counts: p.past,
	}
	out.Metrics, out.Limited = p.metrics.All(), p.refused.Counts()
	out.Connections, out.Endpoints = p.conns.counts()
	out.Listen = p.manager.protocols.addresses(p)
	hooks := p.hooks.copy()
	if g := p.gen.Load(); g != nil {
		g.describe(&out, &hooks)
	}
	if p.trial != nil {
		out.Canary = p.trial.info()
	}
	out.RolledBack, out.Promoted = p.rolledBack.Load(), p.promoted.Load()
	for _, h := range m.Hooks {
		sums := hooks[h.Kind.Place()]
		sums.Kind = h.Kind
		out.Kinds = append(out.Kinds, h.Kind)
		out.Hooks = append(out.Hooks, sums)
	}
	return out
}

// describe adds what a running generation knows.
func (g *generation) describe(out *Info, hooks *hookSums) {
	out.Instances, out.Memory, out.Unmetered = g.pool.ready(), g.memory(), g.unmetered
	counts, running := g.sums()
	out.Counts.add(counts)
	hooks.addAll(&running)
	if e := g.lastError.Load(); e != nil {
		out.LastError = *e
	}
	switch {
	case out.State == StateDraining:
	case g.breaker.open.Load():
		out.State, out.Reason = StateOpen, "fails again and again: "+out.LastError
	case out.Instances < out.Limits.Instances && out.State == StateReady:
		out.State, out.Reason = StateDegraded, "replacing instances after: "+out.LastError
	}
}
