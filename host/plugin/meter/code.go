package meter

import (
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// code rewrites the bodies of all functions.
func (w *rewriter) code(section []byte) ([]byte, error) {
	r := wasmbin.NewReader(section)
	n := r.Count()
	if n != len(w.module.Functions) {
		return nil, errors.New("there are not as many bodies as functions")
	}
	w.findLeaves(section)
	w.plan = w.planStack(section)
	out := wasmbin.AppendU32(make([]byte, 0, len(section)+len(section)/3), uint32(n+len(w.pieces.bodies)))
	var scratch function
	for i := 0; i < n && r.Err() == nil; i++ {
		typ := w.module.Functions[i]
		if int64(typ) >= int64(len(w.module.Types)) {
			return nil, errors.New("a function has no type")
		}
		body := r.Bytes(r.U32())
		if r.Err() != nil {
			break
		}
		if err := scratch.rewrite(w, body, w.module.Types[typ], w.plan.charges[i], w.leaves[i] > 0); err != nil {
			at := w.codeAt + r.Offset() - len(body) + scratch.at
			return nil, fmt.Errorf("function %d, at byte %d of the module: %w", int(w.imported)+i, at, err)
		}
		out = wasmbin.AppendU32(out, uint32(len(scratch.head)+len(scratch.out)))
		out = append(append(out, scratch.head...), scratch.out...)
	}
	for _, body := range w.pieces.bodies {
		out = append(wasmbin.AppendU32(out, uint32(len(body))), body...)
	}
	return out, finished(r)
}

// function is the body of one function while it is rewritten. Its buffers are
// used again for the next one.
type function struct {
	w    *rewriter
	r    *wasmbin.Reader
	at   int    // offset of the instruction in hand, in the original body
	head []byte // declarations of locals
	out  []byte // instructions

	left uint32  // index of the added local that holds the fuel left, an i64
	size uint32  // index of the added local that holds an operand, an i32
	open []scope // blocks that are not closed

	labels []uint32 // of a branch that has many

	charged int32 // what its entry takes from the stack, 0 if it is not counted

	extra int      // what the way here costs above the length of the code so far, as bytes of code
	most  int      // what the dearest way through the function costs
	jumps jumps    // what is known of jumps by number
	set   constant // what the last two instructions set a local to
}

// How long, in bytes, a function without calls may be to go without a check of its
// own: it ends soon, but for loops, which have checks, and whoever calls it pays. Who
// calls through a table does not know whom, and pays for the longest that it may be.
const (
	maxLeaf  = 512
	maxNamed = 32
)

// scope is an open block.
type scope struct {
	loop, params bool // params: it is a loop that takes some
	choice       bool // it is an if that has no else yet
	start        int  // what the way to its first instruction costs
	reach        int  // what the ways to its end cost that branch there, the dearest of them
	table        int  // of a loop that begins with a jump by number, and its first blocks: place in jumps, from 1
	target       int  // of such a block: its place in ends, from 1
}

func (f *function) rewrite(w *rewriter, body []byte, typ wasmbin.FuncType, charge int32, leaf bool) error {
	f.w, f.r = w, wasmbin.NewReader(body)
	f.at, f.head, f.out, f.open = 0, f.head[:0], f.out[:0], f.open[:0]
	f.locals(uint32(len(typ.Params)))
	f.deepen(charge, typ.Results)
	f.open = append(f.open, scope{})
	f.extra, f.most, f.set = -f.r.Offset(), 0, constant{}
	f.jumps.reset()
	price := 0
	if !leaf {
		price = f.enter()
	}
	for len(f.open) > 0 && f.r.Err() == nil {
		f.instruction()
	}
	if price > 0 {
		putPadded(f.out[price:], uint64(units(f.most)))
	}
	return finished(f.r)
}

// units are what so many bytes of code cost.
func units(bytes int) int64 { return 1 + int64(max(0, bytes))/bytesPerUnit }

// locals copies the declarations and adds two.
func (f *function) locals(params uint32) {
	groups := f.r.Count()
	start, total := f.r.Offset(), uint64(params)
	for range groups {
		total += uint64(f.r.U32())
		f.r.Byte()
	}
	if total > 50_000 { // what engines allow
		f.r.Fail(errors.New("a function has too many locals"))
		return
	}
	f.head = wasmbin.AppendU32(f.head, uint32(groups)+2)
	f.head = append(f.head, f.r.Since(start)...)
	f.head = append(f.head, 1, wasmbin.I64, 1, wasmbin.I32)
	f.left, f.size = uint32(total), uint32(total)+1
}

// findLeaves finds the functions that go without a check, and what calls of them
// cost. What is wrong with the section is found later.
func (w *rewriter) findLeaves(section []byte) {
	r := wasmbin.NewReader(section)
	w.leaves = make([]int, r.Count())
	for i := range w.leaves {
		body := r.Bytes(r.U32())
		limit := maxLeaf
		if w.named[w.imported+uint32(i)] {
			limit = maxNamed
		}
		if len(body) <= limit {
			w.leaves[i] = leafCost(body)
		}
	}
}

// leafCost returns what a call of a function without calls costs, as bytes of code,
// but for turns of its loops, and 0 for any other.
func leafCost(body []byte) int {
	r := wasmbin.NewReader(body)
	for range r.Count() {
		r.U32()
		r.Byte()
	}
	cost := len(body) - r.Offset()
	for !r.Done() {
		op := r.Byte()
		if op == opCall || op == opCallIndirect {
			return 0
		}
		if slow(op) {
			cost += slowly
		}
		skip(r, op, immediates[op])
	}
	return cost
}

// slow reports whether the instruction takes long for its length: a load or a
// store of memory, when it is in no cache, a division and a square root.
func slow(op byte) bool {
	switch {
	case op >= opI32Load && op <= opI64Store32, op == opPrefixSIMD:
		return true
	case op >= opI32DivS && op <= opI32RemU, op >= opI64DivS && op <= opI64RemU:
		return true
	}
	return op == opF32Sqrt || op == opF32Div || op == opF64Sqrt || op == opF64Div
}

// instruction copies one, with what must stand before or after it.
func (f *function) instruction() {
	r, start := f.r, f.r.Offset()
	f.at = start
	op := r.Byte()
	switch op {
	case opLoop:
		f.loop(start)
	case opBlock:
		f.blockType()
		f.out = append(f.out, r.Since(start)...)
		f.open = append(f.open, f.jumps.block(f.open[len(f.open)-1]))
	case opIf:
		f.blockType()
		f.out = append(f.out, r.Since(start)...)
		f.open = append(f.open, scope{choice: true, start: f.spent()})
	case opElse:
		f.otherwise()
		f.out = append(f.out, op)
	case opBr, opBrIf:
		if f.branch(op, start); op == opBr {
			f.leads()
		}
	case opBrTable:
		f.branches(start)
		f.leads()
	case opEnd:
		if f.close(); len(f.open) == 0 {
			f.surface()
		}
		f.out = append(f.out, op)
	case opCall:
		target := f.w.function(r)
		if target < f.w.imported {
			f.chargeFixed(importCall)
		} else if i := target - f.w.imported - f.w.added; r.Err() == nil {
			f.cost(f.w.leaves[i])
		}
		f.out = wasmbin.AppendU32(append(f.out, op), target)
	case opReturn:
		f.leave()
		f.leads()
	case opUnreachable:
		f.out = append(f.out, op)
		f.leads()
	case opRefFunc:
		f.out = wasmbin.AppendU32(append(f.out, op), f.w.function(r))
	case opLocalGet, opLocalSet, opLocalTee:
		local := f.w.index(r, "local", f.left)
		f.out = wasmbin.AppendU32(append(f.out, op), local)
		if op == opLocalSet {
			f.set.into(local, start, r.Offset())
		}
	case opI32Const:
		r.SkipLEB(32)
		f.set.value(r.Since(start+1), r.Offset())
		f.out = append(f.out, r.Since(start)...)
	case opGlobalGet, opGlobalSet:
		f.out = wasmbin.AppendU32(append(f.out, op), f.w.index(r, "global", f.w.fuel))
	case opCallIndirect:
		f.w.index(r, "type", f.w.yieldTyp)
		r.U32()
		f.cost(maxNamed + slowly*maxNamed/3)
		f.indirect(r.Since(start))
	case opMemoryGrow:
		r.U32()
		f.chargeOperand(opI64Shl, pageShift, maxPages)
		f.out = append(f.out, r.Since(start)...)
	case opPrefixMisc:
		sub := skipMisc(r)
		if f.chargeMisc(sub); sub == miscTableGrow {
			f.grow(r.Since(start))
		}
		f.inPieces(r.Since(start), f.w.pieces.function(sub, r.Since(start)))
	default:
		if slow(op) {
			f.cost(slowly)
		}
		skip(r, op, immediates[op])
		f.out = append(f.out, r.Since(start)...)
	}
}

// blockType reads the type of a block: a value type or nothing, in one byte, or
// the index of a type. It reports whether the block takes parameters.
func (f *function) blockType() (params bool) {
	start := f.r.Offset()
	f.r.SkipLEB(33)
	b := f.r.Since(start)
	if len(b) == 1 && b[0]&0x40 != 0 || f.r.Err() != nil {
		return false
	}
	r := wasmbin.NewReader(b)
	typ := f.w.index(r, "type", f.w.yieldTyp)
	if r.Err() != nil {
		f.r.Fail(r.Err())
		return false
	}
	return len(f.w.module.Types[typ].Params) > 0
}

// cost adds to what the way here costs.
func (f *function) cost(bytes int) { f.extra += bytes }
