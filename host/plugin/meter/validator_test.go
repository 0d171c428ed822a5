package meter_test

import (
	"bytes"
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// shortest is how many bytes a function may have that goes without a check.
const shortest = 512

// proof checks a rewritten module against its original, with a decoder of its
// own. It holds when
//   - without the checks, the code is that of the original, so that it does the same;
//   - every loop begins with a check, and so does every function before its first
//     branch, call or operation on memory, unless it is short and neither loops
//     nor calls: nothing can go on for ever without coming by a check;
//   - what costs by an operand is priced by it, just before;
//   - nothing else touches the fuel or calls the host's yield.
type proof struct {
	imported uint32 // functions of the original
	globals  uint32 // of the original; the fuel's index
	read     []*reading
}

// prove returns why a rewritten module is not to be trusted, or nil.
func prove(original, rewritten []byte) error {
	before, err := wasmbin.Parse(original)
	if err != nil {
		return err
	}
	after, err := wasmbin.Parse(rewritten)
	if err != nil {
		return err
	}
	p := &proof{}
	for _, i := range before.Imports {
		switch i.Kind {
		case wasmbin.KindFunction:
			p.imported++
		case wasmbin.KindGlobal:
			p.globals++
		}
	}
	if s := before.Find(wasmbin.SectionGlobal); s != nil {
		p.globals += wasmbin.NewReader(s).U32()
	}
	yield := after.Imports[len(after.Imports)-1]
	if yield.Module != meter.ImportModule || yield.Name != meter.ImportName || yield.Type.String() != "() -> i64" {
		return fmt.Errorf("the last import is %s.%s", yield.Module, yield.Name)
	}
	if !bytes.Equal(functions(before.Functions), functions(after.Functions)) {
		return fmt.Errorf("functions have other types")
	}
	if err := p.outside(after); err != nil {
		return err
	}
	return p.codes(before, after)
}

func functions(types []uint32) (out []byte) {
	for _, t := range types {
		out = wasmbin.AppendU32(out, t)
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
			if kind == wasmbin.KindFunction && index == p.imported || kind == wasmbin.KindGlobal && index == p.globals {
				return fmt.Errorf("export %q gives the meter away", name)
			}
		}
	}
	if s := after.Find(wasmbin.SectionStart); s != nil && wasmbin.NewReader(s).U32() == p.imported {
		return fmt.Errorf("yield is the start function")
	}
	return nil
}

func (p *proof) codes(before, after *wasmbin.Module) error {
	was, is := before.Find(wasmbin.SectionCode), after.Find(wasmbin.SectionCode)
	if was == nil {
		return nil
	}
	old, now := wasmbin.NewReader(was), wasmbin.NewReader(is)
	n := old.U32()
	if now.U32() != n {
		return fmt.Errorf("there are other functions")
	}
	for i := range n {
		r, err := p.function(len(before.Types[before.Functions[i]].Params), old.Bytes(old.U32()), now.Bytes(now.U32()))
		if err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
		p.read = append(p.read, r)
	}
	for i, r := range p.read {
		if err := r.worth(); err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
	}
	return nil
}

// reading is one function while it is proved.
type reading struct {
	*proof
	old, now []op
	locals   uint32 // of the original; what comes next is the meter's

	i, j  int  // the next instruction of now, and of old
	bulk  bool // a price by an operand was just paid
	entry int64
	loops map[int]int64 // the price of each loop, by its index in old
}

// function proves one function.
func (p *proof) function(params int, was, is []byte) (*reading, error) {
	r := &reading{proof: p, loops: map[int]int64{}}
	var own, more uint32
	r.old, own = decode(was)
	r.now, more = decode(is)
	if r.locals = uint32(params) + own; more != own+2 {
		return nil, fmt.Errorf("%d locals became %d", own, more)
	}
	for r.i < len(r.now) {
		if err := r.next(); err != nil {
			return nil, fmt.Errorf("byte %d: %w", r.now[min(r.i, len(r.now)-1)].at, err)
		}
	}
	if r.j != len(r.old) {
		return nil, fmt.Errorf("code is missing")
	}
	return r, nil
}

