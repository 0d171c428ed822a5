package meter_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// recursion are modules whose "run" calls itself as often as its argument says, in
// different ways.
func recursion() map[string]*asm.Module {
	again := func(call []byte) []byte {
		return asm.Join(asm.LocalGet(0), asm.IfVoid, asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, call, asm.End)
	}
	direct, mutual, table, locals, returns, results := &asm.Module{}, &asm.Module{}, &asm.Module{}, &asm.Module{}, &asm.Module{}, &asm.Module{}
	direct.Func("run", asm.I32, asm.None, nil, again(asm.Call(0)))
	mutual.Func("run", asm.I32, asm.None, nil, again(asm.Call(1)))
	mutual.Func("", asm.I32, asm.None, nil, asm.LocalGet(0), asm.Call(2))
	mutual.Func("", asm.I32, asm.None, nil, asm.LocalGet(0), asm.Call(0))
	table.Func("run", asm.I32, asm.None, nil, again(asm.Join(asm.I32Const(0), asm.CallIndirect(0))))
	table.Table(1, 0)
	locals.Func("run", asm.I32, asm.None, bytes.Repeat(asm.I64, 40_000), again(asm.Call(0)))
	returns.Func("run", asm.I32, asm.None, nil,
		asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, asm.Return, asm.End,
		asm.BlockVoid, asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(0), asm.LocalGet(0), asm.BrIf(1), asm.End)
	results.Func("run", asm.I32, asm.None, nil, asm.LocalGet(0), asm.Call(1), asm.Drop, asm.Drop)
	results.Func("", asm.I32, []byte{wasmbin.I32, wasmbin.I64}, nil,
		asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, asm.I32Const(1), asm.I64Const(2), asm.Return, asm.End,
		asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(1))
	return map[string]*asm.Module{
		"directly": direct, "by others": mutual, "through a table": table, "with many locals": locals,
		"and returns early": returns, "with results": results,
	}
}

// Recursion ends by its depth, whichever way it goes, and what comes back up gives
// back what it took.
func TestRecursionIsBounded(t *testing.T) {
	for name, m := range recursion() {
		t.Run(name, func(t *testing.T) {
			wantProof(t, m.Bytes())
			_, _, err := run(t, m.Bytes(), 1<<20, 1<<30)
			require.ErrorIs(t, err, errDeep)

			code, err := meter.Inject(m.Bytes())
			require.NoError(t, err)
			ctx := context.Background()
			rt := wazero.NewRuntime(ctx)
			defer func() { _ = rt.Close(ctx) }()
			instantiateYield(t, rt, func() int64 { return meter.Slice })
			mod, err := rt.Instantiate(ctx, code)
			require.NoError(t, err)
			for range 10_000 { // 70,000 frames
				_, err := mod.ExportedFunction("run").Call(ctx, 6)
				require.NoError(t, err)
			}
		})
	}
}

// How deep it may be is what the operator says.
func TestStackIsWhatIsAskedFor(t *testing.T) {
	m := recursion()["directly"]
	depth := func(stack int) uint64 {
		code, err := meter.InjectBounded(m.Bytes(), meter.Bounds{Stack: stack})
		require.NoError(t, err)
		ctx := context.Background()
		rt := wazero.NewRuntime(ctx)
		defer func() { _ = rt.Close(ctx) }()
		instantiateYield(t, rt, func() int64 { return meter.Slice })
		mod, err := rt.Instantiate(ctx, code)
		require.NoError(t, err)
		low, high := uint64(0), uint64(1<<20)
		for low+1 < high {
			middle := (low + high) / 2
			if _, err := mod.ExportedFunction("run").Call(ctx, middle); err == nil {
				low = middle
			} else {
				require.ErrorIs(t, err, errDeep)
				high = middle
			}
		}
		return low
	}
	shallow, deep := depth(64<<10), depth(1<<20)
	require.InDelta(t, 64<<10/106, shallow, 2) // a frame of 96 bytes, a parameter as it is passed, and as it is kept
	require.InDelta(t, 16, float64(deep)/float64(shallow), 0.2)
}

// Functions that call no others in circles count nothing: they cost what they did.
func TestWhatDoesNotRecurseIsNotCounted(t *testing.T) {
	var m asm.Module
	m.Func("run", asm.None, asm.None, nil, asm.Call(1), asm.Call(2))
	m.Func("", asm.None, asm.None, nil, asm.Call(2), asm.Call(2))
	m.Func("", asm.None, asm.None, nil, asm.Nop)
	wantProof(t, m.Bytes())
	code, err := meter.Inject(m.Bytes())
	require.NoError(t, err)
	const imported, stack = 1, 1
	require.NotContains(t, string(code), string([]byte{opGlobalSet, stack, opLocalGet}), "nothing takes stack")
	require.NotContains(t, string(code), string([]byte{opCall, imported, opEnd}))
}

