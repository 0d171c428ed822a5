package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// prepareCanary looks at the canary of a plugin whose module there is nothing to
// do about, and returns what is to be done. The caller has claimed the plugin.
func (m *Manager) prepareCanary(p *plugin) (todo task, changing bool) {
	if p.gone {
		return nil, false
	}
	path := filepath.Join(m.options.Dir, folder.CanaryFile(p.file))
	module, err := readModule(path, p.operator, m.options.Limits)
	switch {
	case errors.Is(err, folder.ErrChanging):
		return nil, true
	case errors.Is(err, fs.ErrNotExist):
		p.canaryKey = ""
		if p.tried() == nil {
			return nil, false
		}
		return func(context.Context) { m.removeCanary(p) }, false
	}
	p.mu.Lock()
	waits := p.failed != nil || p.gen.Load() == nil
	p.mu.Unlock()
	if waits {
		p.canaryKey = ""
		if p.canary.Load() == nil {
			p.awaitModule()
		}
		return nil, false
	}
	key := fmt.Sprintf("%s %s %v", p.key, fingerprint(module), err)
	if key == p.canaryKey {
		return nil, false
	}
	p.canaryKey = key
	from := source{module: module, operator: p.operator, err: err}
	return func(ctx context.Context) { m.tryCanary(ctx, p, path, from) }, false
}

// tried returns what is shown of a plugin's canary, nil if there is none.
func (p *plugin) tried() *canary {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trial
}

// awaitModule shows a canary that is not looked at before its plugin runs as its
// files say.
func (p *plugin) awaitModule() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trial = &canary{
		plugin: p, shown: &candidate{file: folder.CanaryFile(p.file), manifest: &manifest.Manifest{}}, state: StateDiscovered,
		reason: "waits until " + p.file + " runs as its files say",
	}
}

// tryCanary has some sessions see a candidate of the next version, in the place of
// the canary before.
func (m *Manager) tryCanary(ctx context.Context, p *plugin, path string, from source) {
	began := time.Now()
	c, err := m.examineCanary(p, path, from)
	t := newCanary(p, c)
	if err != nil {
		m.refuseCanary(p, t, err)
		return
	}
	if e, was := m.ledger.WasRolledBack(p.file, c.sum); was {
		c.module = nil
		p.dropCanary()
		t.state, t.reason = StateRolledBack, e.String()+"; happn-host plugin reload tries it again"
		p.showCanary(t)
		return
	}
	c.canary = t
	options := m.options
	// One that fails so often is rolled back: there is no second try to wait for.
	options.Breaker = Breaker{Faults: t.rules.MaxFaults, Window: m.options.Breaker.Window, Pause: math.MaxInt64, MaxPause: math.MaxInt64}
	if p.canary.Load() == nil {
		p.showCanary(t) // as loading
	}
	g, err := newGeneration(ctx, p, c, &options, m.cache, p.log.With("plugin", c.manifest.Name, "module", c.sum[:12]))
	if err == nil {
		if err = m.protocols.prepare(p, g); err != nil {
			g.close()
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return // the host stops
	case err != nil:
		p.canaryKey = "" // a busy machine may have been the reason
		m.refuseCanary(p, t, c.secrets.HideError(err))
		return
	}
	c.module = nil
	m.seat(p, t, g)
	g.log.Info("canary runs", "file", c.file, "version", c.manifest.Version, "sha256", c.sum[:12],
		"share", fmt.Sprintf("%d %%", t.rules.Share), "took", time.Since(began).Round(time.Millisecond))
}

// seat has sessions see a canary that is warm.
func (m *Manager) seat(p *plugin, t *canary, g *generation) {
	p.mu.Lock()
	t.state, t.gen, t.since, t.against = StateReady, g, time.Now(), p.gen.Load()
	t.before = t.against.tally()
	old := p.canary.Swap(t) // before anybody can see that it runs
	p.trial = t
	p.mu.Unlock()
	t.watch(m.life)
	if old != nil {
		old.unseat()
	}
}

// examineCanary decides whether a candidate may run beside the present version.
func (m *Manager) examineCanary(p *plugin, path string, from source) (*candidate, error) {
	c, err := examine(path, from, &m.options)
	if err != nil {
		return c, err
	}
	g := p.gen.Load()
	if c.sum == g.sum {
		return c, fmt.Errorf("it is the very module that runs as %s", p.file)
	}
	return c, compatible(g.manifest, c.manifest, p.file)
}

// compatible reports why sessions cannot be divided between two versions of a
// plugin: messages are filtered and ordered before it is known who sees them.
func compatible(running, next *manifest.Manifest, file string) error {
	instead := "put it in the place of " + file + " instead"
	if running.Name != next.Name {
		return fmt.Errorf("name: it is %q, and the plugin is %q; a canary has the plugin's name", next.Name, running.Name)
	}
	divided := false
	for place := range hook.Places {
		kind := hook.RulesAt(place).Kind
		one, other := running.Hook(kind), next.Hook(kind)
		switch {
		case one == nil && other == nil:
			continue
		case other == nil:
			return fmt.Errorf("hooks: it has no %s hook, which %s has; %s", kind, file, instead)
		case one == nil:
			return fmt.Errorf("hooks: it has a hook of kind %s, which %s has not; %s", kind, file, instead)
		}
		if key := difference(one, other); key != "" {
			return fmt.Errorf("hooks: the %s of its %s hook are not those of %s; %s", key, kind, file, instead)
		}
		divided = divided || hook.RulesAt(place).Sessions || place == hook.PlaceProtocol
	}
	if !divided {
		return fmt.Errorf("hooks: none of them sees sessions, which a canary divides; %s", instead)
	}
	return nil
}

// difference names what two hooks of one kind do not have in common, "" for
// nothing.
func difference(one, other *hook.Hook) string {
	a, b := reflect.ValueOf(one).Elem(), reflect.ValueOf(other).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if f.IsExported() && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return strings.ToLower(f.Name)
		}
	}
	return ""
}

// refuseCanary shows why a candidate is not tried. One that was, whose file is
// gone, is so no more.
func (m *Manager) refuseCanary(p *plugin, t *canary, err error) {
	p.dropCanary()
	p.mu.Lock()
	t.shown.module, t.state, t.reason = nil, StateRefused, inOneLine(err.Error())
	p.trial = t
	p.mu.Unlock()
	p.log.Error("canary refused", "file", t.shown.file, "error", err)
}

// removeCanary ends a canary whose file is gone.
func (m *Manager) removeCanary(p *plugin) {
	p.dropCanary()
	p.log.Info("canary removed", "file", folder.CanaryFile(p.file))
}

func (p *plugin) showCanary(t *canary) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trial = t
}

// dropCanary ends what runs of a canary, and shows none.
func (p *plugin) dropCanary() {
	t := p.canary.Swap(nil)
	p.showCanary(nil)
	if t != nil {
		t.unseat()
	}
}

// unseat ends a canary that nobody sees any more. Its connections go over to the
// version that runs.
func (t *canary) unseat() {
	t.unwatch()
	if t.gen.hooks[hook.PlaceProtocol] != nil {
		t.plugin.part(t.gen)
		return
	}
	t.plugin.bury(t.gen)
}
