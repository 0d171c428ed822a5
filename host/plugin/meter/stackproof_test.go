package meter_test

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

const (
	opReturn = 0x0f
	opI32Add = 0x6a
	opI32Sub = 0x6b
	opI32LtS = 0x48

	opUnreachable = 0x00
)

// stackProof proves that recursion is bounded. It holds when
//   - what a function takes from the stack that is left, it gives back wherever it is left;
//   - every circle of calls comes by a function, or by calls through tables, that take something;
//   - who takes, takes enough for itself and for the longest chain of those that do not;
//   - no such chain is longer than 512 bytes;
//   - nothing else touches what is left, which begins as it should.
type stackProof struct {
	*proof
	frames  []int
	takes   []int // by function, 0 for those that take nothing
	calls   [][]int
	named   map[int]bool
	through int // the least that a call through a table takes
	reached map[int]int
}

// chainLimit is how long, in bytes, a chain of calls may be that takes nothing.
const chainLimit = 1024

// left is the index of the global that counts what is left.
func (p *proof) left() uint64 { return uint64(p.globals) + 1 }

// surface proves what a function does with the stack, and returns its code without
// that: what it takes at its entry, and the least that calls through tables take.
func (p *proof) surface(code []op, locals uint32, results []byte, types []wasmbin.FuncType) (out []op, takes, through int, err error) {
	body := code
	if n, amount := p.entered(code, locals); n > 0 {
		takes = amount
		body, err = p.unwrapped(code[n:], amount, results, types)
		if err != nil {
			return nil, 0, 0, err
		}
	}
	through = -1
	for i := 0; i < len(body); {
		o := body[i]
		n, amount := p.taken(body[i:], locals)
		switch {
		case n > 0:
			if i+n+4 >= len(body) || body[i+n].code != opCallIndirect || !p.given(body[i+n+1:], amount) {
				return nil, 0, 0, fmt.Errorf("byte %d: stack is taken for something else than a call through a table", o.at)
			}
			out = append(out, body[i+n])
			i += n + 5
			through = least(through, amount)
			continue
		case o.code == opCallIndirect:
			through = 0
		case takes > 0 && o.code == opReturn:
			return nil, 0, 0, fmt.Errorf("byte %d: a function is left without giving back what it took", o.at)
		}
		if err := p.touchesStack(o); err != nil {
			return nil, 0, 0, err
		}
		out = append(out, o)
		i++
	}
	return out, takes, through, nil
}

func least(a, b int) int {
	if a < 0 {
		return b
	}
	return min(a, b)
}

func (p *proof) touchesStack(o op) error {
	if (o.code == opGlobalGet || o.code == opGlobalSet) && o.first() == p.left() || (o.code == opCall || o.code == opRefFunc) && (o.first() == uint64(p.imported)+1 || o.first() == uint64(p.imported)+2) {
		return fmt.Errorf("byte %d: the stack that is left is touched", o.at)
	}
	return nil
}

// taken reads the code that takes stack for a call, and checks that there is some: how many
// instructions that is, 0 if there is none.
func (p *proof) taken(code []op, locals uint32) (n, amount int) {
	return p.takenIn(code, locals, nil, slices.Concat([]op{{code: opIf, imm: []uint64{void}}}, p.deep(), []op{{code: opEnd}}))
}

// entered is taken for the entry of a function: out of a block, behind which it ends.
func (p *proof) entered(code []op, locals uint32) (n, amount int) {
	return p.takenIn(code, locals, []op{{code: opBlock, imm: []uint64{void}}}, []op{{code: opBrIf, imm: []uint64{0}}})
}

// takenIn reads the code that takes stack, with what stands before and after it.
func (p *proof) takenIn(code []op, locals uint32, before, after []op) (n, amount int) {
	if len(code) < len(before)+2 {
		return 0, 0
	}
	takes := code[len(before)+1]
	amount = int(int32(takes.first()))
	size := uint64(locals) + 1
	wants := slices.Concat(before, []op{
		{code: opGlobalGet, imm: []uint64{p.left()}}, {code: opI32Const, imm: takes.imm}, {code: opI32Sub},
		{code: opLocalTee, imm: []uint64{size}}, {code: opGlobalSet, imm: []uint64{p.left()}}, {code: opLocalGet, imm: []uint64{size}},
		{code: opI32Const, imm: []uint64{0}}, {code: opI32LtS},
	}, after)
	if !begin(code, wants) || amount <= 0 {
		return 0, 0
	}
	return len(wants), amount
}

