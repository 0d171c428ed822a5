package hostile

import (
	"slices"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// Module is one hostile plugin.
type Module struct {
	// Name says what it does to the host.
	Name  string
	Bytes []byte
	// File is the operator's file, without limits and on_error.
	File string
	// Limits are those of the operator's file beyond the ones that all have, as
	// YAML with a comma before them.
	Limits string
	// Timeout is limits.timeout of the ones that have to come to an end of their own,
	// on a busy machine too; 20 ms if empty.
	Timeout string
	// Refused is set when the host must not run it.
	Refused bool
	// Told are parts of the one line that the operator must read about it: in the
	// log, and in the plugin's reason or last error. None means that nothing went
	// wrong that concerns the operator.
	Told []string
	// Twin has it run twice, as two plugins, so that one may look for what the
	// other left.
	Twin bool
	// Restless modules are put into the folder again and again.
	Restless bool
}

// Seen is what a module that has found what it must not see says to clients.
const Seen = "seen what is not mine"

// Secret is where a document lies that no hostile module may read.
const Secret = "/good/secret"

// All returns the catalogue.
func All() []Module {
	return slices.Concat(busy(), wild(), answers(), floods(), starts(), shapes(), hooks(), curious())
}

// Where modules keep their input, what they answer, and what they give to imports.
const (
	buffer  = 1 << 12
	output  = 1 << 16
	scratch = 1 << 17
)

// concerned is the operator's file of a module with an inbound hook.
const concerned = `hooks: [{kind: inbound, paths: ["/evil*"]}]
grants: [log, publish]
permissions: {"/evil*": {actions: ["*"]}}
`

// Instructions that asm does not name.
var (
	i32Load8   = []byte{0x2d, 0, 0}
	i32Store   = []byte{0x36, 0, 0}
	i32Ne      = []byte{0x47}
	i32LtS     = []byte{0x48}
	i32LtU     = []byte{0x49}
	i32And     = []byte{0x71}
	i32Shl     = []byte{0x74}
	memorySize = []byte{0x3f, 0}
	tableGrow  = []byte{0xd0, 0x70, 0x41, 1, 0xfc, 15, 0} // by one null reference
)

// forever is a loop around code, which must leave the stack as it was.
func forever(code ...[]byte) []byte {
	return asm.Join(asm.LoopVoid, asm.Join(code...), asm.Br(0), asm.End, asm.Unreachable)
}

// when runs code if the i32 on the stack is not zero.
func when(code ...[]byte) []byte { return asm.Join(asm.IfVoid, asm.Join(code...), asm.End) }

// verdict pushes a hook's result.
func verdict(v abi.Verdict, pointer, length uint32) []byte {
	return asm.I64Const(int64(abi.Pack(v, pointer, length)))
}

// gives returns from the hook with a result.
func gives(v abi.Verdict, pointer, length uint32) []byte {
	return asm.Join(verdict(v, pointer, length), asm.Return)
}

var pass = gives(abi.VerdictPass, 0, 0)

// writer makes a raw module. Its hooks have one parameter and the locals 1 to 3, all
// of them i32.
type writer struct {
	asm.Module
}

// begin adds what every raw module has. Call it after the imports.
func (w *writer) begin(pages uint32) {
	w.Memory(pages)
	w.Func(abi.ExportMarker, asm.None, asm.None, nil)
	w.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
}

// host imports a function of the host.
func (w *writer) host(name string) uint32 {
	results := asm.I32
	if name == abi.ImportLog {
		results = asm.None
	}
	return w.Import(abi.ImportModule, name, parameters(name), results)
}

func parameters(name string) []byte {
	const i32, f64 = 0x7f, 0x7c
	switch name {
	case abi.ImportLog, abi.ImportNext:
		return []byte{i32, i32, i32}
	case abi.ImportGet, abi.ImportSessionGet:
		return []byte{i32, i32, i32, i32}
	case abi.ImportMetricAdd:
		return []byte{i32, f64, i32, i32}
	}
	return []byte{i32, i32}
}

// on adds a hook that takes the length of a record.
func (w *writer) on(export string, code ...[]byte) {
	w.Func(export, asm.I32, asm.I64, []byte{0x7f, 0x7f, 0x7f}, code...)
}

// inbound makes a module with this hook, 8 pages of memory and this at output.
func inbound(out []byte, code ...[]byte) []byte {
	w := &writer{}
	w.begin(8)
	w.on(abi.ExportInbound, code...)
	w.Data(output, out)
	return w.Bytes()
}

// calling makes a module whose inbound hook calls an import of the host. in lies at
// scratch.
func calling(name string, in []byte, code func(f uint32) []byte) []byte {
	w := &writer{}
	f := w.host(name)
	w.begin(8)
	w.on(abi.ExportInbound, code(f))
	w.Data(scratch, in)
	w.Data(output, []byte(Seen))
	return w.Bytes()
}

// saysSeen refuses the message for what the module has seen.
var saysSeen = gives(abi.VerdictReject, output, uint32(len(Seen)))

// record encodes a record.
func record(r abi.Record) []byte {
	b := make([]byte, r.Size())
	_, _ = r.Encode(b) // it has the size for it
	return b
}

// document is a record with a path and data.
func document(path, data string) []byte {
	return record(abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet, Path: []byte(path), Data: []byte(data)})
}