// The proof would notice what is wrong with counting, as it does for fuel.
func TestProofFailsWhenRecursionIsNotBounded(t *testing.T) {
	const stack, size, deep = 1, 2, 1
	module := recursion()["and returns early"].Bytes()
	code, err := meter.Inject(module)
	require.NoError(t, err)
	require.NoError(t, prove(module, code))
	charge := amount(t, code, stack)
	take := asm.Join([]byte{0x02, 0x40, 0x23, stack}, charge, []byte{0x6b, 0x22, size, 0x24, stack, 0x20, size, 0x41, 0, 0x48, 0x0d, 0})
	behind := asm.Join([]byte{0x0f, 0x0b}, asm.I32Const(meter.DefaultStack), []byte{0x24, stack, 0x10, deep, 0x00})
	give := asm.Join([]byte{0x23, stack}, charge, []byte{0x6a, 0x24, stack})
	cheap := asm.I32Const(100)
	for name, c := range map[string]struct {
		from, to [][]byte
		says     string
	}{
		"nothing is taken":      {[][]byte{asm.Join(take, []byte{0x02, 0x40}), asm.Join([]byte{0x0b}, give, behind), {0x0c, 1}}, [][]byte{nil, nil, {0x0f}}, "calls itself without taking stack"},
		"too little is taken":   {[][]byte{asm.Join(take[:4], charge), asm.Join(give[:2], charge, []byte{0x6a})}, [][]byte{asm.Join(take[:4], cheap), asm.Join(give[:2], cheap, []byte{0x6a})}, "takes 100 bytes, and needs"},
		"too little is given":   {[][]byte{give}, [][]byte{asm.Join(give[:2], cheap, give[2+len(charge):])}, "does not give back what it took"},
		"nothing is given":      {[][]byte{give}, [][]byte{nil}, "does not give back what it took"},
		"a return leads past":   {[][]byte{{0x0c, 1}}, [][]byte{{0x0f, 0x01}}, "left without giving back"},
		"a return leads astray": {[][]byte{{0x0c, 1}}, [][]byte{{0x0c, 0}}, "became"},
		"nobody is told":        {[][]byte{{0x10, deep, 0x00, 0x0b}}, [][]byte{{0x01, 0x01, 0x00, 0x0b}}, "does not end when there is no stack"},
		"the call goes on":      {[][]byte{behind}, [][]byte{asm.Join([]byte{0x0f, 0x0b}, asm.I32Const(meter.DefaultStack), []byte{0x24, stack, 0x10, deep, 0x0f})}, "does not end when there is no stack"},
		"what is left is reset": {[][]byte{{0x02, 0x40}}, [][]byte{{0x02, 0x40, 0x41, 0, 0x24, stack}}, "touched"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := code
			for i, from := range c.from {
				wrong = replaced(t, wrong, from, c.to[i])
			}
			require.NotEqual(t, code, wrong)
			require.ErrorContains(t, prove(module, wrong), c.says)
		})
	}
	nested := deepFrames()["variables that live through branches"].Bytes()
	code, err = meter.Inject(nested)
	require.NoError(t, err)
	const own = 1 // global of the module
	was := asm.Join([]byte{0x23, stack + own}, amount(t, code, stack+own))
	wrong := bytes.ReplaceAll(code, was, asm.Join(was[:2], asm.I32Const(320)))
	require.Equal(t, len(code), len(wrong))
	require.ErrorContains(t, prove(nested, wrong), "takes 320 bytes, and needs", "what lives through calls is cheap")
	table := recursion()["through a table"].Bytes()
	code, err = meter.Inject(table)
	require.NoError(t, err)
	require.ErrorContains(t, prove(table, bytes.Replace(code, meterBegins(meter.DefaultStack), meterBegins(3<<20), 1)), "begins with something else")
}

// amount returns the code that pushes what the first function of a module takes.
func amount(t *testing.T, code []byte, stack byte) []byte {
	t.Helper()
	at := bytes.Index(code, []byte{0x23, stack, 0x41})
	require.Positive(t, at)
	end := at + 3
	for code[end] >= 0x80 {
		end++
	}
	return code[at+2 : end+1]
}

// meterBegins is the global that counts the stack that is left.
func meterBegins(stack int32) []byte {
	return asm.Join([]byte{wasmbin.I32, 1}, asm.I32Const(stack), asm.End)
}
