package wasmbin

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Ids of sections.
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
	SectionTag       = 13 // of the proposal for exceptions
)

// Kinds of imports and exports.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
	KindTag      = 4 // of the proposal for exceptions
)

// ErrNotWasm says that the bytes are no WebAssembly module at all.
var ErrNotWasm = errors.New(`not a WebAssembly module: it does not begin with "\0asm"`)

// ErrComponent says that the bytes are a component, which no engine here runs.
var ErrComponent = errors.New("a WebAssembly component, not a core module: build it for wasip1 (wasm32-wasip1) instead of wasip2")

// ErrVersion says that the module's binary format is not version 1.
var ErrVersion = errors.New("WebAssembly binary format is not version 1")

// Section is one section of a module. Body aliases the module, and begins at
// Offset of it.
type Section struct {
	ID     byte
	Body   []byte
	Offset int
}

// FuncType is the type of a function: value types as the format numbers them.
type FuncType struct {
	Params, Results []byte
}

// Equal reports whether the types are the same.
func (t FuncType) Equal(u FuncType) bool {
	return bytes.Equal(t.Params, u.Params) && bytes.Equal(t.Results, u.Results)
}

// String writes the type as "(i32 i64) -> i64".
func (t FuncType) String() string {
	s := "("
	for i, p := range t.Params {
		if i > 0 {
			s += " "
		}
		s += valueName(p)
	}
	s += ")"
	for i, r := range t.Results {
		if i == 0 {
			s += " ->"
		}
		s += " " + valueName(r)
	}
	return s
}

// Value types.
const (
	I32 = 0x7f
	I64 = 0x7e
	F32 = 0x7d
	F64 = 0x7c
)

func valueName(v byte) string {
	switch v {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	}
	return fmt.Sprintf("0x%x", v)
}

// Import is one import. Type is meaningful for functions only.
type Import struct {
	Module, Name string
	Kind         byte
	Type         FuncType
	TypeIndex    uint32
}

// Export is one export. Type is meaningful for functions only.
type Export struct {
	Name string
	Kind byte
	Type FuncType
}

// Module is the outside of a module.
type Module struct {
	Sections []Section
	Types    []FuncType
	Imports  []Import
	Exports  []Export
	// Functions holds the type index of each function that the module defines.
	Functions []uint32
}

// MaxEntries bounds the types, imports, functions and exports of a module, of which
// Parse keeps up to 100 bytes each.
const MaxEntries = 1 << 20

// kept reports whether Parse keeps the entries of a section.
func kept(section byte) bool {
	return section == SectionType || section == SectionImport || section == SectionFunction || section == SectionExport
}

// Parse reads a module. What it returns aliases b.
func Parse(b []byte) (*Module, error) {
	switch {
	case len(b) < 4 || string(b[:4]) != "\x00asm":
		return nil, ErrNotWasm
	case len(b) < 8:
		return nil, ErrTruncated
	case string(b[4:8]) == "\x0d\x00\x01\x00":
		return nil, ErrComponent
	case string(b[4:8]) != "\x01\x00\x00\x00":
		return nil, ErrVersion
	}
	m := &Module{}
	r := &Reader{b: b, at: 8}
	for !r.Done() {
		id := r.Byte()
		body := r.Bytes(r.U32())
		if r.err == nil {
			m.Sections = append(m.Sections, Section{ID: id, Body: body, Offset: r.at - len(body)})
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	var exports []rawExport
	for _, s := range m.Sections {
		r := NewReader(s.Body)
		if n := NewReader(s.Body).Count(); n > MaxEntries && kept(s.ID) {
			return nil, fmt.Errorf("section %d has %d entries, above the limit of %d, which no setting raises", s.ID, n, MaxEntries)
		}
		switch s.ID {
		case SectionType:
			m.readTypes(r)
		case SectionImport:
			m.readImports(r)
		case SectionFunction:
			for n := r.Count(); n > 0 && r.err == nil; n-- {
				m.Functions = append(m.Functions, r.U32())
			}
		case SectionExport:
			exports = readExports(r)
		default:
			continue
		}
		if r.err == nil && !r.Done() {
			r.Fail(errors.New("bytes after the end"))
		}
		if r.err != nil {
			return nil, fmt.Errorf("section %d: %w", s.ID, r.err)
		}
	}
	return m, m.typeExports(exports)
}

// Find returns the first section with this id, or nil.
func (m *Module) Find(id byte) []byte {
	for _, s := range m.Sections {
		if s.ID == id {
			return s.Body
		}
	}
	return nil
}

// Custom returns the content of the custom section with this name. There must
// be at most one.
func (m *Module) Custom(name string) (content []byte, found bool, err error) {
	for _, s := range m.Sections {
		if s.ID != SectionCustom {
			continue
		}
		r := NewReader(s.Body)
		if r.Name() != name || r.err != nil {
			continue
		}
		if found {
			return nil, true, fmt.Errorf("custom section %q occurs twice", name)
		}
		content, found = s.Body[r.at:], true
	}
	return content, found, nil
}

// AppendCustom returns module with a custom section of that name and content at
// its end, in place of any that it has already.
func AppendCustom(module []byte, name string, content []byte) ([]byte, error) {
	m, err := Parse(module)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(module[:8])
	for _, s := range m.Sections {
		if s.ID == SectionCustom && NewReader(s.Body).Name() == name {
			continue
		}
		out = AppendSection(out, s.ID, s.Body)
	}
	body := AppendU32(nil, uint32(len(name)))
	body = append(append(body, name...), content...)
	return AppendSection(out, SectionCustom, body), nil
}

// AppendSection writes a section.
func AppendSection(dst []byte, id byte, body []byte) []byte {
	dst = append(dst, id)
	dst = AppendU32(dst, uint32(len(body)))
	return append(dst, body...)
}

// AppendU32 writes v as unsigned LEB128.
func AppendU32(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}
