package meter_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

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
	instantiateYield(t, rt, func() int64 {
		if yields++; yields > slices {
			panic(errStop)
		}
		return meter.Slice
	})
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
		"a switch that leads back": func(m *asm.Module) {
			m.Func("run", asm.None, asm.None, nil, asm.LoopVoid, asm.I32Const(1), []byte{0x0e, 1, 0, 0}, asm.End)
		},
		"a switch that leads back to one of two loops": func(m *asm.Module) {
			m.Func("run", asm.None, asm.None, nil, asm.LoopVoid, asm.LoopVoid, asm.I32Const(1), []byte{0x0e, 1, 0, 1}, asm.End, asm.End)
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

// used runs a module to its end and returns how much fuel that took, to a slice.
func used(t *testing.T, m *asm.Module, args ...uint64) int {
	t.Helper()
	_, yields, err := run(t, m.Bytes(), 1<<20, args...)
	require.NoError(t, err)
	return yields * meter.Slice
}

// A function without loops and calls carries no check; it is not free for that.
func TestShortFunctionsArePaidByTheirCallers(t *testing.T) {
	const calls, turns = 100, 10_000
	slow := asm.Join(bytes.Repeat(asm.Join(asm.LocalGet(0), asm.I32Const(1), asm.I32Add, asm.LocalSet(0)), 60), asm.LocalGet(0)) // 420 bytes
	for name, call := range map[string][]byte{
		"directly":        asm.Call(1),
		"through a table": asm.Join(asm.I32Const(0), asm.CallIndirect(1)),
	} {
		t.Run(name, func(t *testing.T) {
			var m asm.Module
			m.Func("run", asm.I32, asm.None, nil, asm.LoopVoid,
				bytes.Repeat(asm.Join(asm.I32Const(1), call, asm.Drop), calls),
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.LocalSet(0), asm.LocalGet(0), asm.BrIf(0), asm.End)
			m.Func("", asm.I32, asm.I32, nil, slow)
			if name != "directly" {
				m.Table(1, 1)
			}
			wantProof(t, m.Bytes())
			require.GreaterOrEqual(t, used(t, &m, turns), calls*turns*420/16)
		})
	}
}

// Of code that goes one way or the other the dearer way is paid, not both.
func TestChoicesCostTheirDearestWay(t *testing.T) {
	const turns = 10_000
	long, short := bytes.Repeat(asm.Nop, 1600), bytes.Repeat(asm.Nop, 160)
	choice := func(ways ...[]byte) *asm.Module {
		var m asm.Module
		m.Func("run", asm.I32, asm.None, nil, asm.LoopVoid, asm.Join(ways...),
			asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.LocalSet(0), asm.LocalGet(0), asm.BrIf(0), asm.End)
		return &m
	}
	end := asm.End
	for name, m := range map[string]*asm.Module{
		"if and else":       choice(asm.LocalGet(0), asm.IfVoid, long, []byte{0x05}, short, end),
		"the dearer second": choice(asm.LocalGet(0), asm.IfVoid, short, []byte{0x05}, long, end),
		"a switch": choice(asm.BlockVoid, asm.BlockVoid, asm.BlockVoid, asm.BlockVoid, asm.LocalGet(0), []byte{0x0e, 2, 0, 1, 2}, end,
			long, asm.Br(2), end, long, asm.Br(1), end, short, end),
		"a way out": choice(asm.BlockVoid, asm.LocalGet(0), asm.IfVoid, long, asm.Br(1), end, long, end),
		"a return":  choice(asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, long, asm.Return, end, long),
	} {
		t.Run(name, func(t *testing.T) {
			wantProof(t, m.Bytes())
			got := used(t, m, turns)
			require.GreaterOrEqual(t, got, turns*1600/16-meter.Slice)
			require.LessOrEqual(t, got, turns*(1600/16+5))
		})
	}
}

func TestAccessesToMemoryCostMore(t *testing.T) {
	const loads, turns = 1000, 1000
	var m asm.Module
	m.Memory(1)
	m.Func("run", asm.I32, asm.None, asm.I32, asm.LoopVoid,
		bytes.Repeat(asm.Join(asm.LocalGet(1), []byte{0x28, 2, 0}, asm.LocalSet(1)), loads),
		asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.LocalSet(0), asm.LocalGet(0), asm.BrIf(0), asm.End)
	require.GreaterOrEqual(t, used(t, &m, turns), loads*turns*15/16-meter.Slice)
}

// What an operation costs follows from its last operand.
func TestOperationsCostByTheirSize(t *testing.T) {
	for _, c := range []struct {
		name  string
		code  []byte
		units int
	}{
		{"memory.fill", asm.Join(asm.I32Const(0), asm.I32Const(7), asm.I32Const(1<<20), asm.MemoryFill), 1 << 20 / 64},
		{"memory.copy", asm.Join(asm.I32Const(0), asm.I32Const(8), asm.I32Const(1<<20), []byte{0xfc, 10, 0, 0}), 1 << 20 / 64},
		{"memory.init", asm.Join(asm.I32Const(0), asm.I32Const(0), asm.I32Const(1<<16), []byte{0xfc, 8, 0, 0}), 1 << 16 / 64},
		{"memory.grow", asm.Join(asm.I32Const(1), asm.MemoryGrow, asm.Drop), 1024},
		{"memory.grow in vain", asm.Join(asm.I32Const(1<<15), asm.MemoryGrow, asm.Drop), 1 << 20},
		{"table.fill", asm.Join(asm.I32Const(0), []byte{0xd0, 0x70}, asm.I32Const(1<<15), []byte{0xfc, 17, 0}), 1 << 15 / 8},
		{"table.copy", asm.Join(asm.I32Const(0), asm.I32Const(1), asm.I32Const(1<<15), []byte{0xfc, 14, 0, 0}), 1 << 15 / 8},
		{"table.init", asm.Join(asm.I32Const(0), asm.I32Const(0), asm.I32Const(1<<14), []byte{0xfc, 12, 0, 0}), 1 << 14 / 8},
		{"table.grow", asm.Join([]byte{0xd0, 0x70}, asm.I32Const(8000), []byte{0xfc, 15, 0}, asm.Drop), 8000},
		{"table.grow in vain", asm.Join([]byte{0xd0, 0x70}, asm.I32Const(1<<20), []byte{0xfc, 15, 0}, asm.Drop), 1 << 17},
	} {
		t.Run(c.name, func(t *testing.T) {
			const turns = 100
			var m asm.Module
			m.Memory(32)
			m.Table(1 << 16)
			m.Passive(make([]byte, 1<<16), 1<<14)
			m.Func("run", asm.I32, asm.None, nil, asm.LoopVoid, c.code,
				asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.LocalSet(0), asm.LocalGet(0), asm.BrIf(0), asm.End)
			wantProof(t, m.Bytes())
			got := used(t, &m, turns)
			require.GreaterOrEqual(t, got, turns*c.units-meter.Slice)
			require.LessOrEqual(t, got, turns*(c.units+100))
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
	require.Equal(t, []byte{1, 5, 1, 4, 2, 'o', 'k'}, names)

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
		"a tail call":            {unknown(0x12, 0), "instruction 0x12"},
		"a try block":            {unknown(0x06, 0x40, 0x0b), "instruction 0x6 "},
		"an atomic":              {unknown(0xfe, 0), "instruction 0xfe"},
		"relaxed SIMD":           {unknown(0xfd, 0x80, 2), "0xfd 256"},
		"an unknown 0xfc":        {unknown(0xfc, 18), "0xfc 18"},
		"code after the end":     {unknown(0x0b), "bytes after the end"},
		"a huge table":           {huge.Bytes(), "tables of 131073 elements"},
		"the meter's own call":   {mine.Bytes(), "not for plugins"},
		"no module":              {[]byte("hello"), "not a WebAssembly module"},
		"half a module":          {unknown()[:20], "too early"},
		"an instruction cut":     {unknown(0x41), "too early"},
		"an unterminated block":  {unknown(0x02, 0x40), "too early"},
		"data that is not there": {[]byte("\x00asm\x01\x00\x00\x00\x0b\x0a\xff\xff\xff\x7f000000"), "too early"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := meter.Inject(c.module)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// What tables do not begin with is divided among those that can grow.
func TestTablesShareTheirLimit(t *testing.T) {
	for name, c := range map[string]struct {
		declared, bounded [][3]uint32 // low, whether there is a high, high
	}{
		"one without an end":       {[][3]uint32{{10, 0, 0}}, [][3]uint32{{10, 1, 100}}},
		"one that wants less":      {[][3]uint32{{10, 1, 20}}, [][3]uint32{{10, 1, 20}}},
		"one that wants too much":  {[][3]uint32{{10, 1, 1000}}, [][3]uint32{{10, 1, 100}}},
		"two without an end":       {[][3]uint32{{10, 0, 0}, {20, 0, 0}}, [][3]uint32{{10, 1, 45}, {20, 1, 55}}},
		"one that leaves the rest": {[][3]uint32{{10, 0, 0}, {20, 1, 25}}, [][3]uint32{{10, 1, 75}, {20, 1, 25}}},
		"nothing to grow by":       {[][3]uint32{{50, 0, 0}, {50, 0, 0}}, [][3]uint32{{50, 1, 50}, {50, 1, 50}}},
		"less than its beginning":  {[][3]uint32{{50, 1, 40}, {10, 0, 0}}, [][3]uint32{{50, 1, 40}, {10, 1, 50}}},
	} {
		t.Run(name, func(t *testing.T) {
			section := []byte{byte(len(c.declared))}
			for _, d := range c.declared {
				section = wasmbin.AppendU32(append(section, 0x70, byte(d[1])), d[0])
				if d[1] == 1 {
					section = wasmbin.AppendU32(section, d[2])
				}
			}
			code, err := meter.InjectBounded(wasmbin.AppendSection([]byte("\x00asm\x01\x00\x00\x00"), wasmbin.SectionTable, section), meter.Bounds{Elements: 100})
			require.NoError(t, err)
			m, err := wasmbin.Parse(code)
			require.NoError(t, err)
			r := wasmbin.NewReader(m.Find(wasmbin.SectionTable))
			require.Equal(t, len(c.bounded), r.Count())
			for _, b := range c.bounded {
				require.EqualValues(t, 0x70, r.Byte())
				low, high, bounded := r.Limits()
				require.Equal(t, b, [3]uint32{low, map[bool]uint32{true: 1}[bounded], high})
			}
		})
	}
}
