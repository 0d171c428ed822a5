package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// enter writes the check of a function's entry, and returns where its price stands in
// out, which is known only at the function's end.
func (f *function) enter() (price int) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = append(f.out, opI64Const)
	price = len(f.out)
	f.out = append(f.out, make([]byte, padded)...)
	f.settle(false)
	return price
}

// again writes a branch to the head of a loop, with the check of a turn of so many
// units. The branch is taken before the host may be called, so that what a turn leaves
// behind stays in registers.
func (f *function) again(label uint32, units int64) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = appendSigned(append(f.out, opI64Const), units)
	f.out = wasmbin.AppendU32(append(f.out, opI64Sub, opLocalTee), f.left)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	f.out = append(f.out, opI64Const, 0, opI64GeS)
	f.out = wasmbin.AppendU32(append(f.out, opBrIf), label)
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opI64Add, opGlobalSet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opBr), label)
}

// chargeFixed writes the check with this price.
func (f *function) chargeFixed(units int64) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = appendSigned(append(f.out, opI64Const), units)
	f.settle(false)
}

// chargeOperand writes the check with a price that the i32 on top of the stack
// says, shifted; the operand stays where it is. It counts for most at most, which
// is 0 for operations that trap when it is too much.
func (f *function) chargeOperand(shift byte, by, most int64) {
	f.out = wasmbin.AppendU32(append(f.out, opLocalTee), f.size)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
	if most > 0 {
		f.out = appendSigned(append(f.out, opI32Const), most)
		f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
		f.out = appendSigned(append(f.out, opI32Const), most)
		f.out = append(f.out, opI32LtU, opSelect)
	}
	f.out = appendSigned(append(f.out, opI64ExtendU, opI64Const), by)
	f.out = append(f.out, shift)
	f.settle(true)
}

// settle subtracts the price on top of the stack from the fuel below it, and
// calls the host when nothing is left. What is owed is taken from the next slice;
// when it may be many slices, the host is called until it is paid.
//
// That nothing is to be done comes first, since wazero gives registers in the order of
// the code: what goes on after a call of the host would find them empty on either way.
func (f *function) settle(much bool) {
	f.out = wasmbin.AppendU32(append(f.out, opI64Sub, opLocalTee), f.left)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.fuel)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	f.out = append(f.out, opI64Const, 0, opI64GeS, opIf, blockTypeVoid, opElse)
	if much {
		f.out = append(f.out, opLoop, blockTypeVoid)
	}
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	f.out = append(f.out, opI64Add)
	if much {
		f.out = wasmbin.AppendU32(append(f.out, opLocalTee), f.left)
		f.out = append(f.out, opI64Const, 0, opI64LtS, opBrIf, 0, opEnd)
		f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.left)
	}
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.fuel)
	f.out = append(f.out, opEnd)
}

// chargeMisc prices bulk operations by their last operand, the size.
func (f *function) chargeMisc(sub uint32) {
	switch sub {
	case miscMemoryInit, miscMemoryCopy, miscMemoryFill:
		f.chargeOperand(opI64ShrU, bulkShift, 0)
	case miscTableInit, miscTableCopy, miscTableFill:
		f.chargeOperand(opI64ShrU, tableShift, 0)
	case miscTableGrow:
		f.chargeOperand(opI64ShrU, 0, MaxGrown) // a unit for each, since all are copied again and again
	}
}
