package meter_test

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// valuesAcrossCalls returns how many bytes those values take that a function's locals have while it calls others,
// each counted once: an engine has to keep them in the stack, each in its own place. It finds them
// in its own, slow way: which assignment, or which place where ways come together, a local has its
// value from at each instruction, again and again until nothing changes. It knows nothing of functions that
// would take too long.
func valuesAcrossCalls(f *flow, t wasmbin.FuncType, locals []byte) (size int) {
	types := append(append([]byte(nil), t.Params...), locals...)
	if len(types) == 0 || (len(f.ops)+1)*len(types) > 60_000 {
		return 0
	}
	v := &valueFlow{flow: f, types: types, params: len(t.Params)}
	v.connect()
	if !v.settle() {
		return 0
	}
	live := v.living()
	seen := map[int]bool{}
	for j, o := range f.ops {
		if (o.code != opCall && o.code != opCallIndirect) || v.at(j) == nil {
			continue
		}
		for x, value := range v.at(j) {
			if live[(j+1)*len(types)+x] && value != constantValue && !seen[value] {
				seen[value] = true
				size += engineSize(types[x])
			}
		}
	}
	return size
}

// engineSize is what a value takes in an engine's stack.
func engineSize(t byte) int {
	if t == wasmbin.I32 || t == wasmbin.F32 {
		return 4
	}
	return width(t)
}

// Values are named by the instruction that assigns them, from 1, or by the instruction and the local that gets
// one of several there, behind all those; parameters come last.
const constantValue = -1

type valueFlow struct {
	*flow
	types  []byte
	params int
	to     [][]int
	from   [][]int
	values [][]int // by instruction, before it: what each local has; nil where nothing leads to
}

func (v *valueFlow) at(j int) []int { return v.values[j] }

// connect finds out which instructions may come after which.
func (v *valueFlow) connect() {
	n := len(v.ops) + 1
	v.to, v.from, v.values = make([][]int, n), make([][]int, n), make([][]int, n)
	for j, o := range v.ops {
		v.to[j] = append(v.to[j], v.next(j)...)
		if _, forward := v.forward[j]; v.open[j] != nil && !forward {
			for _, label := range o.imm {
				if begin := v.label(j, label); begin >= 0 && v.ops[begin].code == opLoop {
					v.to[j] = append(v.to[j], begin+1)
				}
			}
		}
		for _, to := range v.to[j] {
			v.from[to] = append(v.from[to], j)
		}
	}
}

// settle finds the values, and reports whether it came to an end.
func (v *valueFlow) settle() bool {
	first := make([]int, len(v.types))
	for x := range first {
		first[x] = constantValue
		if x < v.params {
			first[x] = (len(v.ops)+3)*(len(v.types)+1) + x
		}
	}
	v.values[0] = first
	for range 50 {
		changed := false
		for j := 1; j < len(v.values); j++ {
			changed = v.meet(j) || changed
		}
		if !changed {
			return true
		}
	}
	return false
}

// meet works out what locals have before an instruction, and reports whether that is new.
func (v *valueFlow) meet(j int) (changed bool) {
	var all []int
	for x := range v.types {
		own := (j+1)*(len(v.types)+1) + x + 1
		value, many := 0, false
		for _, from := range v.from[j] {
			if v.values[from] == nil {
				continue
			}
			after := v.after(from, x)
			switch {
			case after == own:
			case value == 0:
				value = after
			case value != after:
				many = true
			}
		}
		if many {
			value = own
		}
		if value == 0 {
			return false
		}
		all = append(all, value)
	}
	for x, value := range all {
		if v.values[j] == nil || v.values[j][x] != value {
			v.values[j] = all
			return true
		}
	}
	return false
}

// after returns what a local has after an instruction. Only what is certainly no constant counts as a value.
func (v *valueFlow) after(j, x int) int {
	o := v.ops[j]
	if (o.code != opLocalSet && o.code != opLocalTee) || o.first() != uint64(x) {
		return v.values[j][x]
	}
	if made := v.ops[j-1].code; made >= 0x28 && made <= 0x35 || made >= 0x45 && made <= 0xc4 {
		return (j + 1) * (len(v.types) + 1) // the place of no local
	}
	return constantValue
}

// living returns, for each instruction and local, whether what the local has before it is got later.
func (v *valueFlow) living() []bool {
	n := len(v.types)
	live := make([]bool, len(v.values)*n)
	for changed := true; changed; {
		changed = false
		for j := len(v.ops) - 1; j >= 0; j-- {
			o := v.ops[j]
			for x := range n {
				is := o.code == opLocalGet && o.first() == uint64(x)
				if !is && !((o.code == opLocalSet || o.code == opLocalTee) && o.first() == uint64(x)) {
					for _, to := range v.to[j] {
						is = is || live[to*n+x]
					}
				}
				if is && !live[j*n+x] {
					live[j*n+x], changed = true, true
				}
			}
		}
	}
	return live
}
