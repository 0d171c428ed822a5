package match

import (
	"math"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// mod compiles $mod: [divisor, remainder].
func (c *compiler) mod(k call) (node, error) {
	var args []int64
	for elem := range rawjson.Elements(k.arg) {
		n, _, ok := valueOf(elem).truncated()
		if !ok {
			return node{}, k.errorf("$mod needs two numbers")
		}
		args = append(args, n)
	}
	if len(args) != 2 {
		return node{}, k.errorf("$mod needs an array of two numbers: divisor and remainder")
	}
	if args[0] == 0 {
		return node{}, k.errorf("the divisor of $mod must not be 0")
	}
	c.keep(k.name, k.arg)
	return k.with(remainder{args[0], args[1]}), nil
}

type remainder struct{ by, want int64 }

func (t remainder) holds(v value) bool {
	n, _, ok := v.truncated()
	if !ok {
		return false
	}
	if t.by == -1 { // the one division that overflows
		return t.want == 0
	}
	return n%t.by == t.want
}

// bits compiles the $bits family: a mask, or an array of bit positions.
func (c *compiler) bits(k call) (node, error) {
	t := bitTest{set: k.name == "$bitsAllSet" || k.name == "$bitsAnySet",
		all: k.name == "$bitsAllSet" || k.name == "$bitsAllClear"}
	if !rawjson.IsArray(k.arg) {
		n, whole, ok := valueOf(k.arg).truncated()
		if !ok || !whole || n < 0 {
			return node{}, k.errorf("%s needs a whole number from 0, or an array of bit positions", k.name)
		}
		t.mask = uint64(n)
	}
	for elem := range rawjson.Elements(k.arg) {
		n, ok := integer(elem)
		if !ok || n < 0 || n > math.MaxInt32 {
			return node{}, k.errorf("%s needs bit positions from 0", k.name)
		}
		t.mask |= 1 << min(n, 63) // bits above are copies of the sign
	}
	c.keep(k.name, k.arg)
	return k.with(t), nil
}

// bitTest looks at the bits of a whole number in two's complement.
type bitTest struct {
	mask     uint64
	set, all bool
}

func (t bitTest) holds(v value) bool {
	n, whole, ok := v.truncated()
	if !ok || !whole {
		return false
	}
	bits := uint64(n)
	if !t.set {
		bits = ^bits
	}
	if t.all {
		return bits&t.mask == t.mask
	}
	return bits&t.mask != 0
}
