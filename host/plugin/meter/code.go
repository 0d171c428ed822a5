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
	out := wasmbin.AppendU32(make([]byte, 0, len(section)+len(section)/3), uint32(n))
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
		if err := scratch.rewrite(w, body, len(w.module.Types[typ].Params), w.leaves[i] > 0); err != nil {
			at := w.codeAt + r.Offset() - len(body) + scratch.at
			return nil, fmt.Errorf("function %d, at byte %d of the module: %w", int(w.imported)+i, at, err)
		}
		out = wasmbin.AppendU32(out, uint32(len(scratch.head)+len(scratch.out)))
		out = append(append(out, scratch.head...), scratch.out...)
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

	// entry is true until the check of the function's entry is written. It is put
	// off as long as instructions run one after another, in the hope of a loop:
	// a check at its head serves for the entry too.
	entry bool
}

// How long, in bytes, a function without loops and calls may be to go without a
// check: it ends soon, and whoever calls it pays. Who calls through a table does
// not know whom, and pays for the longest that it may be.
const (
	maxLeaf  = 512
	maxNamed = 32
)

// scope is an open block. For a loop, and for the function itself, price is
// where the number of units stands in out that is known only at its end.
type scope struct {
	price int // 0 when nothing stands there: it is never at the very beginning
	start int // offset of the first instruction in the original body
	extra int // what it costs above its code, as bytes of code
}

func (f *function) rewrite(w *rewriter, body []byte, params int, leaf bool) error {
	f.w, f.r = w, wasmbin.NewReader(body)
	f.at, f.head, f.out, f.open = 0, f.head[:0], f.out[:0], f.open[:0]
	f.locals(uint32(params))
	f.open = append(f.open, scope{start: f.r.Offset()})
	f.entry = !leaf
	for len(f.open) > 0 && f.r.Err() == nil {
		f.instruction()
	}
	return finished(f.r)
}

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

