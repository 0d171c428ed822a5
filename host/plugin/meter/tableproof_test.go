package meter_test

import (
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// mostGrown is how far a table may grow, in elements: a MiB is copied in an instant.
const mostGrown = 1 << 17

const (
	tableGrow = 0xfc_0f
	tableSize = 0xfc_10
	opI64LtU  = 0x54
)

// grown is a table of a module: how far the module has it grow, and the meter.
type grown struct{ wish, high uint64 }

// tablesOf proves that no table grows further than it may, and remembers their bounds.
func (p *proof) tablesOf(before, after *wasmbin.Module) error {
	for _, i := range before.Imports {
		if i.Kind == wasmbin.KindTable {
			p.tables = append(p.tables, grown{})
		}
	}
	wishes, bounds := declared(before), declared(after)
	if len(wishes) != len(bounds) {
		return fmt.Errorf("%d tables became %d", len(wishes), len(bounds))
	}
	for n, was := range wishes {
		is := bounds[n]
		if is.low != was.low || is.high > max(is.low, mostGrown) || is.high > was.high {
			return fmt.Errorf("a table of %d to %d elements became one of %d to %d", was.low, was.high, is.low, is.high)
		}
		p.tables = append(p.tables, grown{was.high, is.high})
	}
	return nil
}

// extent is how many elements a table has.
type extent struct{ low, high uint64 }

// declared reads the tables that a module declares.
func declared(m *wasmbin.Module) (all []extent) {
	section := m.Find(wasmbin.SectionTable)
	if section == nil {
		return nil
	}
	d := &decoder{b: section}
	for n := d.unsigned(); n > 0; n-- {
		d.byte()
		bounded := d.byte()
		e := extent{low: d.unsigned(), high: 1<<32 - 1}
		if bounded == 1 {
			e.high = d.unsigned()
		}
		all = append(all, e)
	}
	return all
}

// growing returns code without what stands before table.grow, and fails when it is not
// there: a pause, and a call of the host when the table's size and the operand together are more
// than the meter allows, but no more than the module does.
func (p *proof) growing(code []op, locals uint32) (out []op, err error) {
	for _, o := range code {
		if o.code != tableGrow {
			out = append(out, o)
			continue
		}
		want := []op{{code: opCall, imm: []uint64{uint64(p.imported) + 2}}}
		if t := p.tables[o.first()]; t.wish > t.high {
			want = append(want, op{code: tableSize, imm: o.imm}, op{code: opI64ExtendU},
				op{code: opLocalGet, imm: []uint64{uint64(locals) + 1}}, op{code: opI64ExtendU}, op{code: opI64Add},
				op{code: opI64Const, imm: []uint64{t.high + 1}}, op{code: opI64Sub}, op{code: opI64Const, imm: []uint64{t.wish - t.high}}, op{code: opI64LtU},
				op{code: opIf, imm: []uint64{void}}, op{code: opCall, imm: []uint64{uint64(p.imported) + 3}}, op{code: opEnd})
		}
		at := len(out) - len(want)
		if at < 0 || !begin(out[at:], want) {
			return nil, fmt.Errorf("byte %d: a table grows without a pause, or the host is not told why it does not", o.at)
		}
		out = append(out[:at], o)
	}
	return out, nil
}