// next proves one check, or one instruction of the original.
func (r *reading) next() error {
	n, units, err := r.check(r.i)
	switch {
	case err != nil:
		return err
	case n > 0 && r.bulk:
		return fmt.Errorf("a price by an operand before something else")
	case n > 0 && units < 0: // by an operand
		r.bulk = true
		r.i += n
		return nil
	case n > 0:
		return r.pay(n, units)
	}
	o := r.now[r.i]
	if err := r.untouched(o); err != nil {
		return err
	}
	if r.bulk != (sized[o.code] > 0) {
		return fmt.Errorf("instruction %#x and prices by an operand do not fit", o.code)
	}
	if o.code == opLoop {
		n, units, err := r.check(r.i + 1)
		if err != nil || n == 0 || units < 0 {
			return fmt.Errorf("a loop without a check: %w", err)
		}
		r.loops[r.j] = units
	}
	if r.j >= len(r.old) {
		return fmt.Errorf("more code than before")
	}
	if want := r.shifted(r.old[r.j]); !want.same(o) {
		return fmt.Errorf("%v became %v", want, o)
	}
	r.i, r.j, r.bulk = r.i+1, r.j+1, false
	return nil
}

// pay takes a check with a fixed price. The first one of a function pays for its
// entry, so nothing may lead past it.
func (r *reading) pay(n int, units int64) error {
	if units < 1 {
		return fmt.Errorf("a price of nothing")
	}
	if r.entry == 0 {
		for _, o := range r.old[:r.j] {
			if !straight(o.code) {
				return fmt.Errorf("instruction %#x comes before the function is paid", o.code)
			}
		}
		r.entry = units
	}
	r.i += n
	return nil
}

// worth proves that a check is worth the code that it pays for: a sixteenth of
// the bytes of the function, and of each loop, in which each access to memory
// counts for eight more and each call for the function that does not pay for
// itself. Only a short function that neither loops nor calls may be such a one.
func (r *reading) worth() error {
	total := 0
	open := []int{-1} // the function itself
	costs := []int{0}
	for j, o := range r.old {
		cost, err := r.cost(j)
		if err != nil {
			return err
		}
		total += cost
		switch o.code {
		case opBlock, opLoop, opIf:
			open, costs = append(open, j), append(costs, 0)
		case opEnd:
			from := open[len(open)-1]
			if sum := costs[len(costs)-1]; from >= 0 && r.old[from].code == opLoop && r.loops[from] < 1+int64(sum)/16 {
				return fmt.Errorf("%d units for a loop that costs %d bytes", r.loops[from], sum)
			}
			sum := costs[len(costs)-1]
			if open, costs = open[:len(open)-1], costs[:len(costs)-1]; len(costs) > 0 {
				costs[len(costs)-1] += sum
			}
		}
		if len(costs) > 0 {
			costs[len(costs)-1] += cost
		}
	}
	switch span := r.old[len(r.old)-1].at - r.old[0].at; {
	case r.entry > 0 && r.entry < 1+int64(total)/16:
		return fmt.Errorf("%d units for a function that costs %d bytes", r.entry, total)
	case r.entry == 0 && span > shortest:
		return fmt.Errorf("%d bytes without a check", span)
	}
	return nil
}

// cost returns what an instruction of the original counts for, in bytes.
func (r *reading) cost(j int) (int, error) {
	o := r.old[j]
	cost := 0
	if j+1 < len(r.old) {
		cost = r.old[j+1].at - o.at
	}
	switch {
	case o.code == opLoop || o.code == opCall || o.code == opCallIndirect:
		if r.entry == 0 {
			return 0, fmt.Errorf("instruction %#x in a function without a check", o.code)
		}
		if o.code == opCall && o.first() >= uint64(r.imported) {
			return cost + r.read[o.first()-uint64(r.imported)].unpaid(), nil
		}
	case o.code >= 0x28 && o.code <= 0x3e, o.code >= 0xfd00, o.code >= 0x6d && o.code <= 0x70, o.code >= 0x7f && o.code <= 0x82,
		o.code == 0x91, o.code == 0x95, o.code == 0x9f, o.code == 0xa3: // memory, vectors, divisions and square roots
		cost += 8
	}
	return cost, nil
}

