package meter_test

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

const (
	opI32LeU = 0x4d

	memoryInit = 0xfc_08
	memoryCopy = 0xfc_0a
	memoryFill = 0xfc_0b
)

// pieceLimit is how much of an operation on memory may be done at once, in bytes.
const pieceLimit = 1 << 20

// piece is a function that does an operation on memory piece by piece.
type piece struct {
	op   op // whose
	body []byte
}

// added proves which functions there are: those of the original, and those for
// operations in pieces, whose code is written here once more.
func (p *proof) added(before, after *wasmbin.Module) error {
	p.types, p.defined = len(before.Types), len(before.Functions)
	if len(before.Functions) > 0 && hasMemory(before) {
		p.pieces = []piece{{op{code: memoryFill, imm: []uint64{0}}, p.fill()}, {op{code: memoryCopy, imm: []uint64{0, 0}}, p.copy()}}
		if before.Find(wasmbin.SectionDataCount) != nil {
			for n, size := range segments(before.Find(wasmbin.SectionData)) {
				if size > pieceLimit {
					p.pieces = append(p.pieces, piece{op{code: memoryInit, imm: []uint64{uint64(n), 0}}, p.init(uint32(n), size)})
				}
			}
		}
	}
	types := functions(before.Functions)
	for range p.pieces {
		types = wasmbin.AppendU32(types, uint32(len(before.Types)+2))
	}
	if !bytes.Equal(types, functions(after.Functions)) {
		return fmt.Errorf("functions have other types")
	}
	if t := after.Types[len(before.Types)+2]; t.String() != "(i32 i32 i32)" {
		return fmt.Errorf("operations in pieces have the type %s", t)
	}
	return nil
}

func hasMemory(m *wasmbin.Module) bool {
	for _, i := range m.Imports {
		if i.Kind == wasmbin.KindMemory {
			return true
		}
	}
	s := m.Find(wasmbin.SectionMemory)
	return s != nil && s[0] > 0
}

// segments returns the sizes of the data segments.
func segments(section []byte) (sizes []int) {
	d := &decoder{b: section}
	for n := d.unsigned(); n > 0; n-- {
		kind := d.unsigned()
		if kind == 2 {
			d.unsigned()
		}
		if kind != 1 {
			for d.instruction().code != opEnd {
			}
		}
		size := int(d.unsigned())
		d.take(size)
		sizes = append(sizes, size)
	}
	return sizes
}

// The parameters of those functions are 0, where to; 1, where from, or the value; 2, how much.
var (
	whole   = asm.Join(asm.LocalGet(0), asm.LocalGet(1), asm.LocalGet(2))
	one     = asm.I32Const(pieceLimit)
	ifLast  = asm.Join(asm.LocalGet(2), one, []byte{opI32LeU}, asm.IfVoid)
	tooFar  = []byte{0x56, 0x04, 0x40}              // i64.gt_u, if
	inBytes = []byte{0x3f, 0, 0xad, 0x42, 16, 0x86} // memory.size, times 64 KiB
	fill    = []byte{0xfc, 11, 0}
	copying = []byte{0xfc, 10, 0, 0}
)

// reach is where an operand ends, as an i64.
func reach(operand uint32) []byte {
	return asm.Join(asm.LocalGet(operand), []byte{0xad}, asm.LocalGet(2), []byte{0xad, 0x7c})
}

func (p *proof) pause() []byte { return asm.Call(p.imported + 2) }

func less(local uint32) []byte {
	return asm.Join(asm.LocalGet(local), one, asm.I32Sub, asm.LocalSet(local))
}
func more(local uint32) []byte {
	return asm.Join(asm.LocalGet(local), one, asm.I32Add, asm.LocalSet(local))
}

func (p *proof) fill() []byte {
	return asm.Join([]byte{0}, reach(0), inBytes, tooFar, whole, fill, asm.End,
		asm.LoopVoid, ifLast, whole, fill, asm.Return, asm.End, asm.LocalGet(0), asm.LocalGet(1), one, fill,
		more(0), less(2), p.pause(), asm.Br(0), asm.End, asm.End)
}

func (p *proof) copy() []byte {
	return asm.Join([]byte{0}, reach(0), inBytes, tooFar, whole, copying, asm.End, reach(1), inBytes, tooFar, whole, copying, asm.End,
		asm.LocalGet(0), asm.LocalGet(1), []byte{opI32LeU}, asm.IfVoid,
		asm.LoopVoid, ifLast, whole, copying, asm.Return, asm.End, asm.LocalGet(0), asm.LocalGet(1), one, copying,
		more(0), more(1), less(2), p.pause(), asm.Br(0), asm.End, asm.End,
		asm.LoopVoid, ifLast, whole, copying, asm.Return, asm.End, less(2),
		asm.LocalGet(0), asm.LocalGet(2), asm.I32Add, asm.LocalGet(1), asm.LocalGet(2), asm.I32Add, one, copying,
		p.pause(), asm.Br(0), asm.End, asm.End)
}

func (p *proof) init(segment uint32, size int) []byte {
	code := asm.Join(wasmbin.AppendU32([]byte{0xfc, 8}, segment), []byte{0})
	return asm.Join([]byte{0}, reach(0), inBytes, tooFar, whole, code, asm.End, reach(1), asm.I64Const(int64(size)), tooFar, whole, code, asm.End,
		asm.LoopVoid, ifLast, whole, code, asm.Return, asm.End, asm.LocalGet(0), asm.LocalGet(1), one, code,
		more(0), more(1), less(2), p.pause(), asm.Br(0), asm.End, asm.End)
}

// whole returns code without the choices between an operation and the same in
// pieces, and fails when a large one is not chosen for.
func (p *proof) whole(code []op, locals uint32) (out []op, err error) {
	for i := 0; i < len(code); i++ {
		at := slices.IndexFunc(p.pieces, func(q piece) bool { return q.op.same(code[i]) })
		if at >= 0 {
			if !p.chosen(code, i, at, locals) {
				return nil, fmt.Errorf("byte %d: an operation that is not done in pieces", code[i].at)
			}
			out = append(out[:len(out)-4], code[i])
			i += 3
			continue
		}
		out = append(out, code[i])
	}
	return out, nil
}

// chosen reports whether the operation stands in such a choice.
func (p *proof) chosen(code []op, at, which int, locals uint32) bool {
	if at < 4 || at+3 >= len(code) {
		return false
	}
	for k, want := range []op{
		{code: opLocalGet, imm: []uint64{uint64(locals) + 1}}, {code: opI32Const, imm: []uint64{pieceLimit}}, {code: opI32LeU},
		{code: opIf, imm: []uint64{uint64(p.types) + 2}}, code[at], {code: opElse},
		{code: opCall, imm: []uint64{uint64(p.imported) + uint64(p.more) + uint64(p.defined) + uint64(which)}}, {code: opEnd},
	} {
		if !want.same(code[at-4+k]) {
			return false
		}
	}
	return true
}
