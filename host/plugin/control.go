package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/journal"
)

// ErrUnknown says that no plugin has the name.
var ErrUnknown = errors.New("there is no such plugin")

// ErrRequired says that a plugin is not disabled, since its operator's file says
// that the host must not be without it.
var ErrRequired = errors.New("the plugin is marked as required")

// ErrCannotRun says that a plugin does not run as its files say.
var ErrCannotRun = errors.New("the plugin does not run")

// Show describes one plugin, by its name or the name of its file, with or
// without .wasm.
func (m *Manager) Show(name string) (Info, error) {
	p := m.find(name)
	if p == nil {
		return Info{}, unknown(name)
	}
	return p.info(), nil
}

// Logs returns the last lines of a plugin's log, at most so many, of those with a
// number above after. The oldest lines are forgotten.
func (m *Manager) Logs(name string, after uint64, most int) ([]journal.Line, error) {
	p := m.find(name)
	if p == nil {
		return nil, unknown(name)
	}
	return p.journal.Last(after, most), nil
}

// Disable ends a plugin until Enable, also over restarts if Options.StateFile is
// set. by says who wants it. When ctx ends earlier, it goes on behind.
func (m *Manager) Disable(ctx context.Context, name, by string) (Info, error) {
	p := m.find(name)
	if p == nil {
		return Info{}, unknown(name)
	}
	if p.required.Load() {
		return p.info(), fmt.Errorf("%w in %s.yaml; take that out of it first", ErrRequired, folder.Stem(p.file))
	}
	if err := m.ledger.Disable(p.file, by); err != nil {
		return Info{}, err
	}
	m.lookAndWait(ctx, p)
	return p.info(), nil
}

// Enable takes back what Disable did, and loads the plugin. It fails with
// ErrCannotRun if the plugin cannot run. When ctx ends earlier, it goes on behind.
func (m *Manager) Enable(ctx context.Context, name string) (Info, error) {
	p := m.find(name)
	if p == nil {
		return Info{}, unknown(name)
	}
	if _, err := m.ledger.Enable(p.file); err != nil {
		return Info{}, err
	}
	m.lookAndWait(ctx, p)
	return p.outcome()
}

// Reload loads a plugin's files again, also if they have not changed, and tries a
// canary again that was rolled back. It fails
// with ErrCannotRun if that version cannot run; the one before goes on then. When
// ctx ends earlier, it goes on behind.
func (m *Manager) Reload(ctx context.Context, name string) (Info, error) {
	p := m.find(name)
	if p == nil {
		return Info{}, unknown(name)
	}
	if err := m.ledger.Forgive(p.file); err != nil {
		return Info{}, err
	}
	m.mu.Lock()
	p.again = true
	m.mu.Unlock()
	m.lookAndWait(ctx, p)
	return p.outcome()
}

// lookAndWait looks at a plugin and waits until nobody works on it, or ctx ends.
func (m *Manager) lookAndWait(ctx context.Context, p *plugin) {
	if m.look(p.file) {
		m.nudge()
	}
	m.wait(ctx, p)
}

// wait waits until nobody works on the plugin, or ctx ends.
func (m *Manager) wait(ctx context.Context, p *plugin) {
	m.mu.Lock()
	idle := p.idle
	m.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// outcome describes the plugin, with an error if it does not run as its files
// say.
func (p *plugin) outcome() (Info, error) {
	info := p.info()
	p.mu.Lock()
	failed := p.failed
	p.mu.Unlock()
	switch {
	case info.State == StateDisabled:
		return info, fmt.Errorf("%w: %s: %s", ErrCannotRun, p.file, info.Reason)
	case failed != nil:
		return info, fmt.Errorf("%w: %w", ErrCannotRun, failed)
	}
	return info, nil
}

// find returns the plugin that runs under a name, or whose file has it, or else
// one that would run under it.
func (m *Manager) find(name string) (found *plugin) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.plugins {
		if p.name == name && name != "" {
			return p
		}
	}
	if p := m.plugins[folder.Stem(name)+".wasm"]; p != nil {
		return p
	}
	for _, file := range slices.Sorted(maps.Keys(m.plugins)) {
		if p := m.plugins[file]; p.info().Name == name {
			return p
		}
	}
	return nil
}

func unknown(name string) error { return fmt.Errorf("%w: %q", ErrUnknown, name) }
