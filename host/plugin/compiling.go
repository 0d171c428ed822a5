package plugin

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/limit"
)

// build makes an engine of a module. It is given up when ctx ends, at the next
// function if several workers compile, and never if one does.
type build func(ctx context.Context, g *generation, module []byte, cache wazero.CompilationCache) (engine, error)

// built is what came of a build.
type built struct {
	engine engine
	err    error
}

// guarded calls the build. An engine that panics over a module, as it does over a few that are
// not valid, costs the host that module.
func (b build) guarded(ctx context.Context, g *generation, module []byte, cache wazero.CompilationCache) (out built) {
	defer func() {
		if why := recover(); why != nil {
			out = built{err: fmt.Errorf("compile: the engine cannot read the module: %v", why)}
		}
	}()
	e, err := b(ctx, g, module, cache)
	return built{e, err}
}

// compile makes the engine when it is this plugin's turn.
func (g *generation) compile(ctx context.Context, c *candidate, cache wazero.CompilationCache) error {
	release, err := g.plugin.manager.compiling(ctx)
	if err != nil {
		return err
	}
	if g.plugin.gen.Load() == nil {
		g.plugin.show(c, StateLoading, "")
	}
	with := build(newRawEngine)
	if c.engine == engineExtism {
		with = newExtismEngine
		if cache, err = g.plugin.manager.newCache(); err != nil {
			release()
			return err
		}
	}
	longest, module := g.manifest.Limits.CompileTimeout, c.module
	timed, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	ended := make(chan built, 1)
	g.plugin.manager.draining.Go(func() {
		defer release()
		ended <- with.guarded(timed, g, module, cache)
	})
	return g.await(ctx, timed, ended)
}

// await waits for a build until its time is over: whoever waits for the plugin does
// not wait for a compiler that cannot be stopped. Nobody else compiles before it has
// ended.
func (g *generation) await(ctx, timed context.Context, ended <-chan built) error {
	var b built
	select {
	case b = <-ended:
	case <-timed.Done():
		b.err = timed.Err()
		g.plugin.manager.draining.Go(func() {
			if late := <-ended; late.engine != nil {
				late.engine.close()
			}
		})
	}
	longest := g.manifest.Limits.CompileTimeout
	switch {
	case b.err != nil && ctx.Err() != nil:
		return fmt.Errorf("stopped while compiling: %w", ctx.Err())
	case b.err != nil && timed.Err() != nil:
		return limit.CompileTimeout.Wrap(fmt.Errorf("compiling %w of %s (%s)", errTimeout, longest, limit.CompileTimeout))
	}
	g.engine = b.engine
	return b.err
}

// compiling waits until nothing else compiles, which uses every processor. The
// caller calls release.
func (m *Manager) compiling(ctx context.Context) (release func(), err error) {
	select {
	case m.compile <- struct{}{}:
		return func() { <-m.compile }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("stopped while waiting to compile: %w", ctx.Err())
	}
}