// leafCost returns what a call of a function without loops and calls costs, as
// bytes of code, and 0 for any other.
func leafCost(body []byte) int {
	r := wasmbin.NewReader(body)
	for range r.Count() {
		r.U32()
		r.Byte()
	}
	cost := len(body)
	for !r.Done() {
		op := r.Byte()
		if op == opLoop || op == opCall || op == opCallIndirect {
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

// runsOn reports whether the instruction is one after which the next one is
// certain to run.
func runsOn(op byte) bool {
	return op == opBlock || op == opNop || op >= opLocalGet && op <= opGlobalSet || op >= opI32Const && op <= opLastNumeric
}

// instruction copies one, with what must stand before or after it.
func (f *function) instruction() {
	r, start := f.r, f.r.Offset()
	f.at = start
	op := r.Byte()
	if f.entry && op != opLoop && !runsOn(op) {
		f.entry = false
		f.open[0].price = f.charge()
	}
	switch op {
	case opLoop:
		f.blockType()
		f.out = append(f.out, r.Since(start)...)
		price := f.charge()
		if f.entry { // the whole function is paid here
			f.entry = false
			f.open[0].price, price = price, 0
		}
		f.open = append(f.open, scope{price: price, start: start})
	case opBlock, opIf:
		f.blockType()
		f.out = append(f.out, r.Since(start)...)
		f.open = append(f.open, scope{})
	case opEnd:
		f.close()
		f.out = append(f.out, op)
	case opCall:
		target := f.w.function(r)
		if target < f.w.imported {
			f.chargeFixed(importCall)
		} else if i := target - f.w.imported - 1; r.Err() == nil {
			f.cost(f.w.leaves[i])
		}
		f.out = wasmbin.AppendU32(append(f.out, op), target)
	case opRefFunc:
		f.out = wasmbin.AppendU32(append(f.out, op), f.w.function(r))
	case opLocalGet, opLocalSet, opLocalTee:
		f.out = wasmbin.AppendU32(append(f.out, op), f.w.index(r, "local", f.left))
	case opGlobalGet, opGlobalSet:
		f.out = wasmbin.AppendU32(append(f.out, op), f.w.index(r, "global", f.w.fuel))
	case opCallIndirect:
		f.w.index(r, "type", f.w.yieldTyp)
		r.U32()
		f.cost(maxNamed + slowly*maxNamed/3)
		f.out = append(f.out, r.Since(start)...)
	case opMemoryGrow:
		r.U32()
		f.chargeOperand(opI64Shl, pageShift, maxPages)
		f.out = append(f.out, r.Since(start)...)
	case opPrefixMisc:
		f.chargeMisc(skipMisc(r))
		f.out = append(f.out, r.Since(start)...)
	default:
		if slow(op) {
			f.cost(slowly)
		}
		skip(r, op, immediates[op])
		f.out = append(f.out, r.Since(start)...)
	}
}

// blockType reads over the type of a block: a value type or nothing, in one
// byte, or the index of a type.
func (f *function) blockType() {
	start := f.r.Offset()
	f.r.SkipLEB(33)
	b := f.r.Since(start)
	if len(b) == 1 && b[0]&0x40 != 0 || f.r.Err() != nil {
		return
	}
	r := wasmbin.NewReader(b)
	if f.w.index(r, "type", f.w.yieldTyp); r.Err() != nil {
		f.r.Fail(r.Err())
	}
}

// close ends the innermost block and fills in what it costs.
func (f *function) close() {
	s := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	if s.price > 0 {
		putPadded(f.out[s.price:], 1+uint64(f.r.Offset()-s.start+s.extra)/bytesPerUnit)
	}
	if len(f.open) > 0 {
		f.cost(s.extra)
	}
}

// cost adds to the price of the innermost block, and of those around it.
func (f *function) cost(bytes int) { f.open[len(f.open)-1].extra += bytes }

// charge writes the check with a price that is not known yet, and returns where
// the price stands.
func (f *function) charge() (price int) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = append(f.out, opI64Const)
	price = len(f.out)
	f.out = append(f.out, make([]byte, padded)...)
	f.settle(false)
	return price
}

// chargeFixed writes the check with this price.
func (f *function) chargeFixed(units int64) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = appendSigned(append(f.out, opI64Const), units)
	f.settle(false)
}

// chargeOperand writes the check with a price that the i32 on top of the stack
// says, shifted; the operand stays where it is. It counts for most at most, which
// is 0 for operations that trap when it is too much.
func (f *function) chargeOperand(shift byte, by, most int64) {
	f.out = wasmbin.AppendU32(append(f.out, opLocalTee), f.size)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
	if most > 0 {
		f.out = appendSigned(append(f.out, opI32Const), most)
		f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
		f.out = appendSigned(append(f.out, opI32Const), most)
		f.out = append(f.out, opI32LtU, opSelect)
	}
	f.out = appendSigned(append(f.out, opI64ExtendU, opI64Const), by)
	f.out = append(f.out, shift)
	f.settle(true)
}

// settle subtracts the price on top of the stack from the fuel below it, and
// calls the host when nothing is left. What is owed is taken from the next slice;
// when it may be many slices, the host is called until it is paid.
func (f *function) settle(much bool) {
	f.out = wasmbin.AppendU32(append(f.out, opI64Sub, opLocalTee), f.left)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	f.out = append(f.out, opI64Const, 0, opI64LtS, opIf, blockTypeVoid)
	if much {
		f.out = append(f.out, opLoop, blockTypeVoid)
	}
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	f.out = append(f.out, opI64Add)
	if much {
		f.out = wasmbin.AppendU32(append(f.out, opLocalTee), f.left)
		f.out = append(f.out, opI64Const, 0, opI64LtS, opBrIf, 0, opEnd)
		f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	}
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.fuel)
	f.out = append(f.out, opEnd)
}

// chargeMisc prices bulk operations by their last operand, the size.
func (f *function) chargeMisc(sub uint32) {
	switch sub {
	case miscMemoryInit, miscMemoryCopy, miscMemoryFill:
		f.chargeOperand(opI64ShrU, bulkShift, 0)
	case miscTableInit, miscTableCopy, miscTableFill:
		f.chargeOperand(opI64ShrU, tableShift, 0)
	case miscTableGrow:
		f.chargeOperand(opI64ShrU, tableShift, int64(f.w.room))
	}
}
