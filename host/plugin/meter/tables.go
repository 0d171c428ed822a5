package meter

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// ImportFull is the function that metered code calls before a table.grow that fails
// for the bounds that the meter has given the table, and no others: () -> ().
const ImportFull = "full"

// table is a table that a module declares. Numbers are of elements.
type table struct {
	kind      byte
	low, high uint32 // high as the meter bounds it
	wish      uint32 // as the module says it, or as many as there can be
}

// short reports whether a table may grow less far than the module has it.
func (t table) short() bool { return t.wish > t.high }

// declaredTable reads a table, which has no more than room.
func declaredTable(r *wasmbin.Reader, room uint32) table {
	t := table{kind: r.Byte()}
	low, high, bounded := r.Limits()
	if t.low, t.wish = low, high; !bounded {
		t.wish = 1<<32 - 1
	}
	if t.high = min(t.wish, room); t.wish >= low { // the engine refuses it otherwise
		t.high = max(low, min(t.high, MaxGrown))
	}
	return t
}

// boundTables bounds all tables together: what they do not begin with is divided among
// those that can grow, the least wish first.
func (w *rewriter) boundTables(body []byte) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	r := wasmbin.NewReader(body)
	n := r.Count()
	out := wasmbin.AppendU32(nil, uint32(n))
	all, room := make([]table, 0, min(n, maxTables)), int64(w.room)
	for ; n > 0 && r.Err() == nil; n-- {
		t := declaredTable(r, w.room)
		if room -= int64(t.low); room < 0 {
			return nil, fmt.Errorf("tables of %d elements are over the limit of %d", int64(w.room)-room, w.room)
		}
		all = append(all, t)
	}
	share(all, room)
	for _, t := range all {
		out = append(out, t.kind, 1)
		out = wasmbin.AppendU32(out, t.low)
		out = wasmbin.AppendU32(out, t.high)
	}
	w.declared = all
	return out, finished(r)
}

// maxTables is how many tables are expected, of which a module mostly has one.
const maxTables = 16

// share bounds what tables grow by to room, together.
func share(all []table, room int64) {
	wish := func(t *table) int64 { return max(0, int64(t.high)-int64(t.low)) }
	order := make([]*table, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortFunc(order, func(a, b *table) int { return cmp.Compare(wish(a), wish(b)) })
	for i, t := range order {
		more := min(wish(t), room/int64(len(order)-i))
		if t.high >= t.low { // the engine refuses it otherwise
			t.high = t.low + uint32(more)
		}
		room -= more
	}
}

// grow writes what comes before table.grow, whose operand is in the local for it. The
// engine allocates, in which the collector may have it help: so the time is looked at
// each time. And the host is told of what fails for the meter's bounds.
func (f *function) grow(op []byte) {
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported+importPause)
	r := wasmbin.NewReader(op[1:])
	r.U32() // which operation it is
	table := r.U32()
	i := int64(table) - int64(f.w.tables)
	if i < 0 || i >= int64(len(f.w.declared)) {
		return // the engine refuses it, or it has no bounds of the meter's
	}
	t := &f.w.declared[i]
	if !t.short() {
		return
	}
	f.out = wasmbin.AppendU32(append(f.out, opPrefixMisc, miscTableSize), table)
	f.out = wasmbin.AppendU32(append(f.out, opI64ExtendU, opLocalGet), f.size)
	f.out = appendSigned(append(f.out, opI64ExtendU, opI64Add, opI64Const), int64(t.high)+1)
	f.out = appendSigned(append(f.out, opI64Sub, opI64Const), int64(t.wish-t.high))
	f.out = append(f.out, opI64LtU, opIf, blockTypeVoid)
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported+importFull)
	f.out = append(f.out, opEnd)
}
