package hostile

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// wild modules give pointers and lengths to the host that lead elsewhere.
func wild() []Module {
	lies := []string{"output lies outside of memory"}
	answer := func(name string, told []string, v abi.Verdict, pointer, length uint32) Module {
		return Module{Name: name, Bytes: inbound(nil, gives(v, pointer, length)), File: concerned, Told: told}
	}
	return []Module{
		answer("answers from outside of its memory", lies, abi.VerdictReplace, 0xfffffff0, 64),
		answer("answers from over the end of its memory", lies, abi.VerdictReplace, 8<<16-4, 8),
		answer("lies about the length of its answer", []string{"above the limit of", "limits.outputKiB"}, abi.VerdictReject, 0, 1<<28-1),
		{Name: "answers from what it has freed", Bytes: freed(), File: concerned, Told: []string{"verdict replace"}},
		{Name: "gives wild pointers to the host's imports", Bytes: wildImports(), File: concerned},
		{Name: "has the host write over what it reads", Bytes: overlaps(), File: concerned},
	}
}

// freed answers from a block that an Extism guest has given back.
func freed() []byte {
	m := &asm.Module{}
	alloc := m.Import(abi.ExtismEnvironment, "alloc", asm.I64, asm.I64)
	free := m.Import(abi.ExtismEnvironment, "free", asm.I64, asm.None)
	set := m.Import(abi.ExtismEnvironment, "output_set", []byte{0x7e, 0x7e}, asm.None)
	m.Memory(1)
	m.Func(abi.ExportInbound, asm.None, asm.I32, asm.I64,
		asm.I64Const(4096), asm.Call(alloc), asm.LocalSet(0), asm.LocalGet(0), asm.Call(free),
		asm.LocalGet(0), asm.I64Const(4096), asm.Call(set), asm.I32Const(int32(abi.VerdictReplace)))
	return m.Bytes()
}

// wildImports gives every import that takes pointers some that lead out of memory,
// and traps if one is taken.
func wildImports() []byte {
	w := &writer{}
	var code [][]byte
	far, length := asm.I32Const(-16), asm.I32Const(64)
	refused := func(f uint32, arguments ...[]byte) {
		code = append(code, asm.Join(arguments...), asm.Call(f), asm.I32Const(0), i32LtS, asm.I32Eqz, when(asm.Unreachable))
	}
	for _, name := range []string{abi.ImportFind, abi.ImportCount, abi.ImportSet, abi.ImportRemove, abi.ImportPublish, abi.ImportCall, abi.ImportMetricDefine, abi.ImportRandom} {
		f := w.host(name)
		refused(f, far, length)
		refused(f, asm.I32Const(8<<16-4), length) // over the end
		refused(f, asm.I32Const(scratch), asm.I32Const(-1))
	}
	get := w.host(abi.ImportGet)
	refused(get, far, length, asm.I32Const(output), length)
	refused(get, asm.I32Const(scratch), length, far, asm.I32Const(-1))
	log := w.host(abi.ImportLog)
	code = append(code, asm.I32Const(1), far, length, asm.Call(log))
	w.begin(8)
	w.on(abi.ExportInbound, asm.Join(code...), pass)
	return w.Bytes()
}

// overlaps stores a document and has it read into the very record that asks for it,
// and the configuration of the module over that of the next call.
func overlaps() []byte {
	rec := document("/evil-own", fmt.Sprintf(`{"x":%q}`, strings.Repeat("y", 300)))
	w := &writer{}
	set, get, last := w.host(abi.ImportSet), w.host(abi.ImportGet), w.host(abi.ImportLastError)
	w.begin(8)
	w.on(abi.ExportInbound,
		asm.I32Const(scratch), asm.I32Const(int32(len(rec))), asm.Call(set), asm.Drop,
		asm.I32Const(scratch), asm.I32Const(int32(len(rec))), asm.I32Const(scratch+4), asm.I32Const(1<<12), asm.Call(get), asm.Drop,
		asm.I32Const(scratch), asm.I32Const(int32(len(rec))), asm.I32Const(scratch), asm.I32Const(1<<12), asm.Call(get), asm.Drop,
		asm.I32Const(scratch), asm.I32Const(64), asm.Call(last), asm.Drop, pass)
	w.Data(scratch, rec)
	return w.Bytes()
}

// answers are modules whose verdicts and records are not valid.
func answers() []Module {
	good := document("/evil1", `{"a":1}`)
	many := append([]byte(nil), good...)
	binary.LittleEndian.PutUint16(many[4:], 0xffff)
	long := append([]byte(nil), good...)
	binary.LittleEndian.PutUint32(long[abi.HeaderSize+4:], 0xfffffff0)
	replace := func(name, told string, out []byte) Module {
		return Module{Name: name, File: concerned, Told: []string{told}, Bytes: inbound(out, gives(abi.VerdictReplace, output, uint32(len(out))))}
	}
	plain := func(name, told string, code ...[]byte) Module {
		return Module{Name: name, File: concerned, Told: []string{told}, Bytes: inbound(nil, code...)}
	}
	return []Module{
		plain("gives a negative verdict", "limits.outputKiB", asm.I64Const(-1)),
		plain("gives no verdict", "unknown verdict 0", asm.I64Const(0)),
		plain("gives an unknown verdict", "unknown verdict 13", gives(13, 0, 0)),
		plain("gives another kind's verdict", "cannot give", gives(abi.VerdictEmit, 0, 0)),
		replace("answers half a record", "record", good[:len(good)-3]),
		replace("answers a record with too many sections", "record", many),
		replace("answers a record with a wild length", "record", long),
		replace("answers data that are no JSON", "JSON", document("/evil1", `{"a":`)),
		{Name: "answers otherwise each time", File: concerned, Bytes: changing(good)},
		{Name: "answers as much as it may, each time", File: concerned, Bytes: inbound(nil, gives(abi.VerdictReject, output, 256<<10))},
	}
}

// changing gives each of its verdicts in turn.
func changing(rec []byte) []byte {
	w := &writer{}
	turn := w.GlobalI32(0)
	w.begin(8)
	bit := func(n int32) []byte { return asm.Join(asm.GlobalGet(turn), asm.I32Const(n), i32And) }
	w.on(abi.ExportInbound,
		asm.GlobalGet(turn), asm.I32Const(1), asm.I32Add, asm.GlobalSet(turn),
		bit(1), when(gives(abi.VerdictReject, output, 4)),
		bit(2), when(gives(abi.VerdictReplace, output, uint32(len(rec)))),
		bit(4), when(gives(abi.VerdictDrop, 0, 0)),
		pass)
	w.Data(output, rec)
	return w.Bytes()
}
