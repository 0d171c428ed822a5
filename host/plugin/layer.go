package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

var (
	_ pipeline.Layer  = (*layer)(nil)
	_ pipeline.Layers = (*Manager)(nil)
)

// layer is a hook in the path of messages.
type layer struct{ binding }

// Name returns the plugin's name.
func (l *layer) Name() string { return l.name }

// Handles applies the hook's filters.
func (l *layer) Handles(kind abi.Kind, action abi.Action, path []byte) bool {
	g := l.plugin.gen.Load()
	if g == nil {
		return l.plugin.ended.Load()
	}
	h := g.hooks[l.place]
	return h != nil && h.filter.matches(kind, action, path)
}

// Recipient reports whether the hook sees a publication for each recipient.
func (l *layer) Recipient() bool {
	h := l.hook()
	return h != nil && h.each
}

// Call shows rec to the hook. See pipeline.Layer. What a plugin does itself is
// not shown to its own layers, nor to those of plugins that had it do so.
func (l *layer) Call(ctx context.Context, rec *abi.Record) (abi.Verdict, error) {
	before := chainOf(ctx)
	if before.has(l.plugin) {
		return abi.VerdictPass, nil
	}
	verdict, output, err := l.callFrom(before, rec)
	if err == nil && verdict == abi.VerdictPass {
		return verdict, nil
	}
	if err == nil {
		if err = answer.Conclude(hook.RulesAt(l.place).Kind, rec, verdict, output); err == nil {
			return verdict, nil
		}
		l.failed(rec.SessionID, verdict, err)
	}
	switch {
	case errors.Is(err, errGone) && l.plugin.ended.Load():
		rec.Error = l.failure()
		return abi.VerdictReject, nil // a host that stops lets nothing past its layers
	case errors.Is(err, errGone):
		return abi.VerdictPass, nil // the plugin, or this hook of it, was removed a moment ago
	case errors.Is(err, errOpen):
		return l.decide(rec), nil // said once, when the breaker opened
	}
	return l.decide(rec), fmt.Errorf("plugin %s: %s: %w", l.name, hook.RulesAt(l.place).Kind, err)
}

// decide is for a message that the plugin failed to decide about.
func (l *layer) decide(rec *abi.Record) abi.Verdict {
	switch l.onError() {
	case hook.OnErrorReject:
		rec.Error = l.failure()
		return abi.VerdictReject
	case hook.OnErrorClose:
		rec.Error = l.failure()
		return abi.VerdictClose
	}
	return abi.VerdictPass
}
