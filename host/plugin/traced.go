package plugin

import (
	"context"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/tracing"
)

// recorded returns c with a link before it that belongs to no plugin: it has the
// next hook that is called through it recorded as a part of span.
func (c *chain) recorded(span *tracing.Span) *chain {
	link := &chain{Context: span.With(context.Background()), before: c, span: span}
	if c != nil {
		link.depth = c.depth
	}
	return link
}

// traced is callFrom in a span of its own, which what the plugin does in the host
// is a part of.
func (b *binding) traced(before *chain, rec *abi.Record) (abi.Verdict, []byte, error) {
	ctx, span := tracing.Start(before.Context, "plugin "+b.name)
	defer span.End()
	span.Text("happn.plugin", b.name)
	span.Text("happn.hook", string(hook.RulesAt(b.place).Kind))
	verdict, output, err := b.callFrom(&chain{Context: ctx, before: before.before, depth: before.depth}, rec)
	switch {
	case err != nil:
		span.Fail("fault")
	case verdict == abi.VerdictError:
		span.Fail("error")
		fallthrough
	default:
		span.Text("happn.verdict", verdict.String())
	}
	return verdict, output, err
}

// begin begins the trace of what nobody has asked the plugin for.
func (b *binding) begin(what string) (context.Context, *tracing.Span) {
	return b.plugin.manager.options.Tracer.Begin(context.Background(), what)
}