// unpaid is what a call costs that its function does not pay.
func (r *reading) unpaid() (cost int) {
	if r.entry > 0 {
		return 0
	}
	for j := range r.old {
		c, _ := r.cost(j)
		cost += c
	}
	return cost
}

// check reads the check that begins at an instruction: how many instructions it
// has, 0 if there is none, and its price in units, -1 by an operand.
func (r *reading) check(at int) (n int, units int64, err error) {
	code := r.now[at:]
	fuel, left, size := uint64(r.globals), uint64(r.locals), uint64(r.locals)+1
	is := func(code uint32, imm ...uint64) bool {
		ok := len(r.now) > at+n && r.now[at+n].same(op{code: code, imm: imm})
		n++
		return ok
	}
	switch {
	case len(code) > 1 && code[0].same(op{code: opGlobalGet, imm: []uint64{fuel}}):
		if units = int64(code[1].first()); code[1].code != opI64Const || units < 0 {
			return 0, 0, fmt.Errorf("no price after the fuel")
		}
		n = 2
	case len(code) > 5 && code[0].same(op{code: opLocalTee, imm: []uint64{size}}):
		n, units = 1, -1
		by, ok := priceOf(code)
		ok = ok && is(opGlobalGet, fuel) && is(opLocalGet, size)
		if by.most > 0 {
			ok = ok && is(opI32Const, by.most) && is(opLocalGet, size) && is(opI32Const, by.most) && is(opI32LtU) && is(opSelect)
		}
		if !ok || !is(opI64ExtendU) || !is(opI64Const, by.amount) || !is(by.shift) {
			return 0, 0, fmt.Errorf("a price by an operand that is not its shift")
		}
	default:
		return 0, 0, nil
	}
	ok := is(opI64Sub) && is(opLocalTee, left) && is(opGlobalSet, fuel) && is(opLocalGet, left) && is(opI64Const, 0) && is(opI64LtS) && is(opIf, void)
	if units < 0 {
		ok = ok && is(opLoop, void)
	}
	ok = ok && is(opCall, uint64(r.imported)) && is(opLocalGet, left) && is(opI64Add)
	if units < 0 {
		ok = ok && is(opLocalTee, left) && is(opI64Const, 0) && is(opI64LtS) && is(opBrIf, 0) && is(opEnd) && is(opLocalGet, left)
	}
	if !ok || !is(opGlobalSet, fuel) || !is(opEnd) {
		return 0, 0, fmt.Errorf("half a check")
	}
	return n, units, nil
}

// scale is how the price of an operation follows from its operand.
type scale struct {
	shift  uint32
	amount uint64
	most   uint64 // the operand counts for no more, 0 for no bound
}

// priceOf returns the scale of the operation that a check by an operand is for:
// the first one after it.
func priceOf(code []op) (scale, bool) {
	for _, o := range code[1:min(len(code), 40)] {
		switch sized[o.code] {
		case bytesOfMemory:
			return scale{opI64ShrU, 6, 0}, true // 64 bytes a unit
		case elements:
			return scale{opI64ShrU, 3, 0}, true // 8 elements a unit
		case newElements:
			return scale{opI64ShrU, 3, 1 << 20}, true
		case pages:
			return scale{opI64Shl, 10, 1024}, true // 1,024 units a page
		}
	}
	return scale{}, false
}

// untouched proves that an instruction outside of checks leaves the meter alone.
func (r *reading) untouched(o op) error {
	switch {
	case (o.code == opGlobalGet || o.code == opGlobalSet) && o.first() >= uint64(r.globals):
		return fmt.Errorf("the fuel is touched")
	case (o.code == opCall || o.code == opRefFunc) && o.first() == uint64(r.imported):
		return fmt.Errorf("yield is called or named")
	}
	return nil
}

// shifted is an instruction of the original as the rewritten module says it.
func (p *proof) shifted(o op) op {
	if (o.code == opCall || o.code == opRefFunc) && o.first() >= uint64(p.imported) {
		o.imm = []uint64{o.first() + 1}
	}
	return o
}
