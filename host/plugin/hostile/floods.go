package hostile

import (
	"bytes"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// floods ask of the host more than it should do for them.
func floods() []Module {
	late := []string{"did not finish", "limits.timeout"}
	asks := func(in []byte) func(uint32) []byte {
		return func(f uint32) []byte {
			return forever(asm.I32Const(scratch), asm.I32Const(int32(len(in))), asm.Call(f), asm.Drop)
		}
	}
	doc := document("/evil-own", `{"a":1}`)
	flood := func(name, of string, in []byte) Module {
		return Module{Name: name, File: concerned, Told: late, Bytes: calling(of, in, asks(in))}
	}
	line := bytes.Repeat([]byte("x"), 8<<10)
	return []Module{
		flood("floods the host with counts", abi.ImportCount, doc),
		flood("floods the host with writes", abi.ImportSet, doc),
		flood("floods the host with publications", abi.ImportPublish, doc),
		flood("floods the host with searches that it does not close", abi.ImportFind, doc),
		flood("floods the host with random bytes", abi.ImportRandom, bytes.Repeat([]byte{1}, 64<<10)),
		{Name: "floods the log", File: concerned, Told: late, Bytes: calling(abi.ImportLog, line, func(f uint32) []byte {
			return forever(asm.I32Const(1), asm.I32Const(scratch), asm.I32Const(8<<10), asm.Call(f))
		})},
		{Name: "floods the metrics", File: concerned, Told: late, Bytes: metrics()},
		{Name: "asks more of the host than its limit, and gives up", File: concerned, Limits: ", hostCalls: 50",
			Told: []string{"hook failed: over"}, Bytes: givesUp(doc)},
		{Name: "writes from inside of its own writes", File: `hooks: [{kind: inbound, paths: ["/evil*"]}, {kind: event, paths: ["/evil*"]}]
grants: [log, publish]
permissions: {"/evil*": {actions: ["*"]}}
`, Bytes: reentrant()},
	}
}

// metrics defines one metric and gives it a value for ever more labels.
func metrics() []byte {
	definition := []byte(`{"name":"m","type":"counter","labels":["l"]}`)
	w := &writer{}
	define, add := w.host(abi.ImportMetricDefine), w.host(abi.ImportMetricAdd)
	w.begin(8)
	one := []byte{0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f} // f64.const 1
	w.on(abi.ExportInbound,
		asm.I32Const(scratch), asm.I32Const(int32(len(definition))), asm.Call(define), asm.LocalSet(1),
		forever(
			asm.LocalGet(2), asm.I32Const(1), asm.I32Add, asm.LocalSet(2),
			asm.I32Const(output), asm.LocalGet(2), asm.I32Const(0x01010101), []byte{0x72}, i32Store, // i32.or: no zero byte inside
			asm.LocalGet(1), one, asm.I32Const(output), asm.I32Const(5), asm.Call(add), asm.Drop))
	w.Data(scratch, definition)
	return w.Bytes()
}

// givesUp calls the host until that refuses for its limit, and fails with that.
func givesUp(doc []byte) []byte {
	w := &writer{}
	count, last := w.host(abi.ImportCount), w.host(abi.ImportLastError)
	w.begin(8)
	w.on(abi.ExportInbound,
		asm.LoopVoid, asm.I32Const(scratch), asm.I32Const(int32(len(doc))), asm.Call(count), asm.I32Const(-6), i32Ne, asm.BrIf(0), asm.End,
		asm.I32Const(output), asm.I32Const(256), asm.Call(last), asm.Drop,
		gives(abi.VerdictError, output, 40))
	w.Data(scratch, doc)
	return w.Bytes()
}

// reentrant writes and publishes where its own hooks listen, from inside of them.
func reentrant() []byte {
	doc := document("/evil-own", `{"a":1}`)
	w := &writer{}
	set, publish := w.host(abi.ImportSet), w.host(abi.ImportPublish)
	w.begin(8)
	both := asm.Join(
		asm.I32Const(scratch), asm.I32Const(int32(len(doc))), asm.Call(set), asm.Drop,
		asm.I32Const(scratch), asm.I32Const(int32(len(doc))), asm.Call(publish), asm.Drop, pass)
	w.on(abi.ExportInbound, both)
	w.on(abi.ExportEvent, both)
	w.Custom(abi.ManifestSection, []byte(`{"hooks":[{"kind":"inbound"},{"kind":"event","paths":["/evil*"]}]}`))
	w.Data(scratch, doc)
	return w.Bytes()
}
