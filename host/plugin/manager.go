package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/pipeline"
)

// Manager keeps the plugins of one folder running. Its methods may be called
// from many goroutines.
type Manager struct {
	options Options
	log     *slog.Logger
	cache   wazero.CompilationCache
	watcher *fsnotify.Watcher // nil without a folder
	lists   atomic.Pointer[lists]
	events  *events
	ticks   *ticks

	requests atomic.Uint64 // over HTTP; spreads them over instances

	mu      sync.Mutex // guards what follows
	plugins map[string]*plugin
	settled chan struct{} // closed while there is nothing to do

	rescan chan chan struct{} // asks the watcher to read the folder; it closes what it gets
	ended  chan struct{}      // closed by Close
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// lists are the hooks of one moment, in order.
type lists struct {
	inbound, outbound []pipeline.Layer
	hooks             [places][]*binding
}

// plugin is one file of the folder. The loader alone changes it; mu lets others
// read.
type plugin struct {
	manager *Manager

	file  string
	gen   atomic.Pointer[generation] // nil when it does not run
	ended atomic.Bool                // the Manager is closed

	mu     sync.Mutex
	shown  *candidate // what Info tells about: the running version, or the refused one
	state  State
	reason string
	past   Counts // of generations that are gone

	key   string // of the source that was last looked at
	again bool   // look again at the next scan whatever the key says
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
		options: options.ensureDefaults(), plugins: map[string]*plugin{}, stop: func() {},
		rescan: make(chan chan struct{}), ended: make(chan struct{}), settled: closedChannel(),
		events: &events{services: options.Services, subs: map[*plugin]*pluginEvents{}},
	}
	m.log = m.options.Logger
	m.ticks = &ticks{log: m.log, running: map[*plugin]*ticker{}}
	m.lists.Store(&lists{})
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
// folder now has been loaded or refused when it returns; ctx bounds the waiting,
// not the Manager's life. It is called once, when Options.Services can be used.
func (m *Manager) Start(ctx context.Context) {
	if m.options.Dir == "" {
		return
	}
	m.scan(ctx)
	late := ctx.Err() != nil // what there was no time for is loaded behind
	watching, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.done.Go(func() { m.watch(watching, late) })
}

// openFolder creates the folder if need be and watches it, before it is read
// for the first time, so that no change is missed.
func (m *Manager) openFolder() error {
	if err := os.MkdirAll(m.options.Dir, 0o755); err != nil {
		return fmt.Errorf("plugins.dir: %w", err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch plugins.dir: %w", err)
	}
	if err := w.Add(m.options.Dir); err != nil {
		return errors.Join(fmt.Errorf("watch plugins.dir %s: %w", m.options.Dir, err), w.Close())
	}
	m.watcher = w
	return nil
}

func (m *Manager) openCache() (err error) {
	if m.options.CacheDir == "" {
		m.cache = wazero.NewCompilationCache()
		return nil
	}
	if err := checkCacheDir(m.options.CacheDir, m.options.Dir); err != nil {
		return err
	}
	if m.cache, err = wazero.NewCompilationCacheWithDir(m.options.CacheDir); err != nil {
		return fmt.Errorf("plugin compile cache: %w", err)
	}
	return nil
}

// checkCacheDir creates the cache folder so that only its owner may write, and
// refuses one where a plugin's author might.
func checkCacheDir(cache, plugins string) error {
	inside, err := relative(plugins, cache)
	if err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return fmt.Errorf("plugin compile cache %s lies inside the plugins folder; it holds trusted machine code and must be elsewhere", cache)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return fmt.Errorf("plugin compile cache: %w", err)
	}
	info, err := os.Stat(cache)
	if err != nil {
		return fmt.Errorf("plugin compile cache: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 { // there, access lists decide, and these bits say nothing
		return fmt.Errorf("plugin compile cache %s may be written to by others (mode %o); it holds trusted machine code: chmod 700 it", cache, info.Mode().Perm())
	}
	return nil
}

// relative returns the way from one folder to another, wherever the process
// stands.
func relative(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
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
	for _, file := range sortedKeys(m.plugins) {
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
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rescan reads the folder now and returns when it is done, or when ctx ends.
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
	return ctx.Err()
}

// Close waits for calls in progress and ends every instance. Messages that still
// come by are refused, so stop what sends them first.
func (m *Manager) Close() error {
	m.stop()
	m.done.Wait()
	close(m.ended)
	m.events.close()
	m.ticks.close()
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
	if m.cache != nil {
		err = errors.Join(err, m.cache.Close(context.Background()))
	}
	return err
}

// arrange publishes the hooks of the plugins that run. The caller holds m.mu.
func (m *Manager) arrange() {
	l := &lists{}
	for place := range l.hooks {
		l.hooks[place] = m.bindings(place)
	}
	for _, b := range l.hooks[placeInbound] {
		l.inbound = append(l.inbound, &layer{*b})
	}
	for _, b := range l.hooks[placeOutbound] {
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
	select {
	case <-m.settled:
		m.settled = make(chan struct{})
	default:
	}
}

func (m *Manager) settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
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
