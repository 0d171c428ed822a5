package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
)

var (
	_ pipeline.Layer  = (*layer)(nil)
	_ pipeline.Layers = (*Manager)(nil)
)

// layer is one hook of one plugin, whichever generation runs at the moment: a
// message that took the list of layers before a swap reaches the new one.
type layer struct {
	name   string
	kind   HookKind
	plugin *plugin
}

// Name returns the plugin's name.
func (l *layer) Name() string { return l.name }

// Handles applies the hook's filters.
func (l *layer) Handles(kind abi.Kind, action abi.Action, path []byte) bool {
	g := l.plugin.gen.Load()
	if g == nil {
		return l.plugin.ended.Load()
	}
	h := g.hook(l.kind)
	return h != nil && h.filter.matches(kind, action, path)
}

// Recipient reports whether the hook sees a publication for each recipient.
func (l *layer) Recipient() bool {
	g := l.plugin.gen.Load()
	if g == nil {
		return false
	}
	h := g.hook(l.kind)
	return h != nil && h.each
}

// Call shows rec to the hook. See pipeline.Layer. ctx is not looked at: a call
// is bounded by the plugin's own limits, and its outcome is wanted even when
// the connection has gone.
func (l *layer) Call(_ context.Context, rec *abi.Record) (abi.Verdict, error) {
	for {
		g := l.plugin.gen.Load()
		if g == nil && l.plugin.ended.Load() {
			rec.Error = l.failure()
			return abi.VerdictReject, nil // a host that stops lets nothing past its layers
		}
		if g == nil {
			return abi.VerdictPass, nil // the plugin was removed a moment ago
		}
		h := g.hook(l.kind)
		if h == nil {
			return abi.VerdictPass, nil // this version has no such hook any more
		}
		if g.breaker.open.Load() {
			g.skipped.Add(1)
			return l.onError(h, rec), nil // said once, when the breaker opened
		}
		verdict, output, err := g.run(h, rec)
		if err == nil && verdict == abi.VerdictPass {
			return verdict, nil
		}
		if errors.Is(err, errClosed) {
			continue // the next generation is in place already
		}
		if errors.Is(err, errBusy) {
			g.skipped.Add(1)
		}
		if err == nil {
			if err = conclude(l.kind, rec, verdict, output); err == nil {
				return verdict, nil
			}
			if verdict != abi.VerdictError {
				g.invalid.Add(1)
			}
			g.note(err)
		}
		return l.onError(h, rec), fmt.Errorf("plugin %s: %s: %w", l.name, l.kind, err)
	}
}

// onError decides about a message that the plugin failed to decide about.
func (l *layer) onError(h *boundHook, rec *abi.Record) abi.Verdict {
	switch h.onError {
	case OnErrorReject:
		rec.Error = l.failure()
		return abi.VerdictReject
	case OnErrorClose:
		rec.Error = l.failure()
		return abi.VerdictClose
	}
	return abi.VerdictPass
}

// failure is what a client is told. It names the plugin and nothing of what
// went wrong inside, which is the operator's to read.
func (l *layer) failure() []byte {
	return fmt.Appendf(nil, `{"name":"PluginError","message":"plugin %s failed"}`, l.name)
}
