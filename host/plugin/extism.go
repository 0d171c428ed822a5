package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

const (
	// extismModule is where modules find what they import from
	// abi.ExtismEnvironment: the host's own functions, not those of go-sdk.
	extismModule = "happn:extism"
	// extismNoOp is an export that the engine adds. To call it makes go-sdk prepare
	// the guest's runtime, and shows whether the guest has exited.
	extismNoOp = "happn:no-op"
	// extismOutput is what go-sdk reads from the environment: with it, guests write
	// to the host's standard output.
	extismOutput = "EXTISM_ENABLE_WASI_OUTPUT"
)

// extismEngine runs modules that were built with an Extism PDK.
type extismEngine struct {
	gen      *generation
	compiled *extism.CompiledPlugin
	cache    wazero.CompilationCache // its own: go-sdk gives no machine code back to one that is shared
	config   map[string]string       // for the import config_get
}

// newExtismEngine meters and compiles a module. It owns the cache.
func newExtismEngine(ctx context.Context, g *generation, module []byte, cache wazero.CompilationCache) (engine, error) {
	e := &extismEngine{gen: g, cache: cache, config: extismConfig(g.config)}
	if err := e.compile(ctx, module); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *extismEngine) compile(ctx context.Context, module []byte) error {
	if _, set := os.LookupEnv(extismOutput); set {
		return fmt.Errorf("the environment of the host sets %s, with which guests would write past the log: unset it", extismOutput)
	}
	code, err := e.gen.stoppable(module)
	if err == nil {
		code, err = prepareExtism(code)
	}
	if err != nil {
		return err
	}
	if err := e.gen.compileApart(ctx, code); err != nil {
		return err
	}
	e.compiled, err = extism.NewCompiledPlugin(
		experimental.WithCompilationWorkers(ctx, otherProcessors()),
		extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: code, Name: "main"}}},
		extism.PluginConfig{
			EnableWasi:    true,
			RuntimeConfig: compiler.Config(e.cache, e.gen.unmetered),
		},
		extismHostFunctions(),
	)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	return nil
}

// prepareExtism has a module reach the host's functions in place of go-sdk's.
func prepareExtism(module []byte) ([]byte, error) {
	code, err := wasmbin.RenameImports(module, func(from string) string {
		if from == abi.ExtismEnvironment {
			return extismModule
		}
		return from
	})
	if err != nil {
		return nil, err
	}
	return wasmbin.AppendNoOp(code, extismNoOp)
}

// extismConfig makes of a configuration what config_get gives: texts as they
// are, anything else as JSON.
func extismConfig(config []byte) map[string]string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(config, &keys) != nil {
		return nil // not an object: the whole of it is what happn_init gets
	}
	out := make(map[string]string, len(keys))
	for k, v := range keys {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		out[k] = text
	}
	return out
}

func (e *extismEngine) guest() (guest, error) {
	g, err := newExtismGuest(e)
	if err != nil {
		return nil, err // not a nil *extismGuest in the interface
	}
	return g, nil
}

func (e *extismEngine) close() {
	if e.compiled != nil {
		_ = e.compiled.Close(context.Background())
	}
	_ = e.cache.Close(context.Background())
}
