package plugin

import (
	"context"
	"errors"
	"fmt"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/arena"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// wasmPage is how much memory grows by, in bytes.
const wasmPage = 64 << 10

var errExited = errors.New("exited")

// extismGuest is one running copy of a module that was built with an Extism PDK.
type extismGuest struct {
	instance
	ctx    context.Context // carries the guest to host functions
	engine *extismEngine
	plugin *extism.Plugin
	budget memoryBudget
	first  uint64 // size of Extism's memory at the start, in bytes

	input []byte // the last one, reused
	vars  map[string][]byte
	kept  int // bytes in vars

	// What the present call has done.
	current *extism.CurrentPlugin // who asked for a host function
	at      uint64                // where Extism has put the input
	last    uint32                // offset of the block that was made last
	arena   arena.Arena
	output  arena.Block
	failure []byte // text of error_set, nil if it was not called
}

// newExtismGuest instantiates and initializes the module.
func newExtismGuest(e *extismEngine) (*extismGuest, error) {
	g := &extismGuest{
		instance: instance{gen: e.gen},
		engine:   e,
		budget:   newMemoryBudget(e.gen),
		vars:     map[string][]byte{},
	}
	g.starts()
	g.blocks = g
	g.ctx = extismContext{Context: context.Background(), guest: g}
	starting, cancel := g.clocked(experimental.WithMemoryAllocator(g.ctx, &g.budget))
	defer cancel()
	p, err := e.compiled.Instance(starting, extism.PluginInstanceConfig{ModuleConfig: moduleConfig(&g.instance)})
	g.rest()
	if err != nil {
		g.close()
		return nil, fmt.Errorf("start: %w", g.explain(err))
	}
	g.plugin = p
	if err := g.start(); err != nil {
		g.close()
		return nil, err
	}
	g.host.reset(&g.gen.hostCalls)
	g.serves()
	return g, nil
}

func (g *extismGuest) start() error {
	if g.budget.left < 0 {
		return g.gen.manifest.Limits.Over(limit.MemoryMiB, nil, "the module and Extism begin with %d bytes of memory", g.memory())
	}
	g.plugin.SetLogger(func(extism.LogLevel, string) {}) // go-sdk's own, of each call
	g.mem = g.plugin.Memory()
	g.first = uint64(g.mem.Size())
	if _, err := g.run(extismNoOp, nil); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if !g.plugin.FunctionExists(abi.ExportInit) {
		return nil
	}
	code, err := g.run(abi.ExportInit, g.gen.config)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", abi.ExportInit, err)
	case g.failure != nil:
		return fmt.Errorf("%s refused the configuration: %s", abi.ExportInit, answer.ErrorText(g.failure))
	case code != 0:
		return fmt.Errorf("%s refused the configuration with code %d; the plugin's own log lines say more", abi.ExportInit, int32(code))
	}
	// go-sdk makes 0 of an exit without an error; a guest that has exited does not
	// come back.
	if _, err := g.run(extismNoOp, nil); err != nil {
		return fmt.Errorf("%s: %w with code 0", abi.ExportInit, errExited)
	}
	return nil
}

// run calls a function with an input.
func (g *extismGuest) run(name string, input []byte) (code uint32, err error) {
	g.begin()
	g.output, g.failure = arena.Block{}, nil
	g.current, g.at = nil, 0
	g.arena.Reset()
	if !g.room(len(input)) {
		return 0, g.gen.manifest.Limits.Over(limit.MemoryMiB, nil, "no memory is left for an input of %d bytes", len(input))
	}
	g.input = input
	ctx, cancel := g.clocked(g.ctx)
	defer cancel()
	code, _, err = g.plugin.CallWithContext(ctx, name, input)
	g.rest()
	if err != nil {
		return 0, g.explain(err)
	}
	return code, nil
}

// room reports whether Extism's memory, which is empty before a call, takes an
// input. go-sdk does not look: it would write over Extism's own data.
func (g *extismGuest) room(size int) bool {
	have := int64(uint64(g.mem.Size())-g.first) + wasmPage
	missing := int64(size) + blockHeads - have
	if missing < 0 {
		return true
	}
	return (missing/wasmPage+2)*wasmPage <= g.budget.left
}

// blockHeads is more than what Extism puts before the first block, in bytes.
const blockHeads = 256

// call implements guest.
func (g *extismGuest) call(from *chain, h *boundHook, rec *abi.Record) (verdict abi.Verdict, output []byte, err error) {
	g.host.from = from
	return g.ask(hook.RulesAt(h.place).Exports[0], nil, g.shown(h, rec))
}

// ask shows a record, after what stands before it, to a hook's function, and takes
// its result.
func (g *extismGuest) ask(export string, before []byte, rec *abi.Record) (verdict abi.Verdict, output []byte, err error) {
	size := len(before) + rec.Size()
	if cap(g.input) < size {
		g.input = make([]byte, size)
	}
	g.input = g.input[:size]
	if _, err := rec.Encode(g.input[copy(g.input, before):]); err != nil {
		return 0, nil, err
	}
	code, err := g.run(export, g.input)
	g.host.from.pay(g.used())
	if g.host.used {
		g.host.reset(&g.gen.hostCalls)
	}
	if err != nil {
		return 0, nil, err
	}
	return g.conclude(code)
}

// conclude makes of a return code, output and error what a raw hook returns.
func (g *extismGuest) conclude(code uint32) (verdict abi.Verdict, output []byte, err error) {
	switch {
	case code == 0 && g.failure != nil:
		return 0, nil, fmt.Errorf("failed: %s", answer.ErrorText(g.failure))
	case code == 0:
		return 0, nil, errors.New("exited, or returned 0, which is no verdict")
	}
	if g.output.Size > 0 {
		if _, output, err = g.given(abi.Verdict(code), g.output.Offset, g.output.Size); err != nil {
			return 0, nil, err
		}
	}
	if g.failure == nil {
		if code > uint32(abi.VerdictError) {
			return 0, nil, fmt.Errorf("returned %d, which is no verdict", int32(code))
		}
		return abi.Verdict(code), output, nil
	}
	switch verdict = abi.Verdict(code); {
	case code > uint32(abi.VerdictError), verdict != abi.VerdictReject && verdict != abi.VerdictClose:
		return abi.VerdictError, g.failure, nil
	case output == nil:
		output = g.failure
	}
	return verdict, output, nil
}

// block implements blockMaker: results of host functions go where the guest's
// own blocks are.
func (g *extismGuest) block(size int) (view []byte, ok bool) {
	b, ok := g.allocate(uint64(size))
	g.last = b.Offset
	if !ok {
		return nil, size == 0 // Extism has no empty blocks
	}
	return g.mem.Read(b.Offset, b.Size)
}

// memory implements guest: the module's memory and Extism's.
func (g *extismGuest) memory() int64 { return g.budget.used() }

// close implements guest.
func (g *extismGuest) close() {
	g.host.close(&g.gen.hostCalls)
	if g.plugin != nil {
		_ = g.plugin.Close(context.Background())
	}
	g.budget.close()
}

// extismContext is what every call carries: the guest, and, for what runs before
// go-sdk knows the guest, an empty plugin, so that a start function that takes
// too long can be ended.
type extismContext struct {
	context.Context
	guest *extismGuest
}

type extismKey struct{}

// Value finds the guest, its instance, or the empty plugin.
func (c extismContext) Value(key any) any {
	switch key {
	case extismKey{}:
		return c.guest
	case instanceKey{}:
		return &c.guest.instance
	case extism.PluginCtxKey("plugin"):
		return &extism.Plugin{}
	}
	return nil
}