// Mark is what the well-behaved plugin makes of the data of every document.
const Mark = `{"marked":true}`

const wellBehaved = `{"name":"good","hooks":[{"kind":"inbound","paths":["/good/*"],"actions":["set"]}]}`

// WellBehaved is a version of a plugin named good, through which the messages go that
// have nothing to do with a hostile one. Versions do the same, by code of their own.
func WellBehaved(version int) []byte {
	out := record(abi.Record{Data: []byte(Mark)})
	w := &writer{}
	w.begin(4)
	mark := gives(abi.VerdictPatch, output, uint32(len(out)))
	w.on(abi.ExportInbound, mark)
	w.Data(output, out)
	w.Func("", asm.None, asm.I32, nil, asm.I32Const(int32(version)))
	w.Custom(abi.ManifestSection, []byte(wellBehaved))
	return w.Bytes()
}

// WellBehavedExtism is the same plugin as one that was built with an Extism PDK.
func WellBehavedExtism(version int) []byte {
	out := record(abi.Record{Data: []byte(Mark)})
	m := &asm.Module{}
	alloc := m.Import(abi.ExtismEnvironment, "alloc", asm.I64, asm.I64)
	store := m.Import(abi.ExtismEnvironment, "store_u8", []byte{0x7e, 0x7f}, asm.None)
	set := m.Import(abi.ExtismEnvironment, "output_set", []byte{0x7e, 0x7e}, asm.None)
	m.Memory(1)
	size := asm.I64Const(int64(len(out)))
	code := asm.Join(size, asm.Call(alloc), asm.LocalSet(0))
	for at, b := range out {
		code = append(code, asm.Join(asm.LocalGet(0), asm.I64Const(int64(at)), asm.I64Add, asm.I32Const(int32(b)), asm.Call(store))...)
	}
	m.Func(abi.ExportInbound, asm.None, asm.I32, asm.I64, code, asm.LocalGet(0), size, asm.Call(set), asm.I32Const(int32(abi.VerdictPatch)))
	m.Func("", asm.None, asm.I32, nil, asm.I32Const(int32(version)))
	m.Custom(abi.ManifestSection, []byte(wellBehaved))
	return m.Bytes()
}

// Again returns a file that is another one for the host, with the same code.
func Again(module []byte, n int) []byte {
	text := []byte("again" + strconv.Itoa(n))
	out := append(slices.Clone(module), 0, byte(len(text)+1), byte(len(text)))
	return append(out, text...)
}
