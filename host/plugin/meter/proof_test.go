package meter_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// wantProof proves what becomes of a valid module, unless the meter refuses it.
func wantProof(tb testing.TB, module []byte) {
	tb.Helper()
	if code, err := meter.Inject(module); err == nil {
		require.NoError(tb, prove(module, code))
	}
}

// busy is a module with one of each kind of check.
func busy() []byte {
	var m asm.Module
	m.Import("happn", "stop", asm.None, asm.None)
	m.Memory(1)
	m.Table(1)
	m.Func("run", asm.I32, asm.None, nil,
		asm.LocalGet(0), asm.IfVoid, asm.Call(0), asm.End,
		asm.LoopVoid, asm.LocalGet(0), asm.BrIf(0), asm.End,
		asm.I32Const(0), asm.I32Const(7), asm.LocalGet(0), asm.MemoryFill,
		asm.LocalGet(0), asm.MemoryGrow, asm.Drop)
	m.Func("first", asm.I32, asm.None, nil, asm.LoopVoid, asm.LocalGet(0), asm.BrIf(0), asm.End)
	m.Func("switch", asm.I32, asm.None, nil, // out, back, or out
		asm.BlockVoid, asm.LoopVoid, asm.LocalGet(0), []byte{0x0e, 2, 1, 0, 1}, asm.End, asm.End)
	m.Func("numbers", asm.I32, asm.None, asm.I32, // jumps forward, and back to the end of the inner block
		asm.LoopVoid, asm.BlockVoid, asm.BlockVoid, asm.LocalGet(1), []byte{0x0e, 1, 0, 1}, asm.End,
		asm.LocalGet(0), asm.IfVoid, asm.I32Const(5), asm.LocalSet(1), asm.Br(2), asm.End,
		asm.Nop, asm.End,
		asm.LocalGet(0), asm.IfVoid, asm.I32Const(0), asm.LocalSet(1), asm.Br(1), asm.End,
		asm.End, asm.Call(0))
	m.Func("tables", asm.I32, asm.None, nil, []byte{0xd0, 0x70}, asm.LocalGet(0), []byte{0xfc, 15, 0}, asm.Drop)
	return m.Bytes()
}

