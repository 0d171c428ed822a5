package asm

import (
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// Value types, for Func and Import.
var (
	None = []byte{}
	I32  = []byte{wasmbin.I32}
	I64  = []byte{wasmbin.I64}
)

// Instructions without operands.
var (
	Unreachable = []byte{0x00}
	Nop         = []byte{0x01}
	LoopVoid    = []byte{0x03, 0x40}
	BlockVoid   = []byte{0x02, 0x40}
	IfVoid      = []byte{0x04, 0x40}
	End         = []byte{0x0b}
	Return      = []byte{0x0f}
	Drop        = []byte{0x1a}
	I32Add      = []byte{0x6a}
	I32Sub      = []byte{0x6b}
	I32Eqz      = []byte{0x45}
	I64Add      = []byte{0x7c}
	MemoryGrow  = []byte{0x40, 0x00}
	MemoryFill  = []byte{0xfc, 11, 0}
)

// Module collects the parts of a module.
type Module struct {
	types, imports, functions, tables, memories, tags, globals, exports, elements, codes, datas [][]byte

	start    *uint32
	custom   []byte
	imported uint32
	passive  bool // the module says before its code how many data segments it has
}

// Import adds an imported function and returns its index. Call it before Func.
func (m *Module) Import(module, name string, params, results []byte) uint32 {
	entry := append(vecName(module), vecName(name)...)
	m.imports = append(m.imports, append(append(entry, 0), u32(m.typ(params, results))...))
	m.imported++
	return m.imported - 1
}

// Func adds a function and returns its index. It is exported when export is not
// empty. code must leave out the last end.
func (m *Module) Func(export string, params, results, locals []byte, code ...[]byte) uint32 {
	index := m.imported + uint32(len(m.functions))
	m.functions = append(m.functions, u32(m.typ(params, results)))
	body := u32(uint32(len(locals)))
	for _, l := range locals {
		body = append(body, 1, l)
	}
	body = append(append(body, Join(code...)...), 0x0b)
	m.codes = append(m.codes, append(u32(uint32(len(body))), body...))
	if export != "" {
		m.Export(export, wasmbin.KindFunction, index)
	}
	return index
}

// Export adds an export of anything.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports = append(m.exports, append(append(vecName(name), kind), u32(index)...))
}

// Memory adds a memory of that many pages and exports it as "memory".
func (m *Module) Memory(pages uint32) {
	m.memories = append(m.memories, append([]byte{0}, u32(pages)...))
	m.Export("memory", wasmbin.KindMemory, 0)
}

// Table adds a table of functions with that many elements, and fills it from
// its beginning.
func (m *Module) Table(size uint32, functions ...uint32) {
	m.tables = append(m.tables, append([]byte{0x70, 0}, u32(size)...))
	if len(functions) == 0 {
		return
	}
	entry := Join([]byte{0}, I32Const(0), End, u32(uint32(len(functions))))
	for _, f := range functions {
		entry = append(entry, u32(f)...)
	}
	m.elements = append(m.elements, entry)
}

// Tag adds a tag of exceptions that carry nothing, and returns its index.
func (m *Module) Tag() uint32 {
	m.tags = append(m.tags, append([]byte{0}, u32(m.typ(None, None))...))
	return uint32(len(m.tags) - 1)
}

// GlobalI32 adds a mutable global and returns its index.
func (m *Module) GlobalI32(v int32) uint32 {
	m.globals = append(m.globals, Join([]byte{wasmbin.I32, 1}, I32Const(v), End))
	return uint32(len(m.globals) - 1)
}

// Data places bytes in memory.
func (m *Module) Data(offset int32, content []byte) {
	m.datas = append(m.datas, Join([]byte{0}, I32Const(offset), End, u32(uint32(len(content))), content))
}

// Passive adds segments 0 of data and of elements that code may copy from: these
// bytes, and so many references to function 0.
func (m *Module) Passive(content []byte, references int) {
	m.datas = append(m.datas, Join([]byte{1}, u32(uint32(len(content))), content))
	m.elements = append(m.elements, Join([]byte{1, 0}, u32(uint32(references)), make([]byte, references)))
	m.passive = true
}

// Start names the start function.
func (m *Module) Start(function uint32) { m.start = &function }

// Custom adds a custom section.
func (m *Module) Custom(name string, content []byte) {
	m.custom = wasmbin.AppendSection(m.custom, wasmbin.SectionCustom, append(vecName(name), content...))
}

// Bytes returns the module.
func (m *Module) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, entries [][]byte) {
		if len(entries) > 0 {
			out = wasmbin.AppendSection(out, id, Join(u32(uint32(len(entries))), Join(entries...)))
		}
	}
	section(wasmbin.SectionType, m.types)
	section(wasmbin.SectionImport, m.imports)
	section(wasmbin.SectionFunction, m.functions)
	section(wasmbin.SectionTable, m.tables)
	section(wasmbin.SectionMemory, m.memories)
	section(wasmbin.SectionTag, m.tags)
	section(wasmbin.SectionGlobal, m.globals)
	section(wasmbin.SectionExport, m.exports)
	if m.start != nil {
		out = wasmbin.AppendSection(out, wasmbin.SectionStart, u32(*m.start))
	}
	section(wasmbin.SectionElement, m.elements)
	if m.passive {
		out = wasmbin.AppendSection(out, wasmbin.SectionDataCount, u32(uint32(len(m.datas))))
	}
	section(wasmbin.SectionCode, m.codes)
	section(wasmbin.SectionData, m.datas)
	return append(out, m.custom...)
}

func (m *Module) typ(params, results []byte) uint32 {
	m.types = append(m.types, Join([]byte{0x60}, u32(uint32(len(params))), params, u32(uint32(len(results))), results))
	return uint32(len(m.types) - 1)
}

// Join concatenates pieces of code.
func Join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// I32Const pushes v.
func I32Const(v int32) []byte { return append([]byte{0x41}, signed(int64(v))...) }

// I64Const pushes v.
func I64Const(v int64) []byte { return append([]byte{0x42}, signed(v)...) }

// Call calls a function.
func Call(function uint32) []byte { return append([]byte{0x10}, u32(function)...) }

// ReturnCall is a tail call of a function.
func ReturnCall(function uint32) []byte { return append([]byte{0x12}, u32(function)...) }

// CallIndirect calls through table 0.
func CallIndirect(typ uint32) []byte { return append(append([]byte{0x11}, u32(typ)...), 0) }

// Br branches.
func Br(depth uint32) []byte { return append([]byte{0x0c}, u32(depth)...) }

// BrIf branches if the top of the stack is not zero.
func BrIf(depth uint32) []byte { return append([]byte{0x0d}, u32(depth)...) }

// LocalGet pushes a local.
func LocalGet(i uint32) []byte { return append([]byte{0x20}, u32(i)...) }

// LocalSet pops into a local.
func LocalSet(i uint32) []byte { return append([]byte{0x21}, u32(i)...) }

// GlobalGet pushes a global.
func GlobalGet(i uint32) []byte { return append([]byte{0x23}, u32(i)...) }

// GlobalSet pops into a global.
func GlobalSet(i uint32) []byte { return append([]byte{0x24}, u32(i)...) }

func u32(v uint32) []byte { return wasmbin.AppendU32(nil, v) }

func vecName(s string) []byte { return append(u32(uint32(len(s))), s...) }

func signed(v int64) (out []byte) {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}
