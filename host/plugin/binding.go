package plugin

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/tracing"
)

// Reasons why a hook was not asked.
var (
	errGone = errors.New("the plugin does not run")
	errOpen = errors.New("the plugin failed again and again and is left alone for a while")
	errDeep = fmt.Errorf("plugins have called each other more than %d deep", maxDepth)
)

// maxDepth bounds how deep plugins call each other, by services and by writes
// that pass each other's layers.
const maxDepth = 8

// binding is one hook of one plugin, whichever generation runs at the moment:
// who took a list of bindings before a swap reaches the new one.
type binding struct {
	name   string // of the plugin
	place  int    // of the kind
	order  int
	plugin *plugin
}

// hook returns the hook as the running generation has it, nil if there is none.
func (b *binding) hook() *boundHook {
	if g := b.plugin.gen.Load(); g != nil {
		return g.hooks[b.place]
	}
	return nil
}

// call shows rec to the hook. output is the caller's. An error is a fault, or
// errGone, errOpen, errBusy or errDeep; what was a fault has been counted and
// noted. ctx carries the chain of plugins that led here, and is not waited for:
// a call is bounded by the plugin's own limits, and its outcome is wanted even
// when the connection has gone.
func (b *binding) call(ctx context.Context, rec *abi.Record) (abi.Verdict, []byte, error) {
	return b.callFrom(chainOf(ctx), rec)
}

// callFrom is call after before has led to it, nil for nothing.
func (b *binding) callFrom(before *chain, rec *abi.Record) (abi.Verdict, []byte, error) {
	if before != nil && before.span != nil {
		return b.traced(before, rec)
	}
	if t := b.plugin.canary.Load(); t != nil {
		if verdict, output, answered, err := t.ask(before, b.place, rec); answered {
			return verdict, output, err
		}
	}
	for {
		g := b.plugin.gen.Load()
		if g == nil {
			return 0, nil, errGone
		}
		h := g.hooks[b.place]
		if h == nil {
			return 0, nil, errGone // this version has no such hook any more
		}
		if g.breaker.open.Load() {
			g.skipped.Add(1)
			return 0, nil, errOpen
		}
		if before != nil && before.depth >= maxDepth {
			return 0, nil, errDeep
		}
		verdict, output, err := g.run(before, h, rec)
		if err == nil {
			return verdict, output, nil
		}
		switch {
		case errors.Is(err, errClosed):
			continue // the next generation is in place already
		case errors.Is(err, errBusy):
			g.skip(err)
		}
		return verdict, output, err
	}
}

// failed counts an output that was no valid answer of its kind. session is what
// the answer was for, nil if it was for none.
func (b *binding) failed(session []byte, verdict abi.Verdict, err error) {
	if g := b.plugin.seenBy(session); g != nil {
		if verdict != abi.VerdictError {
			g.invalid.Add(1)
		}
		g.note(err)
	}
}

// onError returns what the operator wants to happen after a fault.
func (b *binding) onError() hook.OnError {
	if h := b.hook(); h != nil {
		return h.onError
	}
	return hook.RulesAt(b.place).OnError
}

// failure is what a client is told. It names the plugin and nothing of what
// went wrong inside, which is the operator's to read.
func (b *binding) failure() []byte {
	return fmt.Appendf(nil, `{"name":"PluginError","message":"plugin %s failed"}`, b.name)
}

// chain is which plugins have led to a call, the last one first. It is the
// context that host calls of that plugin carry.
type chain struct {
	context.Context
	plugin *plugin
	before *chain // nil for the first
	depth  int
	span   *tracing.Span // of a link for a trace, see recorded; nil in those for plugins
	left   atomic.Int64  // fuel of the call, in units
}

type chainKey struct{}

// Value returns the chain for chainKey.
func (c *chain) Value(key any) any {
	if _, ok := key.(chainKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// chainOf returns the chain that ctx carries, nil for none.
func chainOf(ctx context.Context) *chain {
	if ctx == context.Background() { // nearly always
		return nil
	}
	return chainIn(ctx)
}

// chainIn is chainOf for a context that may carry something.
func chainIn(ctx context.Context) *chain {
	c, _ := ctx.Value(chainKey{}).(*chain)
	if span := tracing.In(ctx); span != nil {
		return c.recorded(span)
	}
	return c
}

// has reports whether the plugin is in the chain.
func (c *chain) has(p *plugin) bool {
	for ; c != nil; c = c.before {
		if c.plugin == p {
			return true
		}
	}
	return false
}

// pay takes what a call has used from the fuel of the call that led to it.
func (c *chain) pay(units int64) {
	for c != nil && c.plugin == nil { // see recorded
		c = c.before
	}
	if c != nil {
		c.left.Add(-units)
	}
}

// then returns the context of what the plugin does in a call that came by before.
func (p *plugin) then(before *chain) *chain {
	c := &chain{Context: context.Background(), plugin: p, before: before, depth: 1}
	if before != nil {
		c.depth = before.depth + 1
		if before.plugin == nil { // see recorded
			c.Context = before.Context
		}
	}
	return c
}
