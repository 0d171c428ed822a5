package meter

import (
	"errors"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// event is something in a function's code that matters to which values live where: what
// it is, in the lowest bits, and a number.
type event uint32

const (
	eventGet    event = iota // of a variable
	eventSet                 // of a variable, to a value that an engine may have to keep
	eventForget              // of a variable, to a constant
	eventMark                // markEvery operands have been pushed; how many there are
	eventCall
	eventStop  // a call that is none in the code, of the meter's or the engine's
	eventBegin // of a block
	eventElse
	eventEnd
	eventBranch // to a block
	eventMaybe  // a branch to a block that may not be taken
	eventGone   // nothing goes on here

	eventBits = 4
)

func (e event) kind() event { return e & (1<<eventBits - 1) }
func (e event) number() int { return int(e >> eventBits) }

// markEvery is how many operands are pushed between two marks. What lives for fewer than
// twice as many is in a register, unless there is a call.
const markEvery = 4

// traced is a block, loop or if of a function. The first is its body.
type traced struct {
	typ                 *wasmbin.FuncType // nil for none, or one result
	sets                uint64            // of the first 64 variables, those that it sets
	depth, height       int32             // blocks around it, and operands below its own
	ways                int32             // that lead to its end
	backs               int32             // branches back to a loop, as an engine sees them
	around              int32             // the loop around it, -1 if there is none
	named               int32             // the last br_table that did
	table, target       int32             // as in scope
	result              byte              // type of it, 0 for none
	loop, choice, other bool              // choice: it is an if; other: it has an else
}

func (b *traced) takes() []byte {
	if b.typ == nil {
		return nil
	}
	return b.typ.Params
}

// operand is one on the operand stack.
type operand struct {
	slots uint8
	local int32 // that it is the value of, -1 if it is another's
}

// trace follows the code of a function once, counts the operands that an engine may have
// to keep in the stack, and writes down what the way back needs to count variables.
type trace struct {
	w      *rewriter
	r      *wasmbin.Reader
	events []event
	blocks []traced
	open   []int32
	vars   variables
	jumps  jumps
	set    constant
	calls  []uint32 // of defined functions; their number for one through a table

	stack []operand
	kept  int // operands from the bottom that have been counted
	old   int // operands from the bottom that were there at the last mark
	slots int // what those that were counted need

	pushes, marks int32
	floats        int  // instructions that make floats or vectors
	turns         bool // there are branches back
	dead          int  // blocks that are open in code that nothing reaches, from 1
	tables        int32
	region        int32 // code that an engine has its own variables in until it has them anew
	looked        int32 // the last region that looks into memory
	at            int32 // the mark after which it did
}

// follow reads a body.
func (t *trace) follow(typ wasmbin.FuncType, body []byte) {
	*t = trace{w: t.w, r: wasmbin.NewReader(body), events: t.events[:0], blocks: t.blocks[:0], open: t.open[:0],
		vars: t.vars, jumps: t.jumps, stack: t.stack[:0], region: 1}
	t.jumps.reset()
	t.vars.reset(t.r, typ, t.w.fuel)
	t.begin(opBlock, nil, 0)
	for len(t.open) > 0 && t.r.Err() == nil {
		start := t.r.Offset()
		op := t.r.Byte()
		if t.dead > 0 {
			t.unreached(op)
		} else if e := effects[op]; e != 0 {
			t.plain(op, e)
		} else {
			t.instruction(op, start)
		}
	}
}

func (t *trace) emit(kind event, n int32) { t.events = append(t.events, kind|event(n)<<eventBits) }

func (t *trace) push(slots uint8, local int32) {
	t.stack = append(t.stack, operand{slots, local})
	if t.pushes++; t.pushes%markEvery == 0 {
		t.keep(t.old)
		t.old = len(t.stack)
		t.marks++
		t.emit(eventMark, int32(min(len(t.stack), 1<<20)))
	}
}

func (t *trace) pushAll(types []byte) {
	for _, v := range types {
		t.push(slotsOf(v), -1)
	}
}

func (t *trace) pop(n int) {
	left := max(len(t.stack)-max(n, 0), 0)
	t.stack, t.kept, t.old = t.stack[:left], min(t.kept, left), min(t.old, left)
}

// top returns the operand so far from the top.
func (t *trace) top(n int) operand {
	if n >= len(t.stack) {
		return operand{slot64, -1}
	}
	return t.stack[len(t.stack)-1-n]
}

// keep counts the lowest operands, unless they have been.
func (t *trace) keep(lowest int) {
	for ; t.kept < lowest; t.kept++ {
		t.slots += int(t.stack[t.kept].slots)
	}
}

// unreached reads an instruction that nothing reaches.
func (t *trace) unreached(op byte) {
	switch op {
	case opBlock, opLoop, opIf:
		t.dead++
		t.r.SkipLEB(33)
	case opElse:
		if t.dead == 1 {
			t.otherwise()
		}
	case opEnd:
		if t.dead == 1 {
			t.end()
		} else {
			t.dead--
		}
	case opCall:
		t.called(t.r.U32())
	case opCallIndirect:
		t.r.U32()
		t.r.U32()
		t.calls = append(t.calls, t.w.defined)
	default:
		skip(t.r, op, immediates[op])
	}
}

// called adds to whom the function calls.
func (t *trace) called(f uint32) {
	if f >= t.w.imported && f-t.w.imported < t.w.defined {
		t.calls = append(t.calls, f-t.w.imported)
	}
}

// plain is an instruction that takes operands and may give one.
func (t *trace) plain(op byte, e effect) {
	switch {
	case op >= opI32Load && op <= opI64Store32:
		t.r.U32()
		t.r.U32()
		t.memory(t.top(e.takes() - 1))
	case op < opI32Load || op == opMemorySize:
		skip(t.r, op, immediates[op])
	}
	t.apply(e)
}

func (t *trace) apply(e effect) {
	t.pop(e.takes())
	if gives := e.gives(); gives > 0 {
		t.floats += e.floats()
		t.push(gives, -1)
	}
}

// instruction is one that is not plain.
func (t *trace) instruction(op byte, start int) {
	switch op {
	case opNop:
	case opBlock, opLoop, opIf:
		if op == opIf {
			t.pop(1)
		}
		typ, result := t.blockType()
		t.begin(op, typ, result)
	case opElse:
		t.otherwise()
	case opEnd:
		t.end()
	case opBr:
		t.jump(start)
	case opBrIf:
		t.pop(1)
		t.branch(t.target(t.r.U32()), eventMaybe)
	case opBrTable:
		t.pop(1)
		t.branches()
	case opReturn, opUnreachable:
		t.emit(eventGone, 0)
		t.dead = 1
	case opCall, opCallIndirect:
		t.call(op)
	case opSelect, opSelectTyped:
		skip(t.r, op, immediates[op])
		slots := max(t.top(1).slots, t.top(2).slots, slot32)
		t.pop(3)
		t.push(slots, -1)
	case opLocalGet, opLocalSet, opLocalTee:
		t.local(op, start)
	case opGlobalGet, opGlobalSet:
		t.global(op)
	case opI32Const:
		t.r.SkipLEB(32)
		t.set.value(t.r.Since(start+1), t.r.Offset())
		t.push(slotNone, -1)
	case opRefFunc, opMemoryGrow:
		t.r.U32()
		t.stop()
		if op == opMemoryGrow {
			t.pop(1)
		}
		t.push(slot64, -1)
	case opPrefixMisc:
		t.misc()
	case opPrefixSIMD:
		t.vector()
	default: // constants
		skip(t.r, op, immediates[op])
		t.push(slotNone, -1)
	}
}

// bulkSlots are for what an engine keeps in its own loops of a bulk operation.
const bulkSlots = 16

func (t *trace) misc() {
	sub := skipMisc(t.r)
	if t.r.Err() != nil {
		return
	}
	e := miscEffects[sub]
	if sub >= miscMemoryInit && e.takes() > 1 {
		t.stop()
		t.slots += bulkSlots
		t.floats += manyFloats // registers that moving memory uses
	}
	t.apply(e)
}

func (t *trace) vector() {
	sub := t.r.U32()
	skipVector(t.r, sub)
	if t.r.Err() != nil {
		return
	}
	e := vectorEffects[sub]
	if sub <= 11 || sub >= 84 && sub <= 93 {
		t.memory(t.top(e.takes() - 1))
	}
	t.apply(e)
}

// stop is a call that is none in the code, before which all operands are pushed.
func (t *trace) stop() {
	t.keep(len(t.stack))
	t.slots += slot64 // the fuel that is left
	t.emit(eventStop, 0)
	t.region++
}

func (t *trace) call(op byte) {
	f := t.r.U32()
	var typ *wasmbin.FuncType
	if op == opCall {
		t.called(f)
		typ = t.w.callee(f)
	} else {
		t.r.U32()
		t.calls = append(t.calls, t.w.defined)
		t.pop(1)
		typ = t.w.typ(f)
	}
	if typ == nil {
		t.r.Fail(errors.New("a function that is called has no type"))
		return
	}
	if op == opCall && f < t.w.imported { // it is paid for before
		t.keep(len(t.stack))
		t.slots += slot64
	}
	t.keep(len(t.stack) - len(typ.Params))
	t.pop(len(typ.Params))
	t.emit(eventCall, 0)
	t.region++
	t.pushAll(typ.Results)
}

// memory is an access at an address. An engine may keep what it needs of its own for that in a register that
// something else has to leave.
func (t *trace) memory(base operand) {
	if t.looked != t.region {
		t.looked, t.at = t.region, -1
		t.slots += slot64
	}
	if t.at != t.marks {
		t.at = t.marks
		t.emit(eventGet, t.vars.memory())
	}
	if base.local < 0 {
		return
	}
	if p := &t.vars.locals[base.local]; p.region != t.region {
		t.emit(eventSet, t.vars.address(p))
		p.region = t.region
	} else if p.mark != t.marks {
		t.emit(eventGet, p.address)
		p.mark = t.marks
	}
}

func (t *trace) local(op byte, start int) {
	i := t.r.U32()
	p := t.vars.local(t.r, i)
	if p == nil {
		return
	}
	switch op {
	case opLocalGet:
		t.emit(eventGet, p.number)
		t.push(p.slots, int32(i))
		return
	case opLocalSet:
		t.assign(p.number)
		t.pop(1)
		t.set.into(i, start, t.r.Offset())
	default:
		t.assign(p.number)
		if len(t.stack) > 0 {
			t.stack[len(t.stack)-1].local = int32(i)
		}
	}
	p.region = 0 // its address is another
}

func (t *trace) global(op byte) {
	p := t.vars.global(t.r, t.r.U32())
	switch {
	case p == nil:
	case op == opGlobalGet:
		t.emit(eventGet, p.number)
		t.push(p.slots, -1)
	default:
		t.assign(p.number)
		t.pop(1)
	}
}

// assign sets a variable to the operand on top.
func (t *trace) assign(n int32) {
	if t.top(0).slots > 0 {
		t.emit(eventSet, n)
	} else {
		t.emit(eventForget, n)
	}
	if n < 64 {
		t.blocks[t.open[len(t.open)-1]].sets |= 1 << n
	}
}
