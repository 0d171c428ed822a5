package meter_test

import (
	"bytes"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// generator makes a valid module that ends, of choices that bytes make. Each
// statement leaves the stack as it was. Functions call only those after them, and
// not in loops, which turn a few times: whatever is made ends soon.
type generator struct {
	choices []byte
	self    uint32 // the function in hand
	budget  int    // statements that it may still get
	loops   uint32 // loops around the statement
	depth   uint32 // blocks around the statement
}

// What a generated module has. Local 0 is the parameter, then come counters of
// loops, one for each that is around, then others.
const (
	madeFunctions = 4
	madeCounters  = 2
	madeLocals    = 4
	madeNumber    = 1 + madeCounters + madeLocals // the local of jumps by number
	madeGlobal    = 0
	bulkMask      = 0x0fff // of offsets and sizes
)

func (g *generator) pick(n int) int {
	if len(g.choices) == 0 {
		return 0
	}
	c := g.choices[0]
	g.choices = g.choices[1:]
	return int(c) % n
}

// module makes a module that exports "run", (i32) -> i32, and its memory.
func (g *generator) module() []byte {
	var m asm.Module
	m.Memory(1)
	m.GlobalI32(7)
	locals := make([]byte, madeCounters+madeLocals+1)
	for i := range locals {
		locals[i] = wasmbin.I32
	}
	for g.self = range uint32(madeFunctions) {
		name := ""
		if g.self == 0 {
			name = "run"
		}
		g.budget = 8
		m.Func(name, asm.I32, asm.I32, locals, g.statements(), g.value(2), asm.LocalGet(g.local()), asm.I32Add)
	}
	m.Table(8, 1, 2, 3)
	return m.Bytes()
}

func (g *generator) statements() (code []byte) {
	for n := 1 + g.pick(5); n > 0 && g.budget > 0; n-- {
		g.budget--
		code = append(code, g.statement()...)
	}
	return code
}

func (g *generator) statement() []byte {
	switch g.pick(13) {
	case 0:
		return asm.Join(g.value(2), asm.LocalSet(g.local()))
	case 1:
		return asm.Join(g.value(2), asm.GlobalSet(madeGlobal))
	case 2: // a store
		return asm.Join(g.offset(), g.value(2), []byte{0x36, 2, byte(g.pick(64))})
	case 3:
		return g.block(asm.Join(g.value(1), asm.IfVoid), nil)
	case 4:
		return g.block(asm.Join(g.value(1), asm.IfVoid), []byte{0x05})
	case 5:
		return g.block(asm.BlockVoid, nil)
	case 6:
		return g.loop()
	case 7: // br_if and br_table outwards, out of blocks only
		if g.loops > 0 || g.depth == 0 {
			return asm.Nop
		}
		if g.pick(2) == 0 {
			return asm.Join(g.value(1), asm.BrIf(uint32(g.pick(int(g.depth)))))
		}
		return asm.Join(asm.BlockVoid, g.value(1), []byte{0x0e, 2, 0, byte(g.depth), 1}, asm.End)
	case 8:
		return asm.Join(g.offset(), g.value(1), g.offset(), asm.MemoryFill)
	case 9:
		return asm.Join(g.offset(), g.offset(), g.offset(), []byte{0xfc, 10, 0, 0})
	case 10:
		return asm.Join(asm.I32Const(int32(g.pick(2))), asm.MemoryGrow, asm.Drop)
	case 11:
		return g.numbers()
	}
	return g.call()
}

// block makes the rest of a block that begins so, with what stands between its
// two halves, if it has two.
func (g *generator) block(begin, between []byte) []byte {
	g.depth++
	defer func() { g.depth-- }()
	code := asm.Join(begin, g.statements())
	if between != nil {
		code = asm.Join(code, between, g.statements())
	}
	return append(code, asm.End...)
}

func (g *generator) loop() []byte {
	if g.loops == madeCounters {
		return asm.Nop
	}
	counter := 1 + g.loops
	g.loops++
	g.depth++
	defer func() { g.loops--; g.depth-- }()
	var again []byte
	switch g.pick(3) {
	case 0:
		again = asm.BrIf(0)
	case 1:
		again = asm.Join(asm.IfVoid, asm.Br(1), asm.End)
	default:
		again = asm.Join(asm.LocalSet(madeNumber), asm.BlockVoid, asm.LocalGet(madeNumber), asm.I32Eqz, []byte{0x0e, 1, 1, 0}, asm.End)
	}
	return asm.Join(asm.I32Const(int32(1+g.pick(3))), asm.LocalSet(counter), asm.LoopVoid, g.statements(),
		asm.LocalGet(counter), asm.I32Const(1), asm.I32Sub, asm.LocalSet(counter), asm.LocalGet(counter), again, asm.End)
}

// numbers makes a loop that begins with a jump by number, of blocks that each may jump to
// another one, forward or back, a few times.
func (g *generator) numbers() []byte {
	if g.loops == madeCounters {
		return asm.Nop
	}
	counter := 1 + g.loops
	g.loops++
	defer func() { g.loops-- }()
	blocks := 1 + g.pick(4)
	code := asm.Join(asm.I32Const(int32(1+g.pick(5))), asm.LocalSet(counter), g.value(1), asm.LocalSet(madeNumber),
		asm.LoopVoid, bytes.Repeat(asm.BlockVoid, blocks), asm.LocalGet(madeNumber), []byte{0x0e, byte(blocks)})
	for range blocks + 1 {
		code = append(code, byte(g.pick(blocks)))
	}
	for left := blocks; left > 0; left-- {
		number := asm.I32Const(int32(g.pick(blocks + 2)))
		if g.pick(4) == 0 {
			number = g.value(1)
		}
		g.depth += uint32(left)
		code = asm.Join(code, asm.End, g.statements(),
			asm.LocalGet(counter), asm.IfVoid, asm.LocalGet(counter), asm.I32Const(1), asm.I32Sub, asm.LocalSet(counter),
			g.value(1), asm.IfVoid, number, asm.LocalSet(madeNumber), asm.Br(uint32(left)+1), asm.End, asm.End)
		g.depth -= uint32(left)
	}
	return append(code, asm.End...)
}

func (g *generator) call() []byte {
	rest := madeFunctions - 1 - int(g.self)
	if rest == 0 || g.loops > 0 {
		return asm.Nop
	}
	next := g.self + 1 + uint32(g.pick(rest))
	if g.pick(2) == 0 {
		return asm.Join(g.value(1), asm.Call(next), asm.LocalSet(g.local()))
	}
	return asm.Join(g.value(1), asm.I32Const(int32(next)-1), asm.CallIndirect(0), asm.LocalSet(g.local()))
}

// value pushes an i32.
func (g *generator) value(deep int) []byte {
	n := 3
	if deep > 0 {
		n = 6
	}
	switch g.pick(n) {
	case 0:
		return asm.LocalGet(0)
	case 1:
		return asm.I32Const(int32(g.pick(256)) << g.pick(24))
	case 2:
		return asm.LocalGet(g.local())
	case 3:
		return asm.Join(g.offset(), []byte{0x28, 2, byte(g.pick(64))})
	case 4:
		return asm.Join(g.value(deep-1), g.value(deep-1), []byte{byte(0x6a + g.pick(3))}) // add, sub, mul
	}
	return asm.Join(asm.GlobalGet(madeGlobal), g.value(deep-1), []byte{byte(0x46 + g.pick(10))}) // comparisons
}

// offset pushes an i32 that is a place in memory, or a size.
func (g *generator) offset() []byte {
	return asm.Join(g.value(0), asm.I32Const(bulkMask), []byte{0x71})
}

func (g *generator) local() uint32 { return uint32(1 + madeCounters + g.pick(madeLocals)) }
