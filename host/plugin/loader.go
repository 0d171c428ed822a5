package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// The work on one plugin is done by one goroutine at a time, the one that has
// claimed it. Plugins are looked at in the order of their files, which decides
// who gets a name, and are loaded side by side.

// task is what there is to do about a plugin that was looked at.
type task func(ctx context.Context)

// know makes a plugin known that the folder holds.
func (m *Manager) know(file string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plugins[file] == nil && !m.closed {
		m.plugins[file] = newPlugin(m, file)
	}
}

// missing returns the files of plugins that are not among those of the folder.
func (m *Manager) missing(files []string) (gone []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, file := range slices.Sorted(maps.Keys(m.plugins)) {
		if !slices.Contains(files, file) {
			gone = append(gone, file)
		}
	}
	return gone
}

// look looks at the file of a known plugin, and has done what is to be done
// about it. If somebody works on the plugin already, that one looks again. It
// reports whether the file was being written to.
func (m *Manager) look(file string) (changing bool) {
	p := m.claim(file)
	if p == nil {
		return false
	}
	todo, changing := m.prepare(p)
	if todo == nil && m.yield(p) {
		return changing
	}
	go func() { // claim has made Close wait for it
		for {
			if todo != nil {
				todo(m.life)
			}
			if m.yield(p) {
				return
			}
			var changing bool
			if todo, changing = m.prepare(p); changing {
				m.nudge()
			}
		}
	}()
	return changing
}

// claim returns the plugin for the caller to work on until yield reports true.
// It returns nil for one that is not known, and for one that somebody works on,
// who is told to look again.
func (m *Manager) claim(file string) *plugin {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.plugins[file]
	if p == nil || m.closed {
		return nil
	}
	if p.working {
		p.pending = true
		return nil
	}
	p.working, p.idle = true, make(chan struct{})
	m.workers++
	m.done.Add(1)
	m.restless()
	return p
}

// yield ends the work on a plugin, and reports false if the caller has to look
// again first.
func (m *Manager) yield(p *plugin) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.pending && !m.closed {
		p.pending = false
		return false
	}
	if p.gone {
		delete(m.plugins, p.file)
		p.deny()
	}
	p.working = false
	close(p.idle)
	m.workers--
	m.calm()
	m.done.Done()
	return true
}

// prepare looks at a plugin and returns what is to be done, nil for nothing. The
// caller has claimed the plugin.
func (m *Manager) prepare(p *plugin) (todo task, changing bool) {
	if w := m.nextWish(p); w != nil {
		return func(context.Context) {
			w.fulfil(p)
			m.lookAgain(p)
		}, false
	}
	if todo, changing = m.prepareModule(p); todo != nil || changing {
		return todo, changing
	}
	return m.prepareCanary(p)
}

// prepareModule looks at a plugin's module and the operator's file.
func (m *Manager) prepareModule(p *plugin) (todo task, changing bool) {
	path := filepath.Join(m.options.Dir, p.file)
	if !m.there(p.file) {
		p.gone = true
		return func(context.Context) { m.remove(p) }, false
	}
	p.gone = false
	from := readSource(path, m.options.Limits)
	if errors.Is(from.err, folder.ErrChanging) {
		return nil, true
	}
	p.required.Store(manifest.Required(from.operator))
	off := m.ledger.Disabled(p.file)
	if p.required.Load() {
		off = "" // what the operator wrote down counts more than what was done by command
	}
	from.key += off
	if again := m.askedAgain(p); !again && p.key == from.key {
		return nil, false
	}
	p.key, p.operator, p.canaryKey = from.key, from.operator, "" // a canary is tried beside what runs
	if of, ok := folder.CanaryOf(p.file); ok && from.err == nil {
		from.err = fmt.Errorf("it is the canary of %s, which is not there; rename it to run it by itself", of)
	}
	c, err := examine(path, from, &m.options)
	if !c.manifest.Enabled {
		off = "enabled is false in " + filepath.Base(folder.OperatorFile(path))
	}
	if off != "" {
		return func(context.Context) { m.switchOff(p, c, off) }, false
	}
	if err == nil {
		err = m.reserve(c.manifest.Name, p)
	}
	if err != nil {
		m.refuse(p, c, err)
		return nil, false
	}
	if p.gen.Load() == nil {
		p.show(c, StateDiscovered, "waits for its turn to be compiled")
	}
	return func(ctx context.Context) { m.start(ctx, p, c) }, false
}

