package hostile

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// curious modules look for what is others'. They say so (Seen) if they find it.
func curious() []Module {
	module := func(name string, bytes []byte, told ...string) Module {
		return Module{Name: name, File: concerned, Bytes: bytes, Told: told}
	}
	sprayer := module("looks for what other instances left in memory, and leaves something", sprays(), "trapped")
	sprayer.Twin, sprayer.Timeout = true, "2s"
	return []Module{
		sprayer,
		module("reads the documents of others", reads()),
		module("writes and removes the documents of others", writes()),
		module("reads the clock for ever", clocks(), "did not finish", "limits.timeout"),
		{Name: "asks for sessions without a grant", File: concerned, Refused: true, Restless: true, Told: []string{"session_get", "grant"},
			Bytes: calling(abi.ImportSessionGet, nil, func(uint32) []byte { return pass })},
	}
}

// sprays takes all the memory there is, looks through it for bytes that it did not
// write, fills it with bytes that another instance would find, and traps.
func sprays() []byte {
	const from, step = scratch, 1024
	end := asm.Join(memorySize, asm.I32Const(16), i32Shl)
	return inbound([]byte(Seen),
		asm.I32Const(120), asm.MemoryGrow, asm.Drop, // in one step: each copies what there is, and the time is short
		asm.I32Const(from), asm.LocalSet(1),
		asm.LoopVoid,
		asm.LocalGet(1), i32Load8, when(saysSeen),
		asm.LocalGet(1), asm.I32Const(step), asm.I32Add, asm.LocalSet(1),
		asm.LocalGet(1), end, i32LtU, asm.BrIf(0), asm.End,
		asm.I32Const(from), asm.I32Const(0xa5), end, asm.I32Const(from), asm.I32Sub, asm.MemoryFill,
		asm.Unreachable)
}

// reads asks for the secret in every way that it has.
func reads() []byte {
	one := record(abi.Record{Kind: abi.KindRequest, Action: abi.ActionGet, Path: []byte(Secret)})
	all := record(abi.Record{Kind: abi.KindRequest, Action: abi.ActionGet, Path: []byte("/good/*")})
	w := &writer{}
	get, count, find, next := w.host(abi.ImportGet), w.host(abi.ImportCount), w.host(abi.ImportFind), w.host(abi.ImportNext)
	w.begin(8)
	at := func(rec []byte, place int32) []byte {
		return asm.Join(asm.I32Const(place), asm.I32Const(int32(len(rec))))
	}
	found := asm.Join(asm.I32Const(0), []byte{0x4a}, when(saysSeen)) // i32.gt_s
	w.on(abi.ExportInbound,
		at(one, scratch), asm.I32Const(scratch+4096), asm.I32Const(4096), asm.Call(get), found,
		at(one, scratch), asm.Call(count), found,
		at(all, scratch+1024), asm.Call(count), found,
		at(all, scratch+1024), asm.Call(find), asm.LocalSet(1),
		asm.LocalGet(1), asm.I32Const(scratch+4096), asm.I32Const(4096), asm.Call(next), found,
		pass)
	w.Data(scratch, one)
	w.Data(scratch+1024, all)
	w.Data(output, []byte(Seen))
	return w.Bytes()
}

// writes tries to change and to remove the secret.
func writes() []byte {
	rec := document(Secret, `{"evil":true}`)
	w := &writer{}
	set, publish, remove := w.host(abi.ImportSet), w.host(abi.ImportPublish), w.host(abi.ImportRemove)
	w.begin(8)
	var code [][]byte
	for _, f := range []uint32{set, publish, remove} {
		code = append(code, asm.I32Const(scratch), asm.I32Const(int32(len(rec))), asm.Call(f), asm.I32Const(0), i32LtS, asm.I32Eqz, when(saysSeen))
	}
	w.on(abi.ExportInbound, asm.Join(code...), pass)
	w.Data(scratch, rec)
	w.Data(output, []byte(Seen))
	return w.Bytes()
}

// clocks measures time as finely as it can.
func clocks() []byte {
	w := &writer{}
	clock := w.Import("wasi_snapshot_preview1", "clock_time_get", []byte{0x7f, 0x7e, 0x7f}, asm.I32)
	w.begin(8)
	w.on(abi.ExportInbound, forever(asm.I32Const(1), asm.I64Const(0), asm.I32Const(scratch), asm.Call(clock), asm.Drop))
	return w.Bytes()
}
