package hostile

import (
	"bytes"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// starts are modules that misbehave before they have seen a message.
func starts() []Module {
	refused := func(name string, bytes []byte, told ...string) Module {
		return Module{Name: name, File: concerned, Bytes: bytes, Refused: true, Told: told, Restless: true}
	}
	started := func(code ...[]byte) []byte {
		w := &writer{}
		w.begin(1)
		w.on(abi.ExportInbound, pass)
		w.Start(w.Func("", asm.None, asm.None, nil, code...))
		return w.Bytes()
	}
	w := &writer{}
	w.begin(1)
	w.on(abi.ExportInbound, pass)
	w.Func(abi.ExportInit, asm.I32, asm.I32, nil, forever())
	slow := w.Bytes()
	return []Module{
		refused("traps in its start function", started(asm.Unreachable), "start: trapped"),
		refused("loops in its start function", started(forever()), "start", "limits.startTimeout"),
		refused("never finishes its initialisation", slow, abi.ExportInit, "limits.startTimeout"),
		{Name: "runs well on some of its starts only", File: concerned, Bytes: moody(), Told: []string{"trapped"}},
	}
}

// moody traps at random, in one call of four.
func moody() []byte {
	return calling(abi.ImportRandom, nil, func(f uint32) []byte {
		return asm.Join(asm.I32Const(scratch), asm.I32Const(1), asm.Call(f), asm.Drop,
			asm.I32Const(scratch), i32Load8, asm.I32Const(64), i32LtU, when(asm.Unreachable), pass)
	})
}

// shapes are modules that are not what they should be.
func shapes() []Module {
	refused := func(name string, bytes []byte, told ...string) Module {
		return Module{Name: name, File: concerned, Bytes: bytes, Refused: true, Told: told, Restless: true}
	}
	made := func(change func(w *writer)) []byte {
		w := &writer{}
		change(w)
		return w.Bytes()
	}
	usual := func(w *writer) {
		w.begin(1)
		w.on(abi.ExportInbound, pass)
	}
	whole := made(usual)
	return []Module{
		refused("imports what another version has", made(func(w *writer) { w.Import(abi.ImportModule, "teleport", asm.I32, asm.I32); usual(w) }), "teleport"),
		refused("is of another version", made(func(w *writer) {
			w.Memory(1)
			w.Func(abi.ExportMarkerStem+"7", asm.None, asm.None, nil)
			w.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
			w.on(abi.ExportInbound, pass)
		}), "happn_abi_v7"),
		refused("imports the meter", made(func(w *writer) { w.Import("happn:meter", "yield", asm.None, asm.I64); usual(w) }), "happn:meter"),
		refused("has a name that is taken", made(func(w *writer) { usual(w); w.Custom(abi.ManifestSection, []byte(`{"name":"good"}`)) }), "good"),
		refused("begins with more memory than it may have", made(func(w *writer) { w.begin(1 << 10); w.on(abi.ExportInbound, pass) }), "1024 pages"),
		refused("has a huge table", made(func(w *writer) { usual(w); w.Table(1 << 21) }), "131072"),
		{Name: "is made for the compiler to choke on", File: concerned, Limits: ", compileMiB: 64", Bytes: Choking(2000),
			Refused: true, Told: []string{"compiling the module needs more memory", "limits.compileMiB"}},
		refused("is half there", whole[:len(whole)-5]),
		{Name: "has a custom section of megabytes", File: concerned, Bytes: made(func(w *writer) { usual(w); w.Custom("huge", make([]byte, 20<<20)) })},
	}
}

// Choking is a plugin with a function whose n variables live through n branches, which
// takes the compiler memory and time by the product of both: for 2,000 half a minute
// and a gigabyte.
func Choking(n int) []byte {
	var code []byte
	for i := range uint32(n) {
		code = append(code, asm.Join(asm.LocalGet(i), when(asm.LocalGet((i+1)%uint32(n)), asm.LocalSet(i)))...)
	}
	for i := range uint32(n) {
		code = append(code, asm.Join(asm.LocalGet(i), asm.Drop)...)
	}
	w := &writer{}
	w.begin(1)
	w.on(abi.ExportInbound, pass)
	w.Func("", asm.None, asm.None, bytes.Repeat(asm.I32, n), code)
	return w.Bytes()
}
