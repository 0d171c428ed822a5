package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// watch reads the folder again whenever it has changed and been quiet for a
// while, at once if late is set, until ctx ends.
func (m *Manager) watch(ctx context.Context, late bool) {
	w := watch{Manager: m, quiet: time.NewTimer(time.Hour)}
	if late {
		w.quiet.Reset(0)
	}
	defer w.quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			m.settle() // nobody shall wait for a scan that does not come
			return
		case event, ok := <-m.watcher.Events:
			if !ok {
				return
			}
			if m.concerns(event.Name) {
				m.unsettle()
				w.quiet.Reset(m.options.Settle)
			}
		case err, ok := <-m.watcher.Errors:
			if !ok {
				return
			}
			// Events may have been lost: look at everything.
			m.log.Warn("watching the plugins folder", "error", err)
			m.unsettle()
			w.quiet.Reset(m.options.Settle)
		case read := <-m.rescan:
			w.asked = append(w.asked, read)
			w.scan(ctx)
		case <-w.quiet.C:
			w.scan(ctx)
		}
	}
}

// watch is what the watching goroutine knows.
type watch struct {
	*Manager
	quiet *time.Timer
	asked []chan struct{} // to be closed when the folder has been read
}

// scan reads the folder, and again after a while if some file was still being
// written to.
func (w *watch) scan(ctx context.Context) {
	w.unsettle()
	w.quiet.Stop()
	if w.Manager.scan(ctx) {
		w.quiet.Reset(w.options.Settle)
		return
	}
	w.settle()
	for _, read := range w.asked {
		close(read)
	}
	w.asked = nil
}

// concerns reports whether a change of this file can change a plugin. A folder
// mounted in one piece changes by links whose names say nothing, so links count.
func (m *Manager) concerns(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".wasm") || strings.HasSuffix(base, ".yaml") || strings.HasPrefix(base, "..")
}

// scan brings the plugins in line with the folder. It reports whether some file
// was still changing. Only one goroutine calls it at a time.
func (m *Manager) scan(ctx context.Context) (changing bool) {
	files, err := moduleFiles(m.options.Dir)
	if err != nil {
		m.log.Error("plugins folder cannot be read; plugins stay as they are", "dir", m.options.Dir, "error", err)
		return false
	}
	m.removeMissing(files)
	for _, file := range files {
		if ctx.Err() != nil {
			return false
		}
		if errors.Is(m.load(ctx, file), errChanging) {
			changing = true
		}
	}
	return changing
}

func moduleFiles(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".wasm") && !strings.HasPrefix(name, ".") && !e.IsDir() {
			files = append(files, name)
		}
	}
	return files, nil
}

// removeMissing ends the plugins whose file is gone.
func (m *Manager) removeMissing(files []string) {
	m.mu.Lock()
	var gone []*plugin
	for file, p := range m.plugins {
		if !slices.Contains(files, file) {
			gone = append(gone, p)
			delete(m.plugins, file)
		}
	}
	if len(gone) > 0 {
		for _, p := range m.plugins {
			p.again = p.again || p.state == StateRefused // its name may be free now
		}
	}
	m.mu.Unlock()
	for _, p := range gone {
		p.retireInto(m, nil)
		m.log.Info("plugin removed", "file", p.file)
	}
}

// load looks at one file if it has changed, and runs what it finds.
func (m *Manager) load(ctx context.Context, file string) error {
	path := filepath.Join(m.options.Dir, file)
	p := m.known(file)
	from := readSource(path, int64(m.options.MaxModuleMiB)<<20)
	if errors.Is(from.err, errChanging) {
		return from.err
	}
	if !p.again && p.key == from.key {
		return nil
	}
	p.key, p.again = from.key, false
	c, err := examine(path, from, m.options.Limits)
	if err == nil && !c.manifest.Enabled {
		p.retireInto(m, nil)
		p.show(c, StateDisabled, "enabled is false in "+filepath.Base(operatorPath(path)))
		m.log.Info("plugin disabled", "file", file)
		return nil
	}
	if err == nil {
		err = m.nameFree(c.manifest.Name, p)
	}
	if err == nil {
		err = m.start(ctx, p, c)
		p.again = err != nil // a busy machine may have been the reason
	}
	if err != nil {
		p.refuse(c, err)
		m.log.Error("plugin refused", "file", file, "error", err, "state", p.info().State)
	}
	return err
}

