package meter

import (
	"errors"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// variables numbers what the code of a function gets and sets, as it comes by: locals,
// globals, where memory lies, and addresses of locals in memory. All but locals are an engine's: it
// gets them anew where ways come together, and behind calls.
type variables struct {
	function uint32 // whose they are; a place that bears another's number is not known
	count    int32
	own      []uint64 // the set of those that are locals
	wide     []uint64 // of those of 8 bytes and more
	vector   []uint64 // of those of 16

	groups  []localGroup
	locals  []place // by index
	globals []place // by index
	where   int32   // number of what says where memory lies, and how long it is; -1 if there is none
}

// localGroup is some locals of the same type, the last of which comes before end.
type localGroup struct {
	end   uint32
	slots uint8
}

// place is where a local or a global is known.
type place struct {
	function uint32
	number   int32
	slots    uint8
	address  int32 // number of a local's address in memory, -1 if there is none
	region   int32 // where the address is known
	mark     int32 // after which it was used last
}

// maxLocals is what engines allow.
const maxLocals = 50_000

// reset begins with a function, and reads what locals it declares.
func (v *variables) reset(r *wasmbin.Reader, typ wasmbin.FuncType, globals uint32) {
	v.function++
	v.count, v.where = 0, -1
	v.own, v.wide, v.vector, v.groups = v.own[:0], v.wide[:0], v.vector[:0], v.groups[:0]
	total := uint64(0)
	for _, p := range typ.Params {
		total++
		v.groups = append(v.groups, localGroup{uint32(total), slotsOf(p)})
	}
	for range r.Count() {
		total = min(total+uint64(r.U32()), maxLocals+1)
		v.groups = append(v.groups, localGroup{uint32(total), slotsOf(r.Byte())})
	}
	if total > maxLocals {
		r.Fail(errors.New("a function has too many locals"))
		return
	}
	v.locals, v.globals = longer(v.locals, int(total)), longer(v.globals, int(min(globals, maxGlobals)))
}

// maxGlobals bounds the globals that are told from each other; the others count as one.
const maxGlobals = 1 << 16

func longer(p []place, n int) []place {
	if n <= len(p) {
		return p
	}
	return append(p, make([]place, n-len(p))...)
}

// add numbers a variable.
func (v *variables) add(own bool, slots uint8) int32 {
	n := v.count
	if v.count++; n%64 == 0 {
		v.own, v.wide, v.vector = append(v.own, 0), append(v.wide, 0), append(v.vector, 0)
	}
	bit := uint64(1) << (n % 64)
	if own {
		v.own[n/64] |= bit
	}
	if slots >= slot64 {
		v.wide[n/64] |= bit
	}
	if slots >= slot128 {
		v.vector[n/64] |= bit
	}
	return n
}

// local returns the place of a local, nil if there is none.
func (v *variables) local(r *wasmbin.Reader, i uint32) *place {
	if len(v.groups) == 0 || i >= v.groups[len(v.groups)-1].end {
		r.Fail(errors.New("there is no such local"))
		return nil
	}
	p := &v.locals[i]
	if p.function != v.function {
		slots := v.slotsOf(i)
		*p = place{function: v.function, number: v.add(true, slots), slots: slots, address: -1}
	}
	return p
}

// slotsOf returns what a local that there is takes.
func (v *variables) slotsOf(local uint32) uint8 {
	low, high := 0, len(v.groups)-1
	for low < high {
		if middle := (low + high) / 2; v.groups[middle].end > local {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return v.groups[low].slots
}

// global returns the place of a global, nil if there is none.
func (v *variables) global(r *wasmbin.Reader, i uint32) *place {
	if len(v.globals) == 0 {
		r.Fail(errors.New("there is no such global"))
		return nil
	}
	p := &v.globals[min(int64(i), int64(len(v.globals))-1)]
	if p.function != v.function {
		*p = place{function: v.function, number: v.add(false, slot64), slots: slot64}
	}
	return p
}

// memory returns the number of what says where memory lies, and how long it is.
func (v *variables) memory() int32 {
	if v.where < 0 {
		v.where = v.add(false, slot128)
	}
	return v.where
}

// address returns the number of the address in memory that a local says.
func (v *variables) address(p *place) int32 {
	if p.address < 0 {
		p.address = v.add(false, slot64)
	}
	return p.address
}
