package plugin

import (
	"context"
	"errors"
	"math"

	extism "github.com/extism/go-sdk"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/arena"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// Faults of what a guest does with Extism's memory.
var (
	errStray = errors.New("wrote to Extism memory outside of the blocks that alloc gave")
	errWild  = errors.New("read outside of Extism memory")
	errEarly = errors.New("called the host in its start function, before Extism is ready")
)

// extismFunction is an import that PDKs use, of abi.ExtismEnvironment.
type extismFunction struct {
	params, results []byte
	grant           manifest.Grant // needed to import it; empty means none
	call            func(g *extismGuest, stack []uint64)
}

func (f extismFunction) funcType() wasmbin.FuncType {
	return wasmbin.FuncType{Params: f.params, Results: f.results}
}

var (
	i64x2  = []byte{wasmbin.I64, wasmbin.I64}
	i64i32 = []byte{wasmbin.I64, wasmbin.I32}
)

// levelOff is what get_log_level says when nothing is logged.
const levelOff = math.MaxInt32

// extismFunctions is a constant in all but name. Requests by HTTP are not in it,
// and what belongs to Extism's hosts rather than to its guests is not either.
var extismFunctions = map[string]extismFunction{
	"alloc":         {params: i64, results: i64, call: extismAlloc},
	"free":          {params: i64, call: extismFree},
	"length":        {params: i64, results: i64, call: extismLength},
	"length_unsafe": {params: i64, results: i64, call: extismLength},

	"load_u8":   {params: i64, results: i32, call: extismLoadByte},
	"load_u64":  {params: i64, results: i64, call: extismLoadWord},
	"store_u8":  {params: i64i32, call: extismStoreByte},
	"store_u64": {params: i64x2, call: extismStoreWord},

	"input_length":   {results: i64, call: func(g *extismGuest, stack []uint64) { stack[0] = uint64(len(g.input)) }},
	"input_offset":   {results: i64, call: func(g *extismGuest, stack []uint64) { stack[0] = g.at }},
	"input_load_u8":  {params: i64, results: i32, call: extismInputByte},
	"input_load_u64": {params: i64, results: i64, call: extismInputWord},
	"output_set":     {params: i64x2, call: extismOutputSet},
	"error_set":      {params: i64, call: extismErrorSet},

	"config_get": {params: i64, results: i64, call: extismConfigGet},
	"var_get":    {params: i64, results: i64, call: extismVarGet},
	"var_set":    {params: i64x2, call: extismVarSet},

	"log_trace":     extismLog(abi.LogDebug),
	"log_debug":     extismLog(abi.LogDebug),
	"log_info":      extismLog(abi.LogInfo),
	"log_warn":      extismLog(abi.LogWarn),
	"log_error":     extismLog(abi.LogError),
	"get_log_level": {results: i32, call: extismLogLevel},
}

// extismHostFunctions are all functions that modules may import, as go-sdk wants
// them.
func extismHostFunctions() (out []extism.HostFunction) {
	add := func(module, name string, t wasmbin.FuncType, call func(*extismGuest, []uint64)) {
		f := extism.NewHostFunctionWithStack(name, func(ctx context.Context, p *extism.CurrentPlugin, stack []uint64) {
			call(guestOf(ctx, p), stack)
		}, valueTypes(t.Params), valueTypes(t.Results))
		f.SetNamespace(module)
		out = append(out, f)
	}
	for name, f := range extismFunctions {
		add(extismModule, name, f.funcType(), func(g *extismGuest, stack []uint64) {
			if g.plugin == nil {
				panic(errEarly)
			}
			f.call(g, stack)
		})
	}
	for name, form := range extismForms {
		add(abi.ExtismUser, name, form.funcType(), func(g *extismGuest, stack []uint64) {
			if g.plugin == nil {
				panic(errEarly)
			}
			g.translate(form, hostFunctions[name].call, stack)
		})
	}
	add(meter.ImportModule, meter.ImportName, wasmbin.FuncType{Results: i64}, func(g *extismGuest, stack []uint64) {
		stack[0] = uint64(g.yield())
	})
	add(meter.ImportModule, meter.ImportDeep, wasmbin.FuncType{}, func(g *extismGuest, _ []uint64) { g.end(errStack) })
	add(meter.ImportModule, meter.ImportPause, wasmbin.FuncType{}, func(g *extismGuest, _ []uint64) { g.pause() })
	add(meter.ImportModule, meter.ImportFull, wasmbin.FuncType{}, func(g *extismGuest, _ []uint64) { g.full() })
	return out
}

// guestOf finds the guest that a call is from, and learns where its input is.
func guestOf(ctx context.Context, p *extism.CurrentPlugin) *extismGuest {
	g := ctx.Value(extismKey{}).(*extismGuest)
	if g.current == nil && g.plugin != nil {
		g.current = p
		g.at, _ = ctx.Value(extism.InputOffsetKey("inputOffset")).(uint64)
	}
	return g
}

// allocate gives the guest a block. It reports false when no memory is left.
func (g *extismGuest) allocate(size uint64) (b arena.Block, ok bool) {
	if size == 0 || size > arena.MaxBlock {
		return arena.Block{}, false
	}
	return g.arena.Allocate(uint32(size), func(size uint32) (uint32, bool) {
		g.charge(fuelImport)
		offset, err := g.current.Alloc(uint64(size))
		if err != nil {
			panic(err)
		}
		_, ok := g.mem.Read(uint32(offset), size)
		return uint32(offset), offset != 0 && ok
	})
}

// put gives the guest a block with this content, and returns its offset: 0 for
// nothing, as Extism has it.
func (g *extismGuest) put(content []byte) uint64 {
	view, ok := g.block(len(content))
	if !ok {
		return 0
	}
	copy(view, content)
	return uint64(g.last)
}

// view returns what is in the block at offset, nil if there is none.
func (g *extismGuest) view(offset uint64) []byte {
	view, _ := g.mem.Read(uint32(offset), g.length(offset))
	return view
}

// length returns the length of a block of the guest's, or of the input.
func (g *extismGuest) length(offset uint64) uint32 {
	if offset == g.at && offset != 0 {
		return uint32(len(g.input))
	}
	return g.arena.Length(offset)
}

// writable ends the call unless the guest may write size bytes there.
func (g *extismGuest) writable(offset uint64, size uint32) {
	input := arena.Block{Offset: uint32(g.at), Size: uint32(len(g.input))}
	if !g.arena.Holds(offset, size) && !(g.at != 0 && input.Has(offset, size)) {
		panic(errStray)
	}
}

func extismAlloc(g *extismGuest, stack []uint64) {
	b, _ := g.allocate(stack[0])
	stack[0] = uint64(b.Offset)
}

func extismFree(g *extismGuest, stack []uint64) { g.arena.Release(stack[0]) }

func extismLength(g *extismGuest, stack []uint64) { stack[0] = uint64(g.length(stack[0])) }

func extismLoadByte(g *extismGuest, stack []uint64) {
	v, ok := g.mem.ReadByte(uint32(stack[0]))
	if !ok || stack[0] > arena.MaxOffset {
		panic(errWild)
	}
	stack[0] = uint64(v)
}

func extismLoadWord(g *extismGuest, stack []uint64) {
	v, ok := g.mem.ReadUint64Le(uint32(stack[0]))
	if !ok || stack[0] > arena.MaxOffset {
		panic(errWild)
	}
	stack[0] = v
}

func extismStoreByte(g *extismGuest, stack []uint64) {
	g.writable(stack[0], 1)
	g.mem.WriteByte(uint32(stack[0]), byte(stack[1]))
}

func extismStoreWord(g *extismGuest, stack []uint64) {
	g.writable(stack[0], 8)
	g.mem.WriteUint64Le(uint32(stack[0]), stack[1])
}

// What lies behind the input is 0, as in Extism.
func extismInputByte(g *extismGuest, stack []uint64) {
	at := stack[0]
	stack[0] = 0
	if at < uint64(len(g.input)) {
		stack[0] = g.at + at
		extismLoadByte(g, stack)
	}
}

func extismInputWord(g *extismGuest, stack []uint64) {
	at, size := stack[0], uint64(len(g.input))
	stack[0] = 0
	if size >= 8 && at <= size-8 {
		stack[0] = g.at + at
		extismLoadWord(g, stack)
	}
}

// extismOutputSet remembers where the output is. It is copied after the call.
func extismOutputSet(g *extismGuest, stack []uint64) {
	if stack[0] > arena.MaxOffset || stack[1] > arena.MaxBlock {
		panic(errOutBounds)
	}
	g.output = arena.Block{Offset: uint32(stack[0]), Size: uint32(stack[1])}
}

func extismErrorSet(g *extismGuest, stack []uint64) {
	g.failure = nil
	if stack[0] == 0 {
		return // takes it back
	}
	text := g.view(stack[0])
	g.failure = append([]byte{}, text[:min(len(text), answer.MaxErrorText)]...)
}

func extismConfigGet(g *extismGuest, stack []uint64) {
	stack[0] = g.put([]byte(g.engine.config[string(g.view(stack[0]))]))
}

func extismVarGet(g *extismGuest, stack []uint64) {
	stack[0] = g.put(g.vars[string(g.view(stack[0]))])
}

func extismVarSet(g *extismGuest, stack []uint64) {
	g.charge(fuelImport)
	name, value := g.view(stack[0]), g.view(stack[1])
	if old, ok := g.vars[string(name)]; ok {
		g.kept -= len(name) + len(old) + varOverhead
		delete(g.vars, string(name))
	}
	if stack[1] == 0 {
		return
	}
	l := &g.gen.manifest.Limits
	if g.kept += len(name) + len(value) + varOverhead; g.kept > l.VarsKiB<<10 {
		g.end(l.Over(limit.VarsKiB, nil, "keeps %d bytes with var_set", g.kept))
	}
	g.vars[string(name)] = append([]byte{}, value...)
}

// varOverhead is about what a map takes for an entry, in bytes.
const varOverhead = 64

func extismLog(level int32) extismFunction {
	return extismFunction{params: i64, grant: manifest.GrantLog, call: func(g *extismGuest, stack []uint64) {
		g.charge(fuelImport)
		text := g.view(stack[0])
		g.gen.guestLog.write(level, text, len(text))
	}}
}

// extismLogLevel answers that everything is wanted, or nothing.
func extismLogLevel(g *extismGuest, stack []uint64) {
	stack[0] = 0
	if !g.gen.manifest.Granted(manifest.GrantLog) {
		stack[0] = levelOff
	}
}
