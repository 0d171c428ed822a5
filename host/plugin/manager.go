package plugin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/ledger"
)

// Manager keeps the plugins of one folder running. Its methods may be called
// from many goroutines.
type Manager struct {
	options Options
	log     *slog.Logger
	cache   wazero.CompilationCache
	// cacheDir is the folder of cache, that of the options or one for as long as the Manager
	// lives; "" keeps nothing.
	cacheDir string
	watcher  *fsnotify.Watcher // nil without a folder
	lists    atomic.Pointer[lists]
	events   *events
	ticks    *ticks

	protocols *protocols
	draining  sync.WaitGroup // versions that were replaced and still have connections

	requests atomic.Uint64 // over HTTP; spreads them over instances

	turns   *turns
	ledger  *ledger.Ledger
	compile chan struct{}   // holds one for who compiles
	life    context.Context // ends when the Manager is closed
	stop    context.CancelFunc

	mu      sync.Mutex // guards what follows
	plugins map[string]*plugin
	dirty   bool          // the folder has to be read
	workers int           // how many plugins are claimed
	settled chan struct{} // closed while there is nothing to do
	closed  bool

	rescan chan chan struct{} // asks the watcher to read the folder; it closes what it gets
	nudged chan struct{}      // asks the watcher to read the folder soon
	ended  chan struct{}      // closed by Close
	done   sync.WaitGroup
}

// lists are the hooks of one moment, in order.
type lists struct {
	inbound, outbound []pipeline.Layer
	hooks             [hook.Places][]*binding
}

// Open returns a Manager that runs: New and Start in one.
func Open(ctx context.Context, options Options) (*Manager, error) {
	m, err := New(options)
	if err != nil {
		return nil, err
	}
	m.Start(ctx)
	return m, nil
}

// New looks at the folder, but loads nothing yet: there are no layers before
// Start.
func New(options Options) (*Manager, error) {
	m := &Manager{
		options: options.ensureDefaults(), plugins: map[string]*plugin{}, compile: make(chan struct{}, 1),
		rescan: make(chan chan struct{}), nudged: make(chan struct{}, 1), ended: make(chan struct{}), settled: closedChannel(),
		events: &events{services: options.Services, subs: map[*plugin]*pluginEvents{}},
	}
	m.life, m.stop = context.WithCancel(context.Background())
	m.log, m.turns = m.options.Logger, newTurns(m.options.Processors)
	m.protocols = newProtocols(&m.options)
	m.ticks = &ticks{log: m.log, running: map[*plugin]*ticker{}}
	m.lists.Store(&lists{})
	var err error
	if m.ledger, err = ledger.Open(m.options.StateFile); err != nil {
		return nil, err
	}
	if m.options.Dir == "" {
		return m, nil
	}
	if err := m.openFolder(); err != nil {
		return nil, err
	}
	if err := m.openCache(); err != nil {
		return nil, errors.Join(err, m.watcher.Close())
	}
	return m, nil
}

// Start loads the plugins and watches the folder. Everything that is in the
// folder now has been loaded or refused when it returns, or is being loaded when
// ctx ends; ctx bounds the waiting, not the Manager's life. It is called once,
// when Options.Services can be used.
func (m *Manager) Start(ctx context.Context) {
	if m.options.Dir == "" {
		return
	}
	if m.scan() {
		m.nudge()
	}
	m.done.Go(func() { m.watch(m.life) })
	_ = m.WaitSettled(ctx) // what there was no time for is loaded behind
}

// Inbound returns the layers that requests pass, in order. The slice must not
// be changed.
func (m *Manager) Inbound() []pipeline.Layer { return m.lists.Load().inbound }

// Outbound returns the layers that responses and publications pass, in order.
// The slice must not be changed.
func (m *Manager) Outbound() []pipeline.Layer { return m.lists.Load().outbound }

// List describes every plugin of the folder, by file name.
func (m *Manager) List() []Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Info, 0, len(m.plugins))
	for _, file := range slices.Sorted(maps.Keys(m.plugins)) {
		out = append(out, m.plugins[file].info())
	}
	return out
}

// WaitSettled returns when every change of the folder that has been noticed is
// loaded or refused, or when ctx ends. A change that was made just before the
// call may not have been noticed yet; Rescan sees to that.
func (m *Manager) WaitSettled(ctx context.Context) error {
	m.mu.Lock()
	settled := m.settled
	m.mu.Unlock()
	select {
	case <-settled:
		return nil
	case <-m.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rescan reads the folder now and returns when all that was found is loaded or
// refused, or when ctx ends.
func (m *Manager) Rescan(ctx context.Context) error {
	if m.options.Dir == "" {
		return nil
	}
	read := make(chan struct{})
	select {
	case m.rescan <- read:
	case <-m.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-read:
	case <-m.ended:
	case <-ctx.Done():
	}
	return m.WaitSettled(ctx)
}

// Close waits for calls in progress and ends every instance. Messages that still
// come by are refused, so stop what sends them first. It is called once.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.done.Wait()
	close(m.ended)
	m.events.close()
	m.ticks.close()
	m.protocols.close()
	m.draining.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.plugins {
		p.end()
	}
	m.plugins = map[string]*plugin{}
	var err error
	if m.watcher != nil {
		err = m.watcher.Close()
	}
	return errors.Join(err, m.closeCache())
}

// arrange publishes the hooks of the plugins that run. The caller holds m.mu.
func (m *Manager) arrange() {
	l := &lists{}
	for place := range l.hooks {
		l.hooks[place] = m.bindings(place)
	}
	for _, b := range l.hooks[hook.PlaceInbound] {
		l.inbound = append(l.inbound, &layer{*b})
	}
	for _, b := range l.hooks[hook.PlaceOutbound] {
		l.outbound = append(l.outbound, &layer{*b})
	}
	m.lists.Store(l)
}

// bindings returns the hooks of one kind, in order. The caller holds m.mu.
func (m *Manager) bindings(place int) (all []*binding) {
	for _, p := range m.plugins {
		if g := p.gen.Load(); g != nil && g.hooks[place] != nil {
			all = append(all, &binding{name: g.manifest.Name, place: place, order: g.hooks[place].order, plugin: p})
		}
	}
	slices.SortFunc(all, func(a, b *binding) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.name, b.name))
	})
	return all
}

func (m *Manager) unsettle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirty = true
	m.restless()
}

func (m *Manager) settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirty = false
	m.calm()
}

// restless says that there is something to do. The caller holds m.mu.
func (m *Manager) restless() {
	select {
	case <-m.settled:
		m.settled = make(chan struct{})
	default:
	}
}

// calm tells those who wait if there is nothing to do. The caller holds m.mu.
func (m *Manager) calm() {
	if m.dirty || m.workers > 0 {
		return
	}
	select {
	case <-m.settled:
	default:
		close(m.settled)
	}
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
