package meter_test

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// shortest is how many bytes a function may have that goes without a check.
const shortest = 512

// proof checks a rewritten module against its original, with a decoder of its
// own. It holds when
//   - without the checks, the code is that of the original, so that it does the same;
//   - every function begins with a check for the dearest way through it that leads forward only,
//     unless it is short and calls nothing, and every branch that leads back is checked for as
//     much as the dearest way to it costs above that to where it leads. All other
//     code leads forward: nothing can go on for ever, nor for longer than it has paid;
//   - what costs by an operand is priced by it, just before;
//   - tables grow to no more than can be copied in an instant, after a pause each time, and
//     the host is told of what the meter's bounds refuse;
//   - nothing else touches the fuel or calls the host's yield.
type proof struct {
	imported uint32 // functions of the original
	more     uint32 // functions that the meter has the module import
	globals  uint32 // of the original; the fuel's index
	read     []*reading
	pieces   []piece // functions that were added
	types    int     // of the original
	defined  int     // functions of the original with a body
	tables   []grown // by index; those that are imported have no bound of the meter's
	measured []int   // stack that an engine's functions take, if that was looked at
}

// prove returns why a rewritten module is not to be trusted, or nil.
func prove(original, rewritten []byte) error { return proveFrames(original, rewritten, nil) }

// proveFrames is prove with the stack that an engine's functions were seen to take, in bytes.
func proveFrames(original, rewritten []byte, frames []int) error {
	return (&proof{measured: frames}).all(original, rewritten)
}