// deep is the code that ends the call.
func (p *proof) deep() []op {
	return []op{
		{code: opI32Const, imm: []uint64{meter.DefaultStack}}, {code: opGlobalSet, imm: []uint64{p.left()}},
		{code: opCall, imm: []uint64{uint64(p.imported) + 1}}, {code: opUnreachable},
	}
}

// begin reports whether code begins so.
func begin(code, wants []op) bool {
	if len(code) < len(wants) {
		return false
	}
	for i, want := range wants {
		if !want.same(code[i]) {
			return false
		}
	}
	return true
}

// given reports whether the code begins by giving back so much.
func (p *proof) given(code []op, amount int) bool {
	return begin(code, []op{
		{code: opGlobalGet, imm: []uint64{p.left()}}, {code: opI32Const, imm: []uint64{uint64(amount)}},
		{code: opI32Add}, {code: opGlobalSet, imm: []uint64{p.left()}},
	})
}

// unwrapped takes off the block around a body, after which stack is given back and the
// function is left; what is behind that ends the call.
// The block must end at the very end: branches out of it lead there, and nowhere else.
func (p *proof) unwrapped(code []op, amount int, results []byte, types []wasmbin.FuncType) ([]op, error) {
	const tail = 12 // end, what gives back, return, end, what ends the call, end
	if len(code) < tail+1 || code[0].code != opBlock {
		return nil, fmt.Errorf("no block around a body that takes stack")
	}
	var want wasmbin.FuncType
	switch t := code[0].first(); {
	case t == void:
	case t < 0x40 || t > 0x7f:
		want = types[t]
	default:
		want.Results = []byte{byte(t)}
	}
	if len(want.Params) > 0 || !bytes.Equal(want.Results, results) {
		return nil, fmt.Errorf("the block around a body has the type %s", want)
	}
	inner, end := code[1:len(code)-tail+1], code[len(code)-tail:]
	behind := slices.Concat([]op{{code: opReturn}, {code: opEnd}}, p.deep(), []op{{code: opEnd}})
	if !begin(end[5:], behind) {
		return nil, fmt.Errorf("the call does not end when there is no stack")
	}
	if end[0].code != opEnd || !p.given(end[1:], amount) {
		return nil, fmt.Errorf("a function does not give back what it took")
	}
	depth := 1
	for i, o := range inner {
		switch o.code {
		case opBlock, opLoop, opIf:
			depth++
		case opEnd:
			depth--
		}
		if depth == 0 && i < len(inner)-1 {
			return nil, fmt.Errorf("the block around a body ends too early")
		}
	}
	return inner, nil
}

// leaves reports whether a branch stands for a return, with so many blocks open.
func leaves(was, is op, open int) bool {
	return was.code == opReturn && is.code == opBr && is.first() == uint64(open)
}

// bounded proves the graph of calls.
func (s *stackProof) bounded() error {
	s.reached = map[int]int{}
	for f := range s.frames {
		chain, err := s.chain(f, map[int]bool{})
		if err != nil {
			return err
		}
		if s.takes[f] > 0 && s.takes[f] < chain {
			return fmt.Errorf("function %d takes %d bytes, and needs %d", f, s.takes[f], chain)
		}
		if s.takes[f] == 0 && chain > chainLimit {
			return fmt.Errorf("function %d takes nothing, and needs %d bytes", f, chain)
		}
	}
	if below, err := s.below(table, map[int]bool{}); err != nil || s.through > 0 && s.through < below {
		return fmt.Errorf("calls through tables take %d bytes, and need %d: %w", s.through, below, err)
	}
	return nil
}

// table stands for what may be called through one.
const table = -1

// chain returns what a function needs with those that it calls and that take
// nothing, and fails when it calls itself so.
func (s *stackProof) chain(f int, above map[int]bool) (int, error) {
	if n, ok := s.reached[f]; ok {
		return n, nil
	}
	if above[f] {
		return 0, fmt.Errorf("function %d calls itself without taking stack", f)
	}
	above[f] = true
	below, err := s.below(f, above)
	delete(above, f)
	if f != table {
		below += s.frames[f]
	}
	if err == nil {
		s.reached[f] = below
	}
	return below, err
}

