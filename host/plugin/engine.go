package plugin

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/compiler"
)

// guest is one running copy of a module. One goroutine uses it at a time:
// whoever holds its slot.
type guest interface {
	// call shows rec to a hook. from is what led here, nil for nothing. output
	// is a copy that the caller owns, nil when there is none. An error is a fault
	// after which the guest is thrown away.
	call(from *chain, h *boundHook, rec *abi.Record) (verdict abi.Verdict, output []byte, err error)
	// converse shows rec to the hook of connections that has a place among their
	// exports, for one of the guest's own. It is call otherwise.
	converse(export int, conn uint64, rec *abi.Record) (verdict abi.Verdict, output []byte, err error)
	// hangUp tells the guest that a connection is over.
	hangUp(conn uint64, reason abi.ConnReason) error
	// is reports whether host functions of the guest work on i.
	is(i *instance) bool
	// memory returns how many bytes of memory it has. It is called between calls.
	memory() int64
	// called returns how often it has called the host. It is called by who holds
	// its slot.
	called() int
	// close ends it and frees its memory.
	close()
}

// engine makes guests of one module.
type engine interface {
	guest() (guest, error)
	close()
}

// rawEngine runs modules that keep the raw contract.
type rawEngine struct {
	gen      *generation
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// newRawEngine meters and compiles a module.
func newRawEngine(ctx context.Context, g *generation, module []byte, cache wazero.CompilationCache) (engine, error) {
	code, err := g.stoppable(module)
	if err != nil {
		return nil, err
	}
	e := &rawEngine{gen: g, runtime: wazero.NewRuntimeWithConfig(ctx, compiler.Config(cache, g.unmetered))}
	if err := e.compile(ctx, code); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *rawEngine) compile(ctx context.Context, code []byte) (err error) {
	if err := e.gen.compileApart(ctx, code); err != nil {
		return err
	}
	for _, provide := range []func(context.Context, wazero.Runtime) error{instantiateHost, instantiateMeter, instantiateWASI} {
		if err := provide(ctx, e.runtime); err != nil {
			return err
		}
	}
	e.compiled, err = e.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, otherProcessors()), code)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	return nil
}

func (e *rawEngine) guest() (guest, error) {
	i, err := newRawGuest(e)
	if err != nil {
		return nil, err // not a nil *rawGuest in the interface
	}
	return i, nil
}

// close ends all guests. The machine code has to be given back by name: the runtime
// leaves it to the cache, which plugins share.
func (e *rawEngine) close() {
	_ = e.runtime.Close(context.Background())
	if e.compiled != nil {
		_ = e.compiled.Close(context.Background())
	}
}
