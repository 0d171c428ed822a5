package plugin_test

import (
	"bytes"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// inert is a guest that passes everything, with something more.
func inert(change func(m *asm.Module)) []byte {
	m := guest(verdict(abi.VerdictPass, 0, 0))
	change(m)
	return m.Bytes()
}

// withFunctions has so many functions.
func withFunctions(n int) []byte {
	return inert(func(m *asm.Module) {
		for range n - 3 { // it has three
			m.Func("", asm.None, asm.None, nil)
		}
	})
}

// withGlobals has so many globals.
func withGlobals(n int) []byte {
	return inert(func(m *asm.Module) {
		for range n {
			m.GlobalI32(0)
		}
	})
}

// withTables has so many tables.
func withTables(n int) []byte {
	return inert(func(m *asm.Module) {
		for range n {
			m.Table(1)
		}
	})
}

// withElements has two tables, with so many elements.
func withElements(n int) []byte {
	return inert(func(m *asm.Module) {
		m.Table(5)
		m.Table(uint32(n - 5))
	})
}

// withPages begins with so many pages of memory.
func withPages(n int) []byte {
	m := &asm.Module{}
	m.Memory(uint32(n))
	m.Func(abi.ExportMarker, asm.None, asm.None, nil)
	m.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// ofSize has so many bytes.
func ofSize(n int) []byte {
	const around = 1 + 4 + 1 + 1 // id, length of 20 to 27 bits, length of the name, name
	return inert(func(m *asm.Module) {
		m.Custom("x", make([]byte, n-len(passes())-around+1))
	})
}

// asked is the record that guests of these tests show the host.
var asked = func() []byte {
	rec := abi.Record{Kind: abi.KindDocument, Path: []byte("/a")}
	b := make([]byte, rec.Size())
	_, _ = rec.Encode(b) // it fits
	return b
}()

// document pushes pointer and length of asked.
var document = [][]byte{asm.I32Const(output), asm.I32Const(int32(len(asked)))}

// again is a guest that calls an import so many times.
func again(n int, name, params string, arguments ...[]byte) []byte {
	m := &asm.Module{}
	results, drop := asm.I32, asm.Drop
	if name == abi.ImportLog {
		results, drop = asm.None, nil
	}
	f := m.Import(abi.ImportModule, name, bytes.Repeat(asm.I32, len(params)), results)
	bare(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, turns(1, n, asm.Join(arguments...), asm.Call(f), drop), verdict(abi.VerdictPass, 0, 0))
	m.Data(output, asked)
	return m.Bytes()
}

// withMetrics defines so many metrics.
func withMetrics(n int) []byte {
	m := &asm.Module{}
	define := m.Import(abi.ImportModule, abi.ImportMetricDefine, []byte{0x7f, 0x7f}, asm.I32)
	bare(m)
	var code []byte
	for k := range n {
		text := fmt.Appendf(nil, `{"name":"m%d","type":"gauge"}`, k)
		at := int32(output + k*100)
		m.Data(at, text)
		code = append(code, asm.Join(asm.I32Const(at), asm.I32Const(int32(len(text))), asm.Call(define), asm.Drop)...)
	}
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, code, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// withSeries gives a metric so many sets of labels.
func withSeries(n int) []byte {
	m := &asm.Module{}
	define := m.Import(abi.ImportModule, abi.ImportMetricDefine, []byte{0x7f, 0x7f}, asm.I32)
	add := m.Import(abi.ImportModule, abi.ImportMetricAdd, []byte{0x7f, 0x7c, 0x7f, 0x7f}, asm.I32)
	bare(m)
	text := []byte(`{"name":"m","type":"gauge","labels":["l"]}`)
	m.Data(output, text)
	code := asm.Join(asm.I32Const(output), asm.I32Const(int32(len(text))), asm.Call(define), asm.Drop)
	one := []byte{0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f} // f64.const 1
	for k := range n {
		at := int32(output + 100 + k*100)
		m.Data(at, fmt.Appendf(nil, "%d\x00", k))
		code = append(code, asm.Join(asm.I32Const(0), one, asm.I32Const(at), asm.I32Const(2), asm.Call(add), asm.Drop)...)
	}
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, code, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// withVars keeps so many bytes with var_set, names and what each costs included.
func withVars(n int) []byte {
	m := newExtism()
	value := int64(n - len("k") - 64)
	m.hook(m.block(0, "k"), asm.I64Const(value), asm.Call(m.alloc), asm.LocalSet(1), asm.LocalGet(0), asm.LocalGet(1), asm.Call(m.varSet), pass)
	return m.Bytes()
}

// waits is a guest that runs for so many milliseconds in one of its exports.
func waits(export string, ms int) []byte {
	m := &asm.Module{}
	now := m.Import(abi.ImportModule, abi.ImportNowMS, asm.None, asm.I64)
	bare(m)
	pause := asm.Join(asm.Call(now), asm.I64Const(int64(ms)), asm.I64Add, asm.LocalSet(1),
		asm.LoopVoid, asm.Call(now), asm.LocalGet(1), []byte{0x53}, asm.BrIf(0), asm.End) // i64.lt_s
	if export == abi.ExportInit {
		m.Func(abi.ExportInit, asm.I32, asm.I32, asm.I64, pause, asm.I32Const(0))
		m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
		return m.Bytes()
	}
	m.Func(export, asm.I32, asm.I64, asm.I64, pause, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// sometimesWaits is a guest that runs for so many milliseconds for paths that begin
// with "!".
func sometimesWaits(ms int) []byte {
	m := &asm.Module{}
	now := m.Import(abi.ImportModule, abi.ImportNowMS, asm.None, asm.I64)
	bare(m)
	pause := asm.Join(asm.Call(now), asm.I64Const(int64(ms)), asm.I64Add, asm.LocalSet(1),
		asm.LoopVoid, asm.Call(now), asm.LocalGet(1), []byte{0x53}, asm.BrIf(0), asm.End)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I64, banged(pause), verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// What guests that hear events, and that speak, have in their files.
const (
	hears  = `[{"kind":"event","paths":["/e"]}]`
	speaks = `[{"kind":"protocol"}]`
	gated  = "permissions: {/gate: {actions: [set]}}\n"
)

// hearing is a guest that writes to /gate on every event.
func hearing(int) []byte {
	m := &asm.Module{}
	set := m.Import(abi.ImportModule, abi.ImportSet, []byte{0x7f, 0x7f}, asm.I32)
	bare(m)
	rec := abi.Record{Kind: abi.KindDocument, Path: []byte("/gate"), Data: []byte("1")}
	b := make([]byte, rec.Size())
	_, _ = rec.Encode(b) // it fits
	m.Data(output, b)
	m.Func(abi.ExportEvent, asm.I32, asm.I64, nil, asm.I32Const(output), asm.I32Const(int32(len(b))), asm.Call(set), asm.Drop, verdict(abi.VerdictPass, 0, 0))
	m.Custom(abi.ManifestSection, []byte(`{"name":"p","hooks":`+hears+`}`))
	return m.Bytes()
}

// emitsMany is a guest of connections that answers data with a list of so many records.
func emitsMany(n int, one abi.Record) []byte {
	var all []abi.Record
	for range n {
		all = append(all, one)
	}
	list := records(all...)
	return converser{data: list, hears: gives(abi.VerdictEmit, len(list))}.bytes()
}

// emitsAgain is a guest of connections that emits two requests for data, and for each
// event, of which three have so many bytes in a list.
func emitsAgain(n int) []byte {
	size := n/3 - len(records(asks("")))
	list := records(asks(string(make([]byte, size))), asks(string(make([]byte, size))))
	return converser{data: list, hears: gives(abi.VerdictEmit, len(list)), event: onBang(gives(abi.VerdictEmit, len(list)))}.bytes()
}

// recursing calls itself so often, within each other.
func recursing(n int) []byte {
	m := &asm.Module{}
	bare(m)
	deeper := m.Func("", asm.I32, asm.None, nil, asm.LocalGet(0), asm.IfVoid, asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(2), asm.End)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.I32Const(int32(n)), asm.Call(deeper), verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}