// all proves everything.
func (p *proof) all(original, rewritten []byte) error {
	before, err := wasmbin.Parse(original)
	if err != nil {
		return err
	}
	after, err := wasmbin.Parse(rewritten)
	if err != nil {
		return err
	}
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
	wants := []struct{ name, typ string }{{meter.ImportName, "() -> i64"}, {meter.ImportDeep, "()"}, {meter.ImportPause, "()"}, {meter.ImportFull, "()"}}
	if p.more = uint32(len(after.Imports) - len(before.Imports)); p.more != 3 && p.more != 4 {
		return fmt.Errorf("%d imports more", p.more)
	}
	for i, want := range wants[:p.more] {
		mine := after.Imports[len(before.Imports)+i]
		if mine.Module != meter.ImportModule || mine.Name != want.name || mine.Type.String() != want.typ {
			return fmt.Errorf("one of the last imports is %s.%s, %s", mine.Module, mine.Name, mine.Type)
		}
	}
	if err := begins(after); err != nil {
		return err
	}
	if err := p.added(before, after); err != nil {
		return err
	}
	if err := p.outside(after); err != nil {
		return err
	}
	if err := p.tablesOf(before, after); err != nil {
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

func (p *proof) codes(before, after *wasmbin.Module) error {
	was, is := before.Find(wasmbin.SectionCode), after.Find(wasmbin.SectionCode)
	if was == nil {
		return nil
	}
	old, now := wasmbin.NewReader(was), wasmbin.NewReader(is)
	n := old.U32()
	if now.U32() != n+uint32(len(p.pieces)) {
		return fmt.Errorf("there are other functions")
	}
	var bodies [][]byte
	for i := range n {
		bodies = append(bodies, old.Bytes(old.U32()))
		r, err := p.function(before.Types[before.Functions[i]], after.Types, bodies[i], now.Bytes(now.U32()))
		if err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
		p.read = append(p.read, r)
	}
	for _, want := range p.pieces {
		if !bytes.Equal(want.body, now.Bytes(now.U32())) {
			return fmt.Errorf("instruction %#x in pieces is something else", want.op.code)
		}
	}
	for i, r := range p.read {
		if err := r.worth(); err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
	}
	return p.stackOf(before, bodies).bounded()
}

// reading is one function while it is proved.
type reading struct {
	*proof
	old, now []op
	locals   uint32 // of the original; what comes next is the meter's
	flow     *flow

	i, j  int   // the next instruction of now, and of old
	paid  int64 // what the check just before pays, 0 for none, bulk by an operand
	entry int64 // what the check at the beginning pays
	backs []back

	takes   int // from the stack, at its entry
	through int // the least that a call through a table takes, -1 for no such call
	open    int // blocks
}

// bulk is a price that follows from an operand.
const bulk = -1

// back is a branch that leads back, with what it pays. It stands for all that an
// instruction of the original may lead back to.
type back struct {
	from, to int // the branch, and the first instruction that may be next
	units    int64
}

// function proves one function.
func (p *proof) function(typ wasmbin.FuncType, types []wasmbin.FuncType, was, is []byte) (*reading, error) {
	r := &reading{proof: p}
	var own, more uint32
	r.old, own = decode(was)
	r.now, more = decode(is)
	if r.locals = uint32(len(typ.Params)) + own; more != own+2 {
		return nil, fmt.Errorf("%d locals became %d", own, more)
	}
	var err error
	if r.now, err = p.whole(r.now, r.locals); err != nil {
		return nil, err
	}
	if r.now, err = p.growing(r.now, r.locals); err != nil {
		return nil, err
	}
	if r.now, r.takes, r.through, err = p.surface(r.now, r.locals, typ.Results, types); err != nil {
		return nil, err
	}
	r.flow = follows(r.old)
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
	case n > 0 && r.paid != 0:
		return fmt.Errorf("a check that pays for nothing")
	case n > 0 && (units == 0 || units < 0 && r.i == 0):
		return fmt.Errorf("a price of nothing")
	case n > 0 && r.i == 0:
		r.entry, r.i = units, n
		return nil
	case n > 0:
		r.paid, r.i = units, r.i+n
		return nil
	case r.j >= len(r.old):
		return fmt.Errorf("more code than before")
	}
	if to, back := r.flow.back(r.j); back {
		return r.turn(to)
	}
	return r.same(r.needs())
}

// needs returns what has to be paid by a check just before the next instruction.
func (r *reading) needs() int64 {
	switch o := r.old[r.j]; {
	case sized[o.code] > 0:
		return bulk
	case o.code == opCall && o.first() < uint64(r.imported):
		return 1000
	}
	return 0
}

// same takes the next instruction, which is that of the original.
func (r *reading) same(needs int64) error {
	o := r.now[r.i]
	if err := r.untouched(o); err != nil {
		return err
	}
	if r.paid != needs {
		return fmt.Errorf("instruction %#x is paid with %d instead of %d units (-1: by an operand)", o.code, r.paid, needs)
	}
	want := r.shifted(r.old[r.j])
	if label, forward := r.flow.forward[r.j]; forward && o.code == opBr {
		want.imm = []uint64{label}
	}
	switch o.code {
	case opBlock, opLoop, opIf:
		r.open++
	case opEnd:
		r.open--
	}
	if !want.same(o) && !(r.takes > 0 && leaves(want, o, r.open)) {
		return fmt.Errorf("%v became %v", want, o)
	}
	r.i, r.j, r.paid = r.i+1, r.j+1, 0
	return nil
}

// turn takes a branch that may lead back: with a check before it, or as one.
func (r *reading) turn(to int) error {
	o := r.old[r.j]
	b := back{from: r.j, to: to, units: r.paid}
	r.backs = append(r.backs, b)
	last := &r.backs[len(r.backs)-1]
	switch {
	case r.paid > 0:
		return r.same(r.paid)
	case o.code == opBr:
		n, units := r.again(r.i, o.first())
		last.units = units
		r.i += n
	case o.code == opBrIf && r.now[r.i].same(op{code: opIf, imm: []uint64{void}}):
		n, units := r.again(r.i+1, o.first()+1)
		if end := r.i + 1 + n; n == 0 || end >= len(r.now) || r.now[end].code != opEnd {
			return fmt.Errorf("a branch back that is no check")
		}
		last.units = units
		r.i += n + 2
	case o.code == opBrTable:
		n, units := r.aside(r.i)
		last.units = units
		r.i += n
	}
	if last.units < 1 {
		return fmt.Errorf("a branch back without a check")
	}
	r.j++
	return nil
}

// aside reads a branch to one of many labels, one of which is a loop's and leads behind it, to
// a branch back that is a check.
func (r *reading) aside(at int) (n int, units int64) {
	var loops []uint64
	want := op{code: opBrTable}
	for _, label := range r.old[r.j].imm {
		if begin := r.flow.label(r.j, label); begin < 0 || r.old[begin].code != opLoop {
			want.imm = append(want.imm, label+1)
			continue
		}
		loops, want.imm = append(loops, label), append(want.imm, 0)
	}
	size := []uint64{uint64(r.locals) + 1}
	for _, o := range []op{{code: opLocalSet, imm: size}, {code: opBlock, imm: []uint64{void}}, {code: opLocalGet, imm: size}, want, {code: opEnd}} {
		if at+n >= len(r.now) || !r.now[at+n].same(o) {
			return 0, 0
		}
		n++
	}
	if slices.Min(loops) != slices.Max(loops) {
		return 0, 0
	}
	more, units := r.again(at+n, loops[0])
	return n + more, units
}

// again reads a branch back that is a check: how many instructions it has, 0 if it
// is none, and its price.
func (r *reading) again(at int, label uint64) (n int, units int64) {
	fuel, left := uint64(r.globals), uint64(r.locals)
	if at+1 >= len(r.now) || r.now[at+1].code != opI64Const {
		return 0, 0
	}
	price := r.now[at+1].first()
	for _, o := range []op{
		{code: opGlobalGet, imm: []uint64{fuel}}, {code: opI64Const, imm: []uint64{price}}, {code: opI64Sub},
		{code: opLocalTee, imm: []uint64{left}}, {code: opGlobalSet, imm: []uint64{fuel}},
		{code: opLocalGet, imm: []uint64{left}}, {code: opI64Const, imm: []uint64{0}}, {code: opI64GeS}, {code: opBrIf, imm: []uint64{label}},
		{code: opCall, imm: []uint64{uint64(r.imported)}}, {code: opGlobalGet, imm: []uint64{fuel}}, {code: opI64Add},
		{code: opGlobalSet, imm: []uint64{fuel}}, {code: opBr, imm: []uint64{label}},
	} {
		if at+n >= len(r.now) || !r.now[at+n].same(o) {
			return 0, 0
		}
		n++
	}
	return n, int64(price)
}

// worth proves that a check is worth the code that it pays for: a sixteenth of its
// bytes, in which each access to memory counts for eight more and each call for the
// function that does not pay for itself. Only a short function that calls nothing may be
// such a one.
func (r *reading) worth() error {
	costs := make([]int, len(r.old))
	for j := range r.old {
		cost, err := r.cost(j)
		if err != nil {
			return err
		}
		costs[j] = cost
	}
	ways, total := r.flow.ways(costs)
	for _, b := range r.backs {
		if span := ways[b.from] + costs[b.from] - ways[b.to]; b.units < 1 || b.units < 1+int64(span)/16 {
			return fmt.Errorf("%d units for a branch over code that costs %d bytes", b.units, span)
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

// throughTable is what a call through a table counts for, in bytes: a function of 32 bytes that
// does not pay for itself, of which a third are loads.
const throughTable = 32 + 8*32/3

// cost returns what an instruction of the original counts for, in bytes.
func (r *reading) cost(j int) (int, error) {
	o := r.old[j]
	cost := 1 // the last end
	if j+1 < len(r.old) {
		cost = r.old[j+1].at - o.at
	}
	switch {
	case o.code == opCall || o.code == opCallIndirect:
		if r.entry == 0 {
			return 0, fmt.Errorf("instruction %#x in a function without a check", o.code)
		}
		if o.code == opCall && o.first() >= uint64(r.imported) {
			return cost + r.read[o.first()-uint64(r.imported)].unpaid(), nil
		}
		if o.code == opCallIndirect {
			cost += throughTable
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
	case len(code) > 8 && code[0].same(op{code: opGlobalGet, imm: []uint64{fuel}}) && code[8].code == opBrIf:
		return 0, 0, nil // again reads it
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
	ok := is(opI64Sub) && is(opLocalTee, left) && is(opGlobalSet, fuel) && is(opLocalGet, left) && is(opI64Const, 0) && is(opI64GeS) && is(opIf, void) && is(opElse)
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
			return scale{opI64ShrU, 0, 1 << 17}, true // one a unit
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
		o.imm = []uint64{o.first() + uint64(p.more)}
	}
	return o
}
