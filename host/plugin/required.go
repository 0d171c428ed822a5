package plugin

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// Require waits until every plugin that is marked as required runs, however long
// it loads, and fails if one of them is refused or its module is not there, or
// when ctx ends. It is called after Start, by who must not serve without them.
func (m *Manager) Require(ctx context.Context) error {
	if m.options.Dir == "" {
		return nil
	}
	if err := m.requireModules(); err != nil {
		return err
	}
	for _, p := range m.required() {
		if err := m.requireOne(ctx, p); err != nil {
			return fmt.Errorf("plugin %s is required and does not run: %w", p.file, err)
		}
	}
	return nil
}

// required returns the plugins that are marked as required.
func (m *Manager) required() (all []*plugin) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, file := range slices.Sorted(maps.Keys(m.plugins)) {
		if p := m.plugins[file]; p.required.Load() {
			all = append(all, p)
		}
	}
	return all
}

func (m *Manager) requireOne(ctx context.Context, p *plugin) error {
	m.mu.Lock()
	idle := p.idle
	m.mu.Unlock()
	select {
	case <-p.began: // its canary may take longer
	case <-idle:
	case <-ctx.Done():
	}
	if p.gen.Load() == nil && p.info().State != StateRefused { // its file was still being written to
		_ = m.WaitSettled(ctx)
	}
	switch info, err := p.outcome(); {
	case p.gen.Load() != nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	default:
		return fmt.Errorf("it is %s", info.State)
	}
}

// requireModules looks for files of operators that require a module which is not
// there.
func (m *Manager) requireModules() error {
	entries, err := os.ReadDir(m.options.Dir)
	if err != nil {
		return fmt.Errorf("plugins.dir: %w", err)
	}
	files, err := folder.Modules(m.options.Dir)
	if err != nil {
		return fmt.Errorf("plugins.dir: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".yaml")
		if !ok || e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(files, name+".wasm") {
			continue
		}
		content, err := folder.Read(filepath.Join(m.options.Dir, e.Name()), manifest.MaxSize)
		if err == nil && manifest.Required(content) {
			return fmt.Errorf("plugin %s.wasm is required in %s and is not in %s", name, e.Name(), m.options.Dir)
		}
	}
	return nil
}