// start warms a generation and puts it in the place of the present one.
func (m *Manager) start(ctx context.Context, p *plugin, c *candidate) error {
	if p.gen.Load() == nil {
		p.show(c, StateLoading, "")
	}
	began := time.Now()
	log := m.log.With("plugin", c.manifest.Name)
	g, err := newGeneration(ctx, p, c, &m.options, m.cache, log)
	if err != nil {
		return err
	}
	c.module = nil // compiled; the file's bytes are not needed any more
	p.show(c, StateReady, "")
	p.retireInto(m, g)
	log.Info("plugin ready", "file", c.file, "version", c.manifest.Version, "sha256", c.sum[:12], "took", time.Since(began).Round(time.Millisecond))
	return nil
}

func (m *Manager) known(file string) *plugin {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.plugins[file]
	if p == nil {
		p = &plugin{manager: m, file: file, again: true, state: StateLoading, shown: &candidate{file: file, manifest: &Manifest{Name: strings.TrimSuffix(file, ".wasm")}}}
		m.plugins[file] = p
	}
	return p
}

// nameFree refuses a name that another running plugin has.
func (m *Manager) nameFree(name string, me *plugin) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.plugins {
		if g := p.gen.Load(); p != me && g != nil && g.manifest.Name == name {
			return fmt.Errorf("name: %q is taken by %s; a plugin's name must be its own", name, p.file)
		}
	}
	return nil
}

// retireInto swaps in the next generation, nil for none, publishes the layers,
// and ends the old generation once its calls are done.
func (p *plugin) retireInto(m *Manager, next *generation) {
	m.mu.Lock()
	old := p.gen.Swap(next)
	m.arrange()
	m.mu.Unlock()
	m.ticks.follow(m.lists.Load().hooks[placeTick])
	for p, err := range m.events.follow(m.lists.Load().hooks[placeEvent]) {
		m.log.Error("a plugin's subscriptions were refused; it hears no events", "file", p.file, "error", err)
	}
	if old != nil {
		old.close()
		p.mu.Lock()
		p.past.add(old.counts())
		p.mu.Unlock()
	}
}

// end stops the plugin for good.
func (p *plugin) end() {
	p.ended.Store(true)
	if old := p.gen.Swap(nil); old != nil {
		old.close()
	}
}

func (p *plugin) show(c *candidate, state State, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown, p.state, p.reason = c, state, reason
}

// refuse keeps what runs, and says why the new version does not.
func (p *plugin) refuse(c *candidate, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gen.Load() != nil {
		p.state, p.reason = StateDegraded, "new version refused: "+err.Error()
		return
	}
	c.module = nil
	p.shown, p.state, p.reason = c, StateRefused, err.Error()
}

// info describes the plugin.
func (p *plugin) info() Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.shown.manifest
	out := Info{
		Name: m.Name, Version: m.Version, Description: m.Description, File: p.file,
		State: p.state, Reason: p.reason, SHA256: p.shown.sum, Engine: string(p.shown.engine),
		Limits: m.Limits, Grants: m.Grants, Counts: p.past,
	}
	for _, h := range m.Hooks {
		out.Kinds = append(out.Kinds, h.Kind)
	}
	if g := p.gen.Load(); g != nil {
		g.describe(&out)
	}
	return out
}

// describe adds what a running generation knows.
func (g *generation) describe(out *Info) {
	out.Instances = g.pool.ready()
	out.Counts.add(g.counts())
	if e := g.lastError.Load(); e != nil {
		out.LastError = *e
	}
	switch {
	case g.breaker.open.Load():
		out.State, out.Reason = StateOpen, "fails again and again: "+out.LastError
	case out.Instances < out.Limits.Instances && out.State == StateReady:
		out.State, out.Reason = StateDegraded, "replacing instances after: "+out.LastError
	}
}
