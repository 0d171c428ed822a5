package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/ledger"
)

// ErrNoCanary says that a plugin has no canary that runs.
var ErrNoCanary = errors.New("the plugin has no canary that runs")

// ErrNotPromoted says that a canary is not put in its plugin's place.
var ErrNotPromoted = errors.New("the canary is not promoted")

// Promote puts the canary of a plugin in the plugin's place now. by says who wants
// it. When ctx ends earlier, it goes on behind.
func (m *Manager) Promote(ctx context.Context, name, by string) (Info, error) {
	return m.decideCanary(ctx, name, &wish{promote: true, by: by, done: make(chan struct{})})
}

// Rollback ends the canary of a plugin: every session sees the plugin's own version
// from now on. The candidate's file stays where it is, and is not tried again
// before its content changes or Reload is called. When ctx ends earlier, it goes
// on behind.
func (m *Manager) Rollback(ctx context.Context, name, by string) (Info, error) {
	return m.decideCanary(ctx, name, &wish{by: by, why: "by command", done: make(chan struct{})})
}

func (m *Manager) decideCanary(ctx context.Context, name string, w *wish) (Info, error) {
	p := m.find(name)
	if p == nil {
		return Info{}, unknown(name)
	}
	m.wish(p, w)
	select {
	case <-w.done:
		m.wait(ctx, p)
		return p.info(), w.err
	case <-m.ended:
	case <-ctx.Done():
	}
	return p.info(), nil
}

// wish is what somebody wants to become of a canary. Who works on the plugin
// fulfils it, so that its files and versions change one after the other.
type wish struct {
	promote bool    // or roll back
	of      *canary // nil for any
	by, why string

	done chan struct{} // closed when it is fulfilled, or err says why not
	err  error
}

func newWish(of *canary, promote bool, why string) *wish {
	return &wish{of: of, promote: promote, why: why, done: make(chan struct{})}
}

// wish has a wish fulfilled. It does not wait for that.
func (m *Manager) wish(p *plugin, w *wish) {
	m.mu.Lock()
	p.wishes = append(p.wishes, w)
	if m.plugins[p.file] != p {
		p.deny()
	}
	m.mu.Unlock()
	if m.look(p.file) {
		m.nudge()
	}
}

// deny tells those who wish something that the plugin is gone. The caller holds
// m.mu.
func (p *plugin) deny() {
	for _, w := range p.wishes {
		w.err = ErrNoCanary
		close(w.done)
	}
	p.wishes = nil
}

// nextWish takes the oldest wish, nil for none.
func (m *Manager) nextWish(p *plugin) *wish {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(p.wishes) == 0 {
		return nil
	}
	w := p.wishes[0]
	p.wishes = p.wishes[1:]
	return w
}

// fulfil does what is wished. The caller has claimed the plugin.
func (w *wish) fulfil(p *plugin) {
	defer close(w.done)
	t := p.canary.Load()
	switch {
	case w.of != nil && t != w.of:
		w.err = ErrNoCanary // somebody else has decided
	case t == nil:
		w.err = p.noCanary()
	case w.promote:
		if w.err = p.manager.promote(p, t, w); w.err != nil {
			w.err = fmt.Errorf("%w: %w", ErrNotPromoted, w.err)
		}
	default:
		w.err = p.manager.rollBack(p, t, w)
	}
	if w.err != nil && w.of != nil && t == w.of { // else who wished it is told
		p.log.Error("what became of a canary could not be carried out", "file", folder.CanaryFile(p.file), "error", w.err)
	}
}

// noCanary says why there is none.
func (p *plugin) noCanary() error {
	t := p.tried()
	if t == nil {
		return fmt.Errorf("%w: put the candidate into the plugins folder as %s", ErrNoCanary, folder.CanaryFile(p.file))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("%w: %s is %s: %s", ErrNoCanary, t.shown.file, t.state, t.reason)
}

// rollBack has every session see the plugin's own version.
func (m *Manager) rollBack(p *plugin, t *canary, w *wish) error {
	p.canary.Store(nil)
	e := ledger.RolledBack{Entry: ledger.Entry{Time: time.Now(), By: w.by}, SHA256: t.shown.sum, Reason: w.why}
	p.mu.Lock()
	t.state, t.reason = StateRolledBack, e.String()+"; happn-host plugin reload tries it again"
	p.mu.Unlock()
	p.rolledBack.Add(1)
	t.gen.log.Error("canary rolled back: every session sees the version before", "file", t.shown.file, "version", t.shown.manifest.Version, "reason", e.String())
	err := m.ledger.RollBack(p.file, e)
	t.unseat()
	return err
}

// promote puts the canary's file in the place of the module's, in one step, and
// the generation that runs as the canary in the place of the present one. A crash
// leaves the module before, or the new one.
func (m *Manager) promote(p *plugin, t *canary, w *wish) error {
	module, next := filepath.Join(m.options.Dir, p.file), filepath.Join(m.options.Dir, t.shown.file)
	if err := m.promotable(p, t, module, next); err != nil {
		return err
	}
	if err := os.Rename(next, module); err != nil {
		return err
	}
	if err := syncFolder(m.options.Dir); err != nil {
		p.log.Warn("a promotion may be lost if the machine stops now", "error", err)
	}
	t.unwatch()
	is := readSource(module, m.options.Limits)
	if is.err != nil || fingerprint(is.module) != t.gen.sum {
		// Somebody has replaced one of the files at this very moment: what is there
		// now is looked at next, as any other new version.
		p.dropCanary()
		return errors.New("its file was changed meanwhile; what is there now is loaded as a new version")
	}
	p.key, p.operator, p.canaryKey = is.key, is.operator, ""
	t.gen.take(m.options.Breaker)
	t.shown.file = p.file
	p.show(t.shown, StateReady, "")
	p.showCanary(nil)
	p.promoted.Add(1)
	p.swap(t.gen)
	m.settleName(p)
	t.gen.log.Info("canary promoted", "file", p.file, "version", t.shown.manifest.Version, "sha256", t.gen.sum[:12], "by", w.by, "reason", w.why)
	return nil
}

// promotable looks whether the files are those of the versions that run: a module
// that somebody has just put there must not be lost.
func (m *Manager) promotable(p *plugin, t *canary, module, next string) error {
	p.mu.Lock()
	failed := p.failed
	p.mu.Unlock()
	if t.gen.breaker.open.Load() {
		return errors.New("it keeps failing")
	}
	if failed != nil {
		return fmt.Errorf("the files of %s are refused: %w", p.file, failed)
	}
	for _, file := range []struct{ path, sum string }{{module, p.gen.Load().sum}, {next, t.gen.sum}} {
		content, err := readModule(file.path, p.operator, m.options.Limits)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file.path), err)
		}
		if fingerprint(content) != file.sum {
			return fmt.Errorf("%s has changed and is not what runs any more; try again when it is loaded", filepath.Base(file.path))
		}
	}
	return nil
}

// take makes a canary's generation the plugin's own.
func (g *generation) take(rules Breaker) {
	g.breaker.obey(rules)
	g.plugin.mu.Lock()
	defer g.plugin.mu.Unlock()
	g.before = g.tally()
	g.defined.Inherit(g.plugin.metrics, &g.manifest.Limits)
	g.refused.Inherit(g.plugin.refused)
	g.plugin.metrics, g.plugin.refused = g.defined, g.refused
	g.canary.Store(nil)
}

// syncFolder has the names in a folder on the disk.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // which has no such thing
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
