package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// What values take, in slots.
const (
	slotSize = 4 // bytes

	slotNone = 0 // a constant, which an engine makes anew where it is used
	slot32   = 1
	slot64   = 2 // also a reference
	slot128  = 4
)

// slots returns what a value of a type takes.
func slotsOf(t byte) uint8 {
	switch t {
	case wasmbin.I32, wasmbin.F32:
		return slot32
	case typeV128:
		return slot128
	}
	return slot64
}

// effect is what a plain instruction does to the operands: what its result takes, 0 if it
// has none, in the lowest bits, how many it takes, times 8, and whether it makes a float or a vector.
type effect uint8

const effectFloat effect = 0x40

func of(takes int, gives uint8) effect { return effect(takes<<3) | effect(gives) }

func (e effect) takes() int   { return int(e>>3) & 7 }
func (e effect) gives() uint8 { return uint8(e & 7) }
func (e effect) floats() int  { return int(e>>6) & 1 }

// manyFloats is how many instructions of a function may make floats and vectors until it is taken to use
// the registers that it has to save.
const manyFloats = 8

// effects of the instructions of one byte that are neither control, nor calls, nor
// about variables.
var effects = func() (t [256]effect) {
	set := func(from, to int, e effect) {
		for op := from; op <= to; op++ {
			t[op] = e
		}
	}
	set(0x1a, 0x1a, of(1, slotNone)) // drop
	set(0x25, 0x25, of(1, slot64))   // table.get
	set(0x26, 0x26, of(2, slotNone)) // table.set
	set(0x28, 0x35, of(1, slot64))   // loads
	for _, op := range []int{0x28, 0x2a, 0x2c, 0x2d, 0x2e, 0x2f} {
		t[op] = of(1, slot32)
	}
	set(0x36, 0x3e, of(2, slotNone)) // stores
	set(0x3f, 0x3f, of(0, slot32))   // memory.size
	set(0x45, 0x66, of(2, slot32))   // comparisons
	set(0x67, 0x78, of(2, slot32))   // i32
	set(0x79, 0x8a, of(2, slot64))   // i64
	set(0x8b, 0x98, of(2, slot32))   // f32
	set(0x99, 0xa6, of(2, slot64))   // f64
	for _, op := range []int{0x45, 0x50, 0x67, 0x68, 0x69, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91} {
		t[op] = of(1, slot32) // eqz, clz, ctz, popcnt, abs to sqrt
	}
	for _, op := range []int{0x79, 0x7a, 0x7b, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f} {
		t[op] = of(1, slot64)
	}
	set(0xa7, 0xc4, of(1, slot64)) // conversions
	for _, op := range []int{0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xbc, 0xbe, 0xc0, 0xc1} {
		t[op] = of(1, slot32)
	}
	set(0xd1, 0xd1, of(1, slot32)) // ref.is_null
	for op := range t {
		if op == 0x2a || op == 0x2b || op >= 0x8b && op <= 0xa6 || op >= 0xb2 && op <= 0xbf {
			t[op] |= effectFloat
		}
	}
	return t
}()

// vectorEffects are those of the vector instructions.
var vectorEffects = func() (t [256]effect) {
	set := func(from, to int, e effect) {
		for op := from; op <= to; op++ {
			t[op] = e
		}
	}
	one := func(ops ...int) {
		for _, op := range ops {
			t[op] = of(1, slot128)
		}
	}
	set(0, 255, of(2, slot128))
	one(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) // loads
	set(11, 11, of(2, slotNone))          // store
	set(12, 12, of(0, slot128))           // constant
	one(15, 16, 17, 18, 19, 20)           // splats
	set(21, 33, of(1, slot32))            // lanes of 32 bits and less
	set(29, 29, of(1, slot64))            // i64
	set(33, 33, of(1, slot64))            // f64
	for _, op := range []int{23, 26, 28, 30, 32, 34} {
		t[op] = of(2, slot128)
	}
	one(77, 92, 93, 94, 95, 96, 97, 98, 103, 104, 105, 106, 116, 117, 122, 124, 125, 126, 127)
	one(128, 129, 135, 136, 137, 138, 148, 160, 161, 167, 168, 169, 170, 192, 193, 199, 200, 201, 202)
	one(224, 225, 227, 236, 237, 239, 248, 249, 250, 251, 252, 253, 254, 255)
	set(82, 82, of(3, slot128)) // bitselect
	for _, op := range []int{83, 99, 100, 131, 132, 163, 164, 195, 196} {
		t[op] = of(1, slot32) // any_true, all_true, bitmask
	}
	set(88, 91, of(2, slotNone)) // stores of lanes
	for op := range t {
		t[op] |= effectFloat
	}
	return t
}()

// miscEffects are those of the instructions of the prefix 0xfc.
var miscEffects = [...]effect{
	of(1, slot32), of(1, slot32), of(1, slot32), of(1, slot32), of(1, slot64), of(1, slot64), of(1, slot64), of(1, slot64),
	of(3, slotNone), 0, of(3, slotNone), of(3, slotNone), of(3, slotNone), 0, of(3, slotNone), of(2, slot32), of(0, slot32), of(3, slotNone),
}