// The proof would notice: each of these is a way in which the meter could be
// wrong, made by hand in what it writes.
func TestProofFailsWhenACheckIsWrong(t *testing.T) {
	module := busy()
	code, err := meter.Inject(module)
	require.NoError(t, err)
	require.NoError(t, prove(module, code))
	const fuel, left, size, yield = 0, 1, 2, 1
	lacks := []byte{0x7d, 0x22, left, 0x24, fuel, 0x20, left, 0x42, 0, 0x59, 0x04, 0x40, 0x05}
	settle := asm.Join(lacks, []byte{0x10, yield, 0x20, left, 0x7c, 0x24, fuel, 0x0b})
	many := asm.Join(lacks, []byte{
		0x03, 0x40, 0x10, yield, 0x20, left, 0x7c, 0x22, left, 0x42, 0, 0x53, 0x0d, 0, 0x0b, 0x20, left, 0x24, fuel, 0x0b,
	})
	again := func(left, units, label byte) []byte {
		return []byte{
			0x23, fuel, 0x42, units, 0x7d, 0x22, left, 0x24, fuel, 0x20, left, 0x42, 0, 0x59, 0x0d, label,
			0x10, yield, 0x23, fuel, 0x7c, 0x24, fuel, 0x0c, label,
		}
	}
	price := func(units byte) []byte { return []byte{0x23, fuel, 0x42, units | 0x80, 0x80, 0x80, 0x80, 0} }
	turn := asm.Join([]byte{0x04, 0x40}, again(left, 1, 1), []byte{0x0b})
	jump := asm.Join(asm.I32Const(0), asm.LocalSet(1))
	for name, c := range map[string]struct {
		old, new []byte
		says     string
	}{
		"a turn goes free":             {turn, []byte{0x0d, 0}, "a branch back without a check"},
		"a turn costs nothing":         {turn, asm.Join([]byte{0x04, 0x40}, again(left, 0, 1), []byte{0x0b}), "a branch back without a check"},
		"a turn goes on twice":         {turn, asm.Join([]byte{0x04, 0x40}, again(left, 1, 1), []byte{0x01, 0x0b}), "no check"},
		"a turn goes elsewhere":        {turn, asm.Join([]byte{0x04, 0x40}, again(left, 1, 0), []byte{0x0b}), "no check"},
		"a switch goes back free":      {asm.Join([]byte{0x0e, 2, 2, 0, 2, 0x0b}, again(left, 1, 0)), []byte{0x0e, 2, 2, 1, 2, 0x0b}, "a branch back without a check"},
		"a switch goes out elsewhere":  {[]byte{0x0e, 2, 2, 0, 2}, []byte{0x0e, 2, 1, 0, 2}, "a branch back without a check"},
		"a switch takes another value": {[]byte{0x20, size, 0x0e, 2}, []byte{0x20, 0, 0x0e, 2}, "a branch back without a check"},
		"a jump back goes free":        {asm.Join(jump, again(left+1, 2, 1)), asm.Join(jump, asm.Br(1)), "a branch back without a check"},
		"a jump back is cheap":         {again(left+1, 2, 1), again(left+1, 1, 1), "1 units for a branch over code"},
		"a jump forward goes too far":  {[]byte{0x21, 1, 0x0c, 1}, []byte{0x21, 1, 0x0c, 2}, "became"},
		"a jump forward goes nowhere":  {[]byte{0x21, 1, 0x0c, 1}, []byte{0x21, 1, 0x0c, 3}, "became"},
		"a function's entry is free":   {asm.Join(price(2), settle), nil, "in a function without a check"},
		"an import is free":            {asm.Join([]byte{0x23, fuel, 0x42, 0xe8, 0x07}, settle), nil, "paid with 0 instead of 1000"},
		"a check is where it pays not": {[]byte{0x41, 0, 0x41, 7}, asm.Join([]byte{0x41, 0, 0x23, fuel, 0x42, 9}, settle, []byte{0x41, 7}), "paid with 9 instead of 0"},
		"a price is nothing":           {price(2), price(0), "a price of nothing"},
		"a price is too low":           {price(2), price(1), "1 units for a function that costs"},
		"filling is free":              {asm.Join([]byte{0x22, size, 0x23, fuel, 0x20, size, 0xad, 0x42, 6, 0x88}, many), nil, "0 instead of -1"},
		"filling is cheap":             {[]byte{0x42, 6, 0x88}, []byte{0x42, 7, 0x88}, "not its shift"},
		"filling is at once":           {asm.Join([]byte{0x20, size}, asm.I32Const(1<<20), []byte{0x4d}), asm.Join([]byte{0x20, size}, asm.I32Const(1<<19), []byte{0x4d}), "not done in pieces"},
		"pieces do not pause":          {[]byte{0x10, 3, 0x0c, 0}, []byte{0x01, 0x01, 0x0c, 0}, "in pieces is something else"},
		"tables grow at once":          {[]byte{0x10, 3, 0xfc, 16, 0}, []byte{0xfc, 16, 0}, "without a pause"},
		"nobody hears of a full table": {[]byte{0x54, 0x04, 0x40, 0x10, 4, 0x0b}, []byte{0x54, 0x1a}, "the host is not told"},
		"a full table is another":      {asm.Join(asm.I64Const(1<<17+1), []byte{0x7d}), asm.Join(asm.I64Const(1<<17), []byte{0x7d}), "the host is not told"},
		"growing tables is cheap":      {[]byte{0x42, 0, 0x88}, []byte{0x42, 3, 0x88}, "not its shift"},
		"growing is cheap":             {[]byte{0x42, 10, 0x86}, []byte{0x42, 9, 0x86}, "not its shift"},
		"the host is not called":       {settle, asm.Join(lacks, []byte{0x42, 0, 0x24, fuel, 0x0b}), "half a check"},
		"fuel is not stored":           {[]byte{0x22, left, 0x24, fuel}, []byte{0x22, left, 0x24, 1}, "the stack that is left is touched"},
		"a check is the wrong way":     {[]byte{0x42, 0, 0x59, 0x04}, []byte{0x42, 0, 0x55, 0x04}, "half a check"},
		"code of the module is lost":   {[]byte{0x41, 7}, []byte{0x01}, "became"},
		"code of the module is moved":  {[]byte{0x41, 0, 0x41, 7}, []byte{0x41, 7, 0x41, 0}, "became"},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, bytes.Contains(code, c.old), "%x in %x", c.old, code)
			require.ErrorContains(t, prove(module, replaced(t, code, c.old, c.new)), c.says)
		})
	}
}

// replaced returns a module with old replaced in the first body that has it.
func replaced(t *testing.T, module, old, new []byte) []byte {
	t.Helper()
	m, err := wasmbin.Parse(module)
	require.NoError(t, err)
	out := bytes.Clone(module[:8])
	for _, s := range m.Sections {
		if s.ID == wasmbin.SectionCode {
			r, done := wasmbin.NewReader(s.Body), false
			n := r.U32()
			s.Body = wasmbin.AppendU32(nil, n)
			for range n {
				body := r.Bytes(r.U32())
				if !done && bytes.Contains(body, old) {
					body, done = bytes.Replace(body, old, new, 1), true
				}
				s.Body = append(wasmbin.AppendU32(s.Body, uint32(len(body))), body...)
			}
		}
		out = wasmbin.AppendSection(out, s.ID, s.Body)
	}
	return out
}

// outside checks that neither an export nor the start function gives the fuel or
// yield away. Code and tables are left to the engine's validation, since no
// index of the original becomes theirs.
func (p *proof) outside(after *wasmbin.Module) error {
	if s := after.Find(wasmbin.SectionExport); s != nil {
		r := wasmbin.NewReader(s)
		for n := r.U32(); n > 0; n-- {
			name, kind, index := r.Name(), r.Byte(), r.U32()
			if kind == wasmbin.KindFunction && p.own(index) || kind == wasmbin.KindGlobal && index >= p.globals {
				return fmt.Errorf("export %q gives the meter away", name)
			}
		}
	}
	if s := after.Find(wasmbin.SectionStart); s != nil && p.own(wasmbin.NewReader(s).U32()) {
		return fmt.Errorf("the start function is the meter's")
	}
	return nil
}

// own reports whether a function is one that the meter has added.
func (p *proof) own(function uint32) bool {
	return function >= p.imported && function < p.imported+p.more
}
