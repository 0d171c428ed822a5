package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// What a function costs is paid at its entry as if each instruction ran once, and a branch
// back pays for what lies between. So whatever way the code takes is paid before it is
// taken: it goes forward for no more than the function is long and it has gone back.

// loop begins a loop.
func (f *function) loop(start int) {
	params := f.blockType()
	f.out = append(f.out, f.r.Since(start)...)
	s := scope{loop: true, params: params, start: f.spent()}
	if !params {
		s.table = f.jumps.look(f.r)
	}
	f.open = append(f.open, s)
}

// branch writes a branch out of blocks, or back to the head of a loop.
func (f *function) branch(op byte, start int) {
	label := f.w.index(f.r, "label", uint32(len(f.open)))
	if f.r.Err() != nil {
		return
	}
	at := len(f.open) - 1 - int(label)
	loop := f.open[at]
	from := loop.start
	if op == opBr && f.set.end == start {
		if nth, target := f.jumps.target(loop, f.set); target > 0 {
			if at += nth; at < len(f.open) && f.open[at].target == target {
				f.out = wasmbin.AppendU32(append(f.out, op), uint32(len(f.open)-1-at))
				return
			}
			from = f.jumps.ends[target-1]
		}
	}
	price := units(f.spent() - from)
	switch {
	case !loop.loop:
		f.out = wasmbin.AppendU32(append(f.out, op), label)
	case op == opBr:
		f.again(label, price)
	case loop.params: // they stand below the condition
		f.chargeFixed(price)
		f.out = wasmbin.AppendU32(append(f.out, op), label)
	default:
		f.out = append(f.out, opIf, blockTypeVoid)
		f.again(label+1, price)
		f.out = append(f.out, opEnd)
	}
}

// branches writes a br_table, with a check for the first of the loops that it may lead
// back to.
func (f *function) branches(start int) {
	from, back := 0, false
	for n := f.r.Count(); n >= 0; n-- {
		label := f.w.index(f.r, "label", uint32(len(f.open)))
		if f.r.Err() != nil {
			return
		}
		if s := f.open[len(f.open)-1-int(label)]; s.loop && (!back || s.start < from) {
			from, back = s.start, true
		}
	}
	if back {
		f.chargeFixed(units(f.spent() - from))
	}
	f.out = append(f.out, f.r.Since(start)...)
}