func (s *stackProof) below(f int, above map[int]bool) (most int, err error) {
	var calls []int
	if f == table {
		for n := range s.named {
			calls = append(calls, n)
		}
	} else {
		calls = s.calls[f]
	}
	for _, c := range calls {
		if c == table && s.through > 0 || c != table && s.takes[c] > 0 {
			continue
		}
		n, err := s.chain(c, above)
		if err != nil {
			return 0, err
		}
		most = max(most, n)
	}
	return most, nil
}

// stackOf reads a module's functions as they were, with what they take now.
func (p *proof) stackOf(before *wasmbin.Module, bodies [][]byte) *stackProof {
	s := &stackProof{proof: p, named: map[int]bool{}, through: -1}
	for i := range bodies {
		t := before.Types[before.Functions[i]]
		frame := 96 + valuesAcrossCalls(p.read[i].flow, t, localTypes(bodies[i]))/2
		for _, v := range slices.Concat(t.Params, t.Results) {
			frame += width(v)
		}
		if p.measured != nil {
			frame = max(frame, (p.measured[i]+1)/2)
		}
		s.frames = append(s.frames, frame)
		s.takes = append(s.takes, p.read[i].takes)
		if t := p.read[i].through; t >= 0 {
			s.through = least(s.through, t)
		}
		var calls []int
		for _, o := range p.read[i].old {
			switch {
			case o.code == opCall && o.first() >= uint64(p.imported):
				calls = append(calls, int(o.first())-int(p.imported))
			case o.code == opCallIndirect:
				calls = append(calls, table)
			}
		}
		s.calls = append(s.calls, calls)
	}
	s.names(before)
	return s
}

// localTypes returns the types of the locals that a body declares.
func localTypes(body []byte) (types []byte) {
	d := &decoder{b: body}
	for n := d.unsigned(); n > 0; n-- {
		many := int(d.unsigned())
		types = append(types, bytes.Repeat([]byte{d.byte()}, many)...)
	}
	return types
}

func width(t byte) int {
	if t == 0x7b {
		return 16
	}
	return 8
}

// names finds the functions that may lie in a table: those that are exported, or named outside of code.
func (s *stackProof) names(m *wasmbin.Module) {
	name := func(f uint64) {
		if f >= uint64(s.imported) {
			s.named[int(f)-int(s.imported)] = true
		}
	}
	constant := func(d *decoder) {
		for {
			o := d.instruction()
			if o.code == opRefFunc {
				name(o.first())
			}
			if o.code == opEnd {
				return
			}
		}
	}
	vector := func(section byte, each func(d *decoder)) {
		if b := m.Find(section); b != nil {
			d := &decoder{b: b}
			for n := d.unsigned(); n > 0; n-- {
				each(d)
			}
		}
	}
	vector(wasmbin.SectionExport, func(d *decoder) {
		d.take(int(d.unsigned()))
		if kind, index := d.byte(), d.unsigned(); kind == wasmbin.KindFunction {
			name(index)
		}
	})
	vector(wasmbin.SectionGlobal, func(d *decoder) {
		d.take(2)
		constant(d)
	})
	vector(wasmbin.SectionElement, func(d *decoder) {
		kind := d.unsigned()
		if kind&1 == 0 {
			if kind&2 != 0 {
				d.unsigned()
			}
			constant(d)
		}
		if kind&3 != 0 {
			d.byte()
		}
		for n := d.unsigned(); n > 0; n-- {
			if kind&4 != 0 {
				constant(d)
			} else {
				name(d.unsigned())
			}
		}
	})
}

// begins proves what is left at the beginning.
func begins(after *wasmbin.Module) error {
	want := []byte{wasmbin.I32, 1, opI32Const, 0x80, 0x80, 0x80, 0x02, opEnd} // 4 MiB
	if globals := after.Find(wasmbin.SectionGlobal); !bytes.HasSuffix(globals, want) || meter.DefaultStack != 4<<20 {
		return fmt.Errorf("the stack that is left begins with something else")
	}
	return nil
}
