package meter_test

import (
	"encoding/binary"
	"slices"
)

// What the proof looks at, by the numbers of the specification.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelect       = 0x1b
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI64Const     = 0x42
	opI32Const     = 0x41
	opI32LtU       = 0x49
	opI64LtS       = 0x53
	opI64GeS       = 0x59
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opRefFunc      = 0xd2
	void           = 0x40
)

// What the size of an operation counts.
const (
	bytesOfMemory = iota + 1
	elements
	newElements
	pages
)

// sized are the operations whose cost depends on their last operand.
var sized = map[uint32]int{
	0x40:    pages,         // memory.grow
	0xfc_08: bytesOfMemory, // memory.init
	0xfc_0a: bytesOfMemory, // memory.copy
	0xfc_0b: bytesOfMemory, // memory.fill
	0xfc_0c: elements,      // table.init
	0xfc_0e: elements,      // table.copy
	0xfc_0f: newElements,   // table.grow
	0xfc_11: elements,      // table.fill
}

// op is one decoded instruction: its number, after a prefix with that above it,
// the numbers that follow, and bytes that are none.
type op struct {
	code uint32
	imm  []uint64
	raw  []byte
	at   int // its offset
}

func (o op) first() uint64 {
	if len(o.imm) == 0 {
		return 0
	}
	return o.imm[0]
}

func (o op) same(p op) bool {
	return o.code == p.code && slices.Equal(o.imm, p.imm) && slices.Equal(o.raw, p.raw)
}

// decoder reads valid code.
type decoder struct {
	b  []byte
	at int
}

func (d *decoder) byte() byte {
	d.at++
	return d.b[d.at-1]
}

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.b[d.at:])
	d.at += n
	return v
}

func (d *decoder) signed() uint64 {
	var v int64
	for shift := 0; ; shift += 7 {
		c := d.byte()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if shift < 57 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return uint64(v)
		}
	}
}

func (d *decoder) take(n int) []byte {
	d.at += n
	return d.b[d.at-n : d.at]
}

// decode reads a function's body: its instructions, and how many locals it
// declares.
func decode(body []byte) (ops []op, locals uint32) {
	d := &decoder{b: body}
	for n := d.unsigned(); n > 0; n-- {
		locals += uint32(d.unsigned())
		d.byte()
	}
	for d.at < len(body) {
		ops = append(ops, d.instruction())
	}
	return ops, locals
}

func (d *decoder) instruction() op {
	o := op{at: d.at}
	o.code = uint32(d.byte())
	if o.code == 0xfc || o.code == 0xfd {
		o.code = o.code<<8 | uint32(d.unsigned())
	}
	numbers := 0
	switch c := o.code; {
	case c == opBlock, c == opLoop, c == opIf:
		if o.imm = []uint64{d.signed()}; int64(o.imm[0]) < 0 {
			o.imm[0] &= 0x7f // a value type, or void
		}
	case c == 0x41, c == 0x42:
		o.imm = []uint64{d.signed()}
	case c == 0x43:
		o.raw = d.take(4)
	case c == 0x44:
		o.raw = d.take(8)
	case c == 0x0e: // br_table
		numbers = int(d.unsigned()) + 1
	case c == 0x1c: // select with types
		o.raw = d.take(int(d.unsigned()))
	case c >= 0xfd00:
		numbers = d.vector(&o)
	default:
		numbers = follow[c]
		if c >= 0x28 && c <= 0x3e {
			numbers = 2
		}
	}
	for range numbers {
		o.imm = append(o.imm, d.unsigned())
	}
	if lane := o.code - 0xfd00; o.code >= 0xfd00 && lane >= 84 && lane <= 91 {
		o.raw = d.take(1)
	}
	return o
}

// follow is how many numbers follow an instruction, if any.
var follow = map[uint32]int{
	0x0c: 1, 0x0d: 1, opCall: 1, opCallIndirect: 2,
	0x20: 1, 0x21: 1, 0x22: 1, 0x23: 1, 0x24: 1, 0x25: 1, 0x26: 1,
	0x3f: 1, 0x40: 1, 0xd0: 1, 0xd2: 1,
	0xfc_08: 2, 0xfc_09: 1, 0xfc_0a: 2, 0xfc_0b: 1, 0xfc_0c: 2, 0xfc_0d: 1, 0xfc_0e: 2, 0xfc_0f: 1, 0xfc_10: 1, 0xfc_11: 1,
}

// vector reads what follows a vector instruction before its numbers, and returns
// how many these are.
func (d *decoder) vector(o *op) (numbers int) {
	switch c := o.code - 0xfd00; {
	case c <= 11, c >= 84 && c <= 93:
		return 2
	case c == 12, c == 13:
		o.raw = d.take(16)
	case c >= 21 && c <= 34:
		o.raw = d.take(1)
	}
	return 0
}