// there reports whether the folder has a plugin's module. A canary is a module of
// its own, which is then refused, only where the one is missing that it is for.
func (m *Manager) there(file string) bool {
	has := func(name string) bool {
		_, err := os.Lstat(filepath.Join(m.options.Dir, name))
		return !errors.Is(err, fs.ErrNotExist)
	}
	of, ok := folder.CanaryOf(file)
	return has(file) && (!ok || !has(of))
}

// askedAgain reports, once, whether the plugin has to be looked at though its
// files have not changed.
func (m *Manager) askedAgain(p *plugin) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := p.again
	p.again = false
	return again
}

// lookAgain has who works on the plugin look at it again when that is done.
func (m *Manager) lookAgain(p *plugin) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.pending = true
}

// start warms a generation and puts it in the place of the present one.
func (m *Manager) start(ctx context.Context, p *plugin, c *candidate) {
	began := time.Now()
	g, err := newGeneration(ctx, p, c, &m.options, m.cache, p.log.With("plugin", c.manifest.Name))
	if err == nil {
		if err = m.protocols.prepare(p, g); err != nil {
			g.close()
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return // the host stops
	case err != nil:
		err = c.secrets.HideError(err) // it may repeat what the guest said
		over, _ := limit.Of(err)
		m.mu.Lock()
		p.again = over != limit.CompileMiB // a busy machine may have been the reason of all others
		m.mu.Unlock()
		m.refuse(p, c, err)
		return
	}
	c.module = nil // compiled; the file's bytes are not needed any more
	p.show(c, StateReady, "")
	p.swap(g)
	m.settleName(p)
	m.lookAgain(p) // for its canary
	g.log.Info("plugin ready", "file", c.file, "version", c.manifest.Version, "sha256", c.sum[:12], "took", time.Since(began).Round(time.Millisecond))
}

// refuse keeps what runs, and says why the new version does not.
func (m *Manager) refuse(p *plugin, c *candidate, err error) {
	p.refused.Count(err)
	p.refuse(c, err)
	m.settleName(p)
	p.log.Error("plugin refused", "file", p.file, "error", err, "state", p.info().State)
}

// switchOff ends what runs of a plugin that is disabled.
func (m *Manager) switchOff(p *plugin, c *candidate, why string) {
	c.module = nil
	p.drain()
	p.show(c, StateDisabled, why)
	m.settleName(p)
	m.lookAgain(p) // for its canary
	p.log.Info("plugin disabled", "file", p.file, "reason", why)
}

// remove ends what runs of a plugin whose file is gone.
func (m *Manager) remove(p *plugin) {
	p.drain()
	m.settleName(p)
	p.log.Info("plugin removed", "file", p.file)
}

// reserve keeps a name for a plugin that is going to run, besides the one that it
// has. It fails if another plugin has it, or is going to.
func (m *Manager) reserve(name string, p *plugin) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.clash = false
	for _, other := range m.plugins {
		if other != p && (other.name == name || other.wanted == name) {
			p.clash = true
			return fmt.Errorf("name: %q is taken by %s; a plugin's name must be its own", name, other.file)
		}
	}
	p.wanted = name
	return nil
}

// settleName leaves a plugin the name that it runs under. Others that were
// refused because of a name are looked at again when one is free.
func (m *Manager) settleName(p *plugin) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, name := p.name, ""
	if g := p.gen.Load(); g != nil {
		name = g.manifest.Name
	}
	freed := before != name || p.wanted != "" && p.wanted != name
	p.name, p.wanted = name, ""
	for _, other := range m.plugins {
		if freed && other.clash {
			other.again = true
			m.poke()
		}
	}
}
