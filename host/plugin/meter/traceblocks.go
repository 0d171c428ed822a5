package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// blockType reads the type of a block: that of a function, or of one result, 0 for none.
func (t *trace) blockType() (typ *wasmbin.FuncType, result byte) {
	start := t.r.Offset()
	t.r.SkipLEB(33)
	b := t.r.Since(start)
	switch {
	case t.r.Err() != nil || len(b) == 1 && b[0] == blockTypeVoid:
		return nil, 0
	case len(b) == 1 && b[0]&0x40 != 0:
		return nil, b[0]
	}
	return t.w.typ(wasmbin.NewReader(b).U32()), 0
}

// begin comes into a block.
func (t *trace) begin(op byte, typ *wasmbin.FuncType, result byte) {
	b := traced{typ: typ, result: result, depth: int32(len(t.open)), around: -1, loop: op == opLoop, choice: op == opIf}
	b.height = int32(max(0, len(t.stack)-len(b.takes())))
	if len(t.open) > 0 {
		at := t.open[len(t.open)-1]
		in := &t.blocks[at]
		if b.around = in.around; in.loop {
			b.around = at
		}
		if op == opBlock && in.table > 0 {
			s := t.jumps.block(scope{table: int(in.table)})
			b.table, b.target = int32(s.table), int32(s.target)
		}
	}
	if op == opLoop {
		t.kept, t.old = min(t.kept, int(b.height)), min(t.old, int(b.height))
		t.region++
		if len(b.takes()) == 0 {
			b.table = int32(t.jumps.look(t.r))
		}
	}
	t.open = append(t.open, int32(len(t.blocks)))
	t.emit(eventBegin, int32(len(t.blocks)))
	t.blocks = append(t.blocks, b)
}

// otherwise comes to the other way of an if.
func (t *trace) otherwise() {
	at := t.open[len(t.open)-1]
	b := &t.blocks[at]
	if t.dead == 0 {
		b.ways++
	}
	b.other, t.dead = true, 0
	t.pop(len(t.stack) - int(b.height))
	t.pushAll(b.takes())
	t.emit(eventElse, at)
}

// end comes out of a block.
func (t *trace) end() {
	at := t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
	b := &t.blocks[at]
	if t.dead == 0 {
		b.ways++
	}
	if b.choice && !b.other {
		b.ways++
	}
	t.dead = 0
	if b.ways == 0 {
		t.dead = 1
	}
	if b.ways > 1 {
		t.region++
	}
	if len(t.open) > 0 {
		t.blocks[t.open[len(t.open)-1]].sets |= b.sets
	}
	t.emit(eventEnd, at)
	t.pop(len(t.stack) - int(b.height))
	if b.typ != nil {
		t.pushAll(b.typ.Results)
	} else if b.result != 0 {
		t.push(slotsOf(b.result), -1)
	}
}

// target returns the block that a label names, the function's for those that name none.
func (t *trace) target(label uint32) int32 {
	return t.open[max(0, int64(len(t.open))-1-int64(label))]
}

// jump is a branch that is always taken.
func (t *trace) jump(start int) {
	at := t.target(t.r.U32())
	if b := &t.blocks[at]; t.set.end == start {
		if nth, target := t.jumps.target(scope{loop: b.loop, table: int(b.table)}, t.set); target > 0 {
			if place := int(b.depth) + nth; place < len(t.open) && int(t.blocks[t.open[place]].target) == target {
				at = t.open[place]
			}
		}
	}
	t.branch(at, eventBranch)
	t.dead = 1
}

// branch leads to the end of a block, or back to a loop: without the host, and with it.
func (t *trace) branch(at int32, kind event) {
	if b := &t.blocks[at]; b.loop {
		b.backs += 2
		t.turns = true
	} else {
		b.ways++
	}
	t.emit(kind, at)
}

// branches is a br_table. An engine has a way of its own for each label.
func (t *trace) branches() {
	t.tables++
	back := int32(-1)
	for n := t.r.Count(); n >= 0 && t.r.Err() == nil; n-- {
		at := t.target(t.r.U32())
		b := &t.blocks[at]
		if b.loop {
			b.backs++
			back = at
		} else {
			b.ways++
		}
		if b.named != t.tables {
			b.named = t.tables
			t.emit(eventMaybe, at)
		}
	}
	if back >= 0 {
		t.blocks[back].backs += 2
		t.turns = true
	}
	last := &t.events[len(t.events)-1]
	*last -= eventMaybe - eventBranch // nothing else comes next
	t.dead = 1
}

// typ returns a type of the module, nil if there is none.
func (w *rewriter) typ(i uint32) *wasmbin.FuncType {
	if int64(i) >= int64(len(w.module.Types)) {
		return nil
	}
	return &w.module.Types[i]
}

// callee returns the type of a function, nil if it has none.
func (w *rewriter) callee(f uint32) *wasmbin.FuncType {
	switch {
	case f < w.imported:
		return w.imports[f]
	case f-w.imported < w.defined:
		return w.typ(w.module.Functions[f-w.imported])
	}
	return nil
}
