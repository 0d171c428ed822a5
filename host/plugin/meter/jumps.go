package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// Go's compiler makes every jump within a function one to the head of a loop, where a
// br_table leads out of the block that a local says:
//
//	loop
//	  block block ... block
//	    local.get $n
//	    br_table ...
//	  end
//	  ...
//	  i32.const 7
//	  local.set $n
//	  br $loop
//
// So do other compilers where control flow is no tree. As long as that block is open the
// jump leads forward: no check is due, and a branch out of the block does the same in less
// time.

// jumps is what is known of such loops in a function.
type jumps struct {
	tables []dispatch
	labels []uint32 // of all tables
	ends   []int    // what the code up to the end of each of the blocks costs, when they have ended
}

// dispatch is a loop that begins with a jump by number.
type dispatch struct {
	local  uint32
	labels []uint32 // the last is for all numbers that have none
	first  int      // place of the outermost block in ends
	blocks int
	seen   int // how many of the blocks have begun
}

// constant is a local that was just set to a number.
type constant struct {
	number uint32
	read   int // where the number's instruction ends
	local  uint32
	end    int // where the instruction that sets the local ends
}

// value takes a number, in LEB128.
func (c *constant) value(leb []byte, end int) {
	var v uint64
	for i, b := range leb {
		v |= uint64(b&0x7f) << (7 * i)
	}
	if last := len(leb) - 1; last >= 0 && leb[last]&0x40 != 0 {
		v |= ^uint64(0) << (7 * len(leb))
	}
	c.number, c.read = uint32(v), end
}

// into takes the local that an instruction from start to end sets.
func (c *constant) into(local uint32, start, end int) {
	if c.read == start {
		c.local, c.end = local, end
	}
}

func (j *jumps) reset() {
	j.tables, j.labels, j.ends = j.tables[:0], j.labels[:0], j.ends[:0]
}

// look returns the place of a new table, from 1, if the code of a loop that r is at begins
// with a jump by number, and 0 if not.
func (j *jumps) look(r *wasmbin.Reader) (place int) {
	ahead := *r
	t := dispatch{first: len(j.ends)}
	op := ahead.Byte()
	for ; op == opBlock && ahead.Byte() == blockTypeVoid; op = ahead.Byte() {
		t.blocks++
	}
	if t.blocks == 0 || op != opLocalGet {
		return 0
	}
	t.local = ahead.U32()
	if ahead.Byte() != opBrTable {
		return 0
	}
	from := len(j.labels)
	for n := ahead.Count(); n >= 0; n-- {
		j.labels = append(j.labels, ahead.U32())
	}
	if ahead.Err() != nil {
		return 0
	}
	t.labels = j.labels[from:]
	j.ends = append(j.ends, make([]int, t.blocks)...)
	j.tables = append(j.tables, t)
	return len(j.tables)
}

// block returns the scope of a block that begins in another one.
func (j *jumps) block(in scope) scope {
	if in.table == 0 {
		return scope{}
	}
	t := &j.tables[in.table-1]
	if t.seen == t.blocks {
		return scope{}
	}
	t.seen++
	return scope{table: in.table, target: t.first + t.seen}
}

// ended takes what the code up to the end of a scope costs.
func (j *jumps) ended(s scope, cost int) {
	if s.target > 0 {
		j.ends[s.target-1] = cost
	}
}

// target returns which block a jump by number leads out of: how many blocks it stands
// inside of its loop, and its place in ends, from 1, or 0 if that is not known.
func (j *jumps) target(loop scope, number constant) (nth, place int) {
	if !loop.loop || loop.table == 0 {
		return 0, 0
	}
	t := &j.tables[loop.table-1]
	if t.local != number.local {
		return 0, 0
	}
	label := t.labels[min(uint64(number.number), uint64(len(t.labels)-1))]
	if label >= uint32(t.blocks) {
		return 0, 0
	}
	nth = t.blocks - int(label)
	return nth, t.first + nth
}
