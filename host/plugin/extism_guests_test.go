package plugin_test

import (
	"bytes"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// extismModule writes a module as an Extism PDK would. It has 4 pages of memory.
type extismModule struct {
	asm.Module
	alloc, free, length, store, storeWord, inputByte, inputLength, output, failure, log, configGet, varGet, varSet uint32
}

var (
	i64x2  = []byte{0x7e, 0x7e}
	i64i32 = []byte{0x7e, 0x7f}
)

// newExtism begins a module. Call its Import for more before anything else.
func newExtism() *extismModule {
	m := &extismModule{}
	env := func(name string, params, results []byte) uint32 {
		return m.Import(abi.ExtismEnvironment, name, params, results)
	}
	m.alloc = env("alloc", asm.I64, asm.I64)
	m.free = env("free", asm.I64, asm.None)
	m.length = env("length", asm.I64, asm.I64)
	m.store = env("store_u8", i64i32, asm.None)
	m.storeWord = env("store_u64", i64x2, asm.None)
	m.inputByte = env("input_load_u8", asm.I64, asm.I32)
	m.inputLength = env("input_length", asm.None, asm.I64)
	m.output = env("output_set", i64x2, asm.None)
	m.failure = env("error_set", asm.I64, asm.None)
	m.log = env("log_warn", asm.I64, asm.None)
	m.configGet = env("config_get", asm.I64, asm.I64)
	m.varGet = env("var_get", asm.I64, asm.I64)
	m.varSet = env("var_set", i64x2, asm.None)
	return m
}

// hook adds an inbound hook: local 0 and 1 are i64, 2 is an i32.
func (m *extismModule) hook(code ...[]byte) uint32 {
	m.Memory(4)
	return m.Func(abi.ExportInbound, asm.None, asm.I32, []byte{0x7e, 0x7e, 0x7f}, code...)
}

// block leaves the offset of a new block with this content in an i64 local.
func (m *extismModule) block(local uint32, content string) []byte {
	code := asm.Join(asm.I64Const(int64(len(content))), asm.Call(m.alloc), asm.LocalSet(local))
	for k := range len(content) {
		code = append(code, asm.Join(asm.LocalGet(local), asm.I64Const(int64(k)), asm.I64Add, asm.I32Const(int32(content[k])), asm.Call(m.store))...)
	}
	return code
}

// give sets the output to a block with this content.
func (m *extismModule) give(content string) []byte {
	return asm.Join(m.block(0, content), asm.LocalGet(0), asm.I64Const(int64(len(content))), asm.Call(m.output))
}

// fail sets the error to this text.
func (m *extismModule) fail(text string) []byte {
	return asm.Join(m.block(0, text), asm.LocalGet(0), asm.Call(m.failure))
}

// bang is code that runs for paths beginning with "!" only. It may leave the hook.
func (m *extismModule) bang(code ...[]byte) []byte {
	const at = abi.HeaderSize + 6*abi.SectionHeaderSize
	return asm.Join(asm.I64Const(at), asm.Call(m.inputByte), asm.I32Const('!'), []byte{0x46}, asm.IfVoid, asm.Join(code...), asm.End)
}

// pass is the return code of a hook that lets a message go on.
var pass = asm.I32Const(int32(abi.VerdictPass))

// dialect writes the same guest for one engine.
type dialect struct {
	name string
	// sometimes makes a guest that misbehaves for paths beginning with "!" and
	// passes everything else. code gets the index of the hook.
	sometimes func(code func(hook uint32) []byte) []byte
	// returns leaves the hook with a verdict and no output.
	returns func(number int) []byte
	// calls makes such a guest that calls an import by its index, with this code.
	calls func(module, name string, params, results []byte, code func(function uint32) []byte) []byte
}

// dialects are the engines whose guests have one contract.
var dialects = []dialect{
	{
		name:      "raw",
		sometimes: func(code func(uint32) []byte) []byte { return sometimes(code(2)) },
		returns:   func(number int) []byte { return asm.Join(asm.I64Const(int64(number)<<60), asm.Return) },
		calls: func(module, name string, params, results []byte, code func(uint32) []byte) []byte {
			m := &asm.Module{}
			f := m.Import(module, name, params, results)
			bare(m)
			m.Table(1, f)
			m.Data(output, vector)
			m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, banged(code(f)), verdict(abi.VerdictPass, 0, 0))
			return m.Bytes()
		},
	},
	{
		name: "extism",
		sometimes: func(code func(uint32) []byte) []byte {
			m := newExtism()
			m.hook(m.bang(code(13)), pass)
			return m.Bytes()
		},
		returns: func(number int) []byte { return asm.Join(asm.I32Const(int32(number)), asm.Return) },
		calls: func(module, name string, params, results []byte, code func(uint32) []byte) []byte {
			m := newExtism()
			f := m.Import(module, name, params, results)
			m.Table(1, f)
			m.Data(output, vector)
			m.hook(m.bang(code(f)), pass)
			return m.Bytes()
		},
	},
}

// vector is an array of one vector of 192 KiB, for fd_write.
var vector = []byte{0, 0, 0, 0, 0, 0, 3, 0}

// banged is extismModule.bang for raw guests.
func banged(code []byte) []byte {
	at := int32(buffer + abi.HeaderSize + 6*abi.SectionHeaderSize)
	return asm.Join(asm.I32Const(at), []byte{0x2d, 0, 0}, asm.I32Const('!'), []byte{0x46}, asm.IfVoid, code, asm.End)
}

// wasiLoop makes a guest that calls a WASI function through its table for ever,
// with large arguments.
func (d dialect) wasiLoop(name string, params int) []byte {
	arguments := asm.Join(asm.I32Const(0), asm.I32Const(200<<10))
	if params == 4 {
		arguments = asm.Join(asm.I32Const(1), asm.I32Const(output), asm.I32Const(1), asm.I32Const(output+64))
	}
	typ := uint32(0)
	if d.name == "extism" {
		typ = 13 // types are those of the imports, in order
	}
	return d.calls("wasi_snapshot_preview1", name, bytes.Repeat(asm.I32, params), asm.I32, func(uint32) []byte {
		return asm.Join(asm.LoopVoid, arguments, asm.I32Const(0), asm.CallIndirect(typ), asm.Drop, asm.Br(0), asm.End)
	})
}

// exits makes a guest that ends its process.
func (d dialect) exits(code int32) []byte {
	return d.calls("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None, func(exit uint32) []byte {
		return asm.Join(asm.I32Const(code), asm.Call(exit))
	})
}
