package meter

import (
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// Instructions that are written or looked at.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelect       = 0x1b
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Load      = 0x28
	opI64Store32   = 0x3e
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opI32LeU       = 0x4d
	opI32LtU       = 0x49
	opI32LtS       = 0x48
	opI64LtS       = 0x53
	opI64LtU       = 0x54
	opI64GtU       = 0x56
	opI64GeS       = 0x59
	opI64Add       = 0x7c
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32DivS      = 0x6d
	opI32RemU      = 0x70
	opI64Sub       = 0x7d
	opI64DivS      = 0x7f
	opI64RemU      = 0x82
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opF32Sqrt      = 0x91
	opF32Div       = 0x95
	opF64Sqrt      = 0x9f
	opF64Div       = 0xa3
	opI64ExtendU   = 0xad
	opLastNumeric  = 0xc4
	opRefFunc      = 0xd2
	opPrefixMisc   = 0xfc
	opPrefixSIMD   = 0xfd
	blockTypeVoid  = 0x40

	miscMemoryInit = 8
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

// What follows an opcode.
const (
	immUnknown = iota
	immNone
	immBlock  // block type
	immIndex  // one u32
	immIndex2 // two u32, also a memory argument
	immTable  // vector of u32 and one u32
	immTypes  // vector of bytes
	immByte
	immI32
	immI64
	immF32
	immF64
	immPrefix // a number that says what it is
)

// immediates says what follows each opcode of WebAssembly 2.0.
var immediates = func() (t [256]byte) {
	set := func(from, to int, class byte) {
		for op := from; op <= to; op++ {
			t[op] = class
		}
	}
	set(0x00, 0x01, immNone)  // unreachable, nop
	set(0x02, 0x04, immBlock) // block, loop, if
	set(0x05, 0x05, immNone)  // else
	set(0x0b, 0x0b, immNone)  // end
	set(0x0c, 0x0d, immIndex) // br, br_if
	set(0x0e, 0x0e, immTable) // br_table
	set(0x0f, 0x0f, immNone)  // return
	set(0x10, 0x10, immIndex) // call
	set(0x11, 0x11, immIndex2)
	set(0x1a, 0x1b, immNone)   // drop, select
	set(0x1c, 0x1c, immTypes)  // select with types
	set(0x20, 0x26, immIndex)  // locals, globals, table.get, table.set
	set(0x28, 0x3e, immIndex2) // loads and stores
	set(0x3f, 0x40, immIndex)  // memory.size, memory.grow
	set(0x41, 0x41, immI32)
	set(0x42, 0x42, immI64)
	set(0x43, 0x43, immF32)
	set(0x44, 0x44, immF64)
	set(0x45, 0xc4, immNone)  // comparisons, arithmetic, conversions
	set(0xd0, 0xd0, immByte)  // ref.null
	set(0xd1, 0xd1, immNone)  // ref.is_null
	set(0xd2, 0xd2, immIndex) // ref.func
	set(0xfc, 0xfd, immPrefix)
	return t
}()

// skip reads over what follows an opcode without a prefix.
func skip(r *wasmbin.Reader, op, class byte) {
	switch class {
	case immNone:
	case immBlock:
		r.SkipLEB(33)
	case immIndex:
		r.U32()
	case immIndex2:
		r.U32()
		r.U32()
	case immTable:
		for n := r.Count(); n >= 0 && r.Err() == nil; n-- {
			r.U32()
		}
	case immTypes:
		r.Bytes(r.U32())
	case immByte:
		r.Byte()
	case immI32:
		r.SkipLEB(32)
	case immI64:
		r.SkipLEB(64)
	case immF32:
		r.Bytes(4)
	case immF64:
		r.Bytes(8)
	case immPrefix:
		if op == opPrefixSIMD {
			skipVector(r, r.U32())
		} else {
			skipMisc(r)
		}
	default:
		r.Fail(&UnknownError{fmt.Sprintf("instruction 0x%x", op), proposal(op)})
	}
}

// skipMisc reads over an instruction of the prefix 0xfc and returns its number.
func skipMisc(r *wasmbin.Reader) uint32 {
	sub := r.U32()
	switch {
	case sub <= 7: // saturating conversions
	case sub == 9 || sub == 11 || sub == 13 || sub >= 15 && sub <= 17:
		r.U32()
	case sub == 8 || sub == 10 || sub == 12 || sub == 14:
		r.U32()
		r.U32()
	default:
		r.Fail(&UnknownError{What: fmt.Sprintf("instruction 0xfc %d", sub)})
	}
	return sub
}

// skipVector reads over what follows the number of an instruction of the prefix 0xfd.
func skipVector(r *wasmbin.Reader, sub uint32) {
	switch {
	case sub <= 11 || sub == 92 || sub == 93: // loads and stores
		r.U32()
		r.U32()
	case sub == 12 || sub == 13: // constants, shuffles
		r.Bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		r.Byte()
	case sub >= 84 && sub <= 91: // loads and stores of lanes
		r.U32()
		r.U32()
		r.Byte()
	case sub <= 255:
	default:
		r.Fail(&UnknownError{fmt.Sprintf("instruction 0xfd %d", sub), RelaxedSIMD})
	}
}
