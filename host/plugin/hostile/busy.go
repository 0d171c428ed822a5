package hostile

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// busy modules take time or memory, in all the ways there are.
func busy() []Module {
	late := []string{"did not finish", "limits.timeout"}
	module := func(name string, told []string, bytes []byte) Module {
		return Module{Name: name, Bytes: bytes, File: concerned, Told: told}
	}
	return []Module{
		module("loops for ever", late, inbound(nil, forever())),
		module("calls a tree of functions without a loop", late, callTree()),
		module("recurses without end", []string{"recursed deeper than 4096 KiB of stack (limits.stackKiB)|did not finish"}, inbound(nil, asm.I32Const(0), asm.Call(2), asm.Drop, pass)),
		module("grows its memory for ever", late, inbound(nil, forever(asm.I32Const(1), asm.MemoryGrow, asm.Drop))),
		{Name: "grows its memory until it cannot, and traps", File: concerned, Timeout: "2s", Told: []string{"trapped"},
			Bytes: inbound(nil, asm.LoopVoid, asm.I32Const(1), asm.MemoryGrow, asm.I32Const(-1), i32Ne, asm.BrIf(0), asm.End, asm.Unreachable)},
		module("fills all its memory for ever", late, inbound(nil,
			asm.I32Const(1<<10), asm.MemoryGrow, asm.Drop,
			asm.I32Const(120), asm.MemoryGrow, asm.Drop,
			forever(asm.I32Const(0), asm.I32Const(1), memorySize, asm.I32Const(16), i32Shl, asm.MemoryFill))),
		module("grows a table for ever", late, tables()),
		module("takes nearly all of its time, each time", nil, spins(8_000_000)),
	}
}

// callTree calls 2^40 functions, none of which has a loop.
func callTree() []byte {
	const depth = 40
	w := &writer{}
	w.begin(1)
	w.on(abi.ExportInbound, asm.Call(3), pass)
	for n := range uint32(depth) {
		w.Func("", asm.None, asm.None, nil, asm.Call(4+n), asm.Call(4+n))
	}
	w.Func("", asm.None, asm.None, nil, asm.Nop)
	return w.Bytes()
}

func tables() []byte {
	w := &writer{}
	w.begin(1)
	w.on(abi.ExportInbound, forever(tableGrow, asm.Drop))
	w.Table(1)
	return w.Bytes()
}

// spins makes a module that counts to turns and passes.
func spins(turns int32) []byte {
	return inbound(nil,
		asm.I32Const(turns), asm.LocalSet(1),
		asm.LoopVoid, asm.LocalGet(1), asm.I32Const(1), asm.I32Sub, asm.LocalSet(1), asm.LocalGet(1), asm.BrIf(0), asm.End, pass)
}
