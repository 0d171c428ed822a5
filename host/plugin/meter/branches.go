package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// What a function costs is paid at its entry: its dearest way, going forward only. A branch
// back pays for the dearest way from where it leads. So whatever way the code takes is
// paid before it is taken: what it has cost so far is at most the dearest way to where it
// is, which is paid at the entry, and what it has gone back by.
//
// Code that no way leads to costs as if the function began there.

// spent is what the dearest way to here costs, as bytes of code.
func (f *function) spent() int { return f.r.Offset() + f.extra }

// join says that another way leads here, which costs so much.
func (f *function) join(cost int) { f.extra += max(0, cost-f.spent()) }

// leads ends a way. What comes next is reached by others, if at all.
func (f *function) leads() {
	f.most = max(f.most, f.spent())
	f.extra = -f.r.Offset()
}

// forward has the way here lead to the end of a block, too.
func (f *function) forward(block int) {
	s := &f.open[block]
	s.reach = max(s.reach, f.spent())
}

// otherwise begins the second half of an if.
func (f *function) otherwise() {
	innermost := len(f.open) - 1
	f.forward(innermost)
	f.leads()
	f.open[innermost].choice = false
	f.join(f.open[innermost].start)
}

// close ends the innermost block.
func (f *function) close() {
	s := f.open[len(f.open)-1]
	f.join(s.reach)
	if s.choice {
		f.join(s.start)
	}
	f.most = max(f.most, f.spent())
	f.jumps.ended(s, f.spent())
	f.open = f.open[:len(f.open)-1]
}

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
				f.forward(at)
				f.out = wasmbin.AppendU32(append(f.out, op), uint32(len(f.open)-1-at))
				return
			}
			from = f.jumps.ends[target-1]
		}
	}
	price := units(f.spent() - from)
	switch {
	case !loop.loop:
		f.forward(at)
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

// branches writes a br_table. One that may lead back to one loop does so by way of a
// check that the others do not come by: what compilers make of a switch in a loop often names the
// loop for numbers that do not occur. When it may lead back to several, or with values, the
// check stands before it, for the first of them.
func (f *function) branches(start int) {
	f.labels = f.labels[:0]
	for n := f.r.Count(); n >= 0; n-- {
		f.labels = append(f.labels, f.w.index(f.r, "label", uint32(len(f.open))))
	}
	if f.r.Err() != nil {
		return
	}
	var loops int
	var back uint32 // the label of the outermost
	for _, label := range f.labels {
		switch at := len(f.open) - 1 - int(label); {
		case !f.open[at].loop:
			f.forward(at)
		case loops == 0 || label != back:
			loops, back = loops+1, max(back, label)
		}
	}
	if loops == 0 {
		f.out = append(f.out, f.r.Since(start)...)
		return
	}
	loop := f.open[len(f.open)-1-int(back)]
	price := units(f.spent() - loop.start)
	if loops > 1 || loop.params {
		f.chargeFixed(price)
		f.out = append(f.out, f.r.Since(start)...)
		return
	}
	f.aside(back)
	f.again(back, price)
}

// aside writes a br_table of which the label of a loop leads behind it.
func (f *function) aside(loop uint32) {
	f.out = wasmbin.AppendU32(append(f.out, opLocalSet), f.size)
	f.out = append(f.out, opBlock, blockTypeVoid)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
	f.out = wasmbin.AppendU32(append(f.out, opBrTable), uint32(len(f.labels)-1))
	for _, label := range f.labels {
		if label == loop {
			f.out = append(f.out, 0)
			continue
		}
		f.out = wasmbin.AppendU32(f.out, label+1)
	}
	f.out = append(f.out, opEnd)
}
