package meter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

var errStop = errors.New("out of fuel")

// run instantiates a metered module whose guest gets slices pieces of fuel, and
// calls its export "run".
func run(t *testing.T, module []byte, slices int, args ...uint64) (results []uint64, yields int, err error) {
	t.Helper()
	code, err := meter.Inject(module)
	require.NoError(t, err)
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(256))
	defer func() { _ = rt.Close(ctx) }()
	_, err = rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
			if yields++; yields > slices {
				panic(errStop)
			}
			stack[0] = meter.Slice
		}), nil, []api.ValueType{api.ValueTypeI64}).Export(meter.ImportName).Instantiate(ctx)
	require.NoError(t, err)
	mod, err := rt.Instantiate(ctx, code)
	if err != nil {
		return nil, yields, err
	}
	results, err = mod.ExportedFunction("run").Call(ctx, args...)
	return results, yields, err
}

func TestRunawayCodeIsStopped(t *testing.T) {
	for name, build := range map[string]func(m *asm.Module){
		"an endless loop": func(m *asm.Module) {
			m.Func("run", asm.None, asm.None, nil, asm.LoopVoid, asm.Br(0), asm.End)
		},
		"a tree of calls without loops": func(m *asm.Module) {
			m.Func("run", asm.None, asm.None, nil, asm.I32Const(60), asm.Call(1))
			m.Func("", asm.I32, asm.None, nil,
				asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, asm.Return, asm.End,
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(1),
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(1))
		},
		"a tree of indirect calls": func(m *asm.Module) {
			m.Func("run", asm.None, asm.None, nil, asm.I32Const(60), asm.Call(1))
			m.Func("", asm.I32, asm.None, nil,
				asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, asm.Return, asm.End,
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.I32Const(0), asm.CallIndirect(1),
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.I32Const(0), asm.CallIndirect(1))
			m.Table(1, 1)
		},
		"endless filling of memory": func(m *asm.Module) {
			m.Memory(256)
			m.Func("run", asm.None, asm.None, nil, asm.LoopVoid,
				asm.I32Const(0), asm.I32Const(7), asm.I32Const(256<<16), asm.MemoryFill, asm.Br(0), asm.End)
		},
		"endless growing of memory": func(m *asm.Module) {
			m.Memory(1)
			m.Func("run", asm.None, asm.None, nil, asm.LoopVoid, asm.I32Const(1), asm.MemoryGrow, asm.Drop, asm.Br(0), asm.End)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var m asm.Module
			build(&m)
			began := time.Now()
			_, yields, err := run(t, m.Bytes(), 5)
			require.ErrorIs(t, err, errStop)
			require.Equal(t, 6, yields)
			require.Less(t, time.Since(began), time.Minute) // it ends at all
		})
	}
}

func TestStartFunctionIsMeteredToo(t *testing.T) {
	var m asm.Module
	m.Start(m.Func("run", asm.None, asm.None, nil, asm.LoopVoid, asm.Br(0), asm.End))
	_, _, err := run(t, m.Bytes(), 2)
	require.ErrorIs(t, err, errStop)
}

func TestLongWorkGoesOnAfterEachSlice(t *testing.T) {
	var m asm.Module
	m.Func("run", asm.I32, asm.I32, asm.I32, // counts down, and up in local 1
		asm.LoopVoid,
		asm.LocalGet(1), asm.I32Const(1), asm.I32Add, asm.LocalSet(1),
		asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.LocalSet(0),
		asm.LocalGet(0), asm.BrIf(0), asm.End,
		asm.LocalGet(1))
	results, yields, err := run(t, m.Bytes(), 1_000, 1_000_000)
	require.NoError(t, err)
	require.Equal(t, []uint64{1_000_000}, results)
	require.Greater(t, yields, 5)
}

func TestIndicesStillMeanTheSame(t *testing.T) {
	var m asm.Module
	m.Func("", asm.None, asm.I32, nil, asm.I32Const(1)) // 0
	global := m.GlobalI32(40)
	m.Func("run", asm.None, asm.I32, nil, // 1
		asm.Call(0), asm.GlobalGet(global), asm.I32Add,
		asm.I32Const(1), asm.CallIndirect(0), asm.I32Add)
	m.Table(2, 1, 0)
	m.Custom("name", []byte{1, 5, 1, 0, 2, 'o', 'k'})
	code, err := meter.Inject(m.Bytes())
	require.NoError(t, err)
	outside, err := wasmbin.Parse(code)
	require.NoError(t, err)
	names, _, err := outside.Custom("name")
	require.NoError(t, err)
	require.Equal(t, []byte{1, 5, 1, 1, 2, 'o', 'k'}, names)

	results, _, err := run(t, m.Bytes(), 0)
	require.NoError(t, err)
	require.Equal(t, []uint64{42}, results)
}

func TestInjectRefuses(t *testing.T) {
	unknown := func(code ...byte) []byte {
		var m asm.Module
		m.Func("run", asm.None, asm.None, nil, code)
		return m.Bytes()
	}
	huge := asm.Module{}
	huge.Table(meter.MaxTable + 1)
	huge.Func("run", asm.None, asm.None, nil)
	mine := asm.Module{}
	mine.Import(meter.ImportModule, meter.ImportName, asm.None, asm.I64)
	mine.Func("run", asm.None, asm.None, nil)
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"a tail call":           {unknown(0x12, 0), "instruction 0x12"},
		"a try block":           {unknown(0x06, 0x40, 0x0b), "instruction 0x6 "},
		"an atomic":             {unknown(0xfe, 0), "instruction 0xfe"},
		"relaxed SIMD":          {unknown(0xfd, 0x80, 2), "0xfd 256"},
		"an unknown 0xfc":       {unknown(0xfc, 18), "0xfc 18"},
		"code after the end":    {unknown(0x0b), "bytes after the end"},
		"a huge table":          {huge.Bytes(), "table of 1048577 elements"},
		"the meter's own call":  {mine.Bytes(), "not for plugins"},
		"no module":             {[]byte("hello"), "not a WebAssembly module"},
		"half a module":         {unknown()[:20], "too early"},
		"an instruction cut":    {unknown(0x41), "too early"},
		"an unterminated block": {unknown(0x02, 0x40), "too early"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := meter.Inject(c.module)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzInject(f *testing.F) {
	var m asm.Module
	m.Import("happn", "now_ms", asm.None, asm.I64)
	m.Memory(1)
	m.GlobalI32(1)
	m.Func("run", asm.I32, asm.I64, asm.I32, asm.LoopVoid, asm.LocalGet(0), asm.BrIf(0), asm.End, asm.Call(0))
	m.Table(1, 1)
	m.Data(0, []byte("x"))
	f.Add(m.Bytes())
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, module []byte) {
		code, err := meter.Inject(module)
		if err != nil {
			return
		}
		before, err := rt.CompileModule(ctx, module)
		if err != nil {
			return // never was valid
		}
		_ = before.Close(ctx)
		after, err := rt.CompileModule(ctx, code)
		require.NoError(t, err, "a valid module must stay valid")
		_ = after.Close(ctx)
	})
}
