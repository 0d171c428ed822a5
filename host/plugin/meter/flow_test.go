package meter_test

// flow says where the branches of a function lead.
type flow struct {
	ops  []op
	ends []int   // of the block that begins at an instruction, where its end stands
	open [][]int // of a branch, where the blocks around it begin, the function itself first, as -1

	// forward are branches to the head of a loop that says at once, by a number just
	// set, to go on behind the end of a block that is still open: by which label
	// that end is reached. later are those whose block has ended before, with where.
	forward map[int]uint64
	later   map[int]int

	elses, ifs map[int]int // of an if, where its else stands, and the other way
}

func follows(ops []op) *flow {
	f := &flow{ops: ops, ends: make([]int, len(ops)), open: make([][]int, len(ops)), forward: map[int]uint64{}, later: map[int]int{}, elses: map[int]int{}, ifs: map[int]int{}}
	around := []int{-1}
	for j, o := range ops {
		switch o.code {
		case opBlock, opLoop, opIf:
			around = append(around, j)
		case opElse:
			f.elses[around[len(around)-1]], f.ifs[j] = j, around[len(around)-1]
		case opEnd:
			if begin := around[len(around)-1]; begin >= 0 {
				f.ends[begin] = j
			}
			around = around[:len(around)-1]
		case opBr, opBrIf, opBrTable:
			f.open[j] = append([]int(nil), around...)
		}
	}
	for j := range ops {
		f.jump(j)
	}
	return f
}

// label returns where the block begins that a label of a branch means.
func (f *flow) label(branch int, label uint64) int {
	return f.open[branch][len(f.open[branch])-1-int(label)]
}

// jump finds out whether a branch is a jump by a number.
func (f *flow) jump(j int) {
	if j < 2 || f.ops[j].code != opBr || f.ops[j-1].code != opLocalSet || f.ops[j-2].code != opI32Const {
		return
	}
	loop := f.label(j, f.ops[j].first())
	if loop < 0 || f.ops[loop].code != opLoop || f.ops[loop].first() != void {
		return
	}
	table := loop + 1
	for f.ops[table].same(op{code: opBlock, imm: []uint64{void}}) {
		table++
	}
	if f.ops[table].code != opLocalGet || f.ops[table].first() != f.ops[j-1].first() || f.ops[table+1].code != opBrTable {
		return
	}
	labels := f.ops[table+1].imm
	label := labels[min(uint64(uint32(f.ops[j-2].first())), uint64(len(labels)-1))]
	block := table - 1 - int(label)
	if block <= loop {
		return
	}
	if f.ends[block] < j {
		f.later[j] = f.ends[block] + 1
		return
	}
	for depth, begin := range f.open[j] {
		if begin == block {
			f.forward[j] = uint64(len(f.open[j]) - 1 - depth)
		}
	}
}

// back reports whether a branch may lead back, and to which instruction it may at
// the earliest.
func (f *flow) back(j int) (to int, back bool) {
	if f.open[j] == nil {
		return 0, false
	}
	if _, forward := f.forward[j]; forward {
		return 0, false
	}
	if to, ok := f.later[j]; ok {
		return to, true
	}
	labels := f.ops[j].imm
	for _, label := range labels {
		if begin := f.label(j, label); begin >= 0 && f.ops[begin].code == opLoop && (!back || begin+1 < to) {
			to, back = begin+1, true
		}
	}
	return to, back
}

// next returns which instructions may come after one, but for those that it leads back
// to; behind the last one stands the end of the function.
func (f *flow) next(j int) (to []int) {
	o := f.ops[j]
	switch o.code {
	case opReturn, opUnreachable:
		return nil
	case opElse: // after the first half
		return []int{f.ends[f.ifs[j]] + 1}
	case opIf:
		if otherwise, ok := f.elses[j]; ok {
			return []int{j + 1, otherwise + 1}
		}
		return []int{j + 1, f.ends[j] + 1}
	case opBr, opBrIf, opBrTable:
		labels := o.imm
		if label, ok := f.forward[j]; ok {
			labels = []uint64{label}
		}
		for _, label := range labels {
			if begin := f.label(j, label); begin < 0 {
				to = append(to, len(f.ops))
			} else if f.ops[begin].code != opLoop {
				to = append(to, f.ends[begin]+1)
			}
		}
		if o.code != opBrIf {
			return to
		}
	}
	return append(to, j+1)
}

// ways returns what the dearest way to each instruction costs that never leads back, and
// to the end, when each instruction costs so much; and what the dearest of all ways
// costs. What no way leads to counts as if the function began there.
func (f *flow) ways(costs []int) (to []int, dearest int) {
	to = make([]int, len(costs)+1)
	for j, cost := range costs {
		dearest = max(dearest, to[j]+cost)
		for _, n := range f.next(j) {
			to[n] = max(to[n], to[j]+cost)
		}
	}
	return to, dearest
}
