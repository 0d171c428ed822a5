package meter

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// The function that metered code calls when its fuel is used up: () -> i64, the
// next slice, which is more than nothing. It may panic to end the call. What an
// operation costs above a slice is taken from the next ones, which are asked for
// at once.
const (
	ImportModule = "happn:meter"
	ImportName   = "yield"
)

// Slice is how much fuel a guest gets at a time. A unit stands for the entry of a
// function or a turn of a loop, and for each further 16 bytes of code on the dearest way through it, so a slice lasts
// some microseconds, and 2 ms with code that misses every cache.
const Slice = 8_000

// What operations cost beyond their code.
const (
	bytesPerUnit = 16   // of code
	slowly       = 8    // bytes of code that a slow instruction counts for, above its own
	importCall   = 1000 // units for a direct call of an imported function
	bulkShift    = 6    // a unit for each 64 bytes of a bulk memory operation
	tableShift   = 3    // a unit for each 8 elements of a bulk table operation, but table.grow
	pageShift    = 10   // 1,024 units for each page of memory.grow
	maxPages     = 1024 // more cost no more: growing in vain is quick
)

// MaxTable bounds the tables of a module together, unless who has it metered says
// otherwise, in elements. They cost the host 8 bytes an element and are no part of a
// guest's linear memory.
const MaxTable = 1 << 17

// MaxGrown bounds how far a table grows, in elements, whatever it is allowed to begin
// with: the engine copies all of it to let it grow, into memory of Go's that it allocates.
const MaxGrown = 1 << 17

// order is the order in which sections stand in a module.
var order = []byte{
	wasmbin.SectionType, wasmbin.SectionImport, wasmbin.SectionFunction, wasmbin.SectionTable,
	wasmbin.SectionMemory, wasmbin.SectionGlobal, wasmbin.SectionExport, wasmbin.SectionStart,
	wasmbin.SectionElement, wasmbin.SectionDataCount, wasmbin.SectionCode, wasmbin.SectionData,
}

// rewriter carries what the sections need to know of each other. What it adds
// comes last in its index space, where no index of the module may lead.
type rewriter struct {
	module     *wasmbin.Module
	imported   uint32              // functions; also the index of the added import
	imports    []*wasmbin.FuncType // types of imported functions
	defined    uint32              // functions that the module has a body of
	yieldTyp   uint32              // index of the type () -> i64
	fuel       uint32              // index of the fuel global
	stack      uint32              // index of the global that counts the stack that is left
	depth      int32               // what it begins with, in bytes
	room       uint32              // what tables may have together
	tables     uint32              // that are imported
	declared   []table
	boundTable []byte // the section that declares them
	added      uint32 // functions that are imported beside its own
	codeAt     int    // where the code section begins, for error messages

	named  map[uint32]bool   // functions that calls may reach through a table
	blocks map[string]uint32 // indices of the types () -> results of more than one
	plan   stackPlan
	pieces pieces
	leaves []int // what calls of defined functions cost that do not pay themselves, in bytes of code
}

// Inject returns a copy of module that can be stopped. It has three or four imports more
// than module, ImportName, ImportDeep, ImportPause and ImportFull of ImportModule, and behaves the same otherwise. Custom
// sections are left out, but for the names of functions.
//
// Inject does not validate what it copies, the engine does. But an index that
// means nothing in module is an error, since it could mean what Inject adds, and so is
// what it does not know: an UnknownError.
func Inject(module []byte) ([]byte, error) { return InjectBounded(module, Bounds{}) }

// Bounds are what a module may have beside its linear memory. A zero field means the
// default.
type Bounds struct {
	Elements int // of all tables together; MaxTable
	Stack    int // of calls that are not over, in bytes; DefaultStack
}

// InjectBounded is Inject with bounds.
func InjectBounded(module []byte, b Bounds) ([]byte, error) {
	m, err := wasmbin.Parse(module)
	if err != nil {
		return nil, err
	}
	bodies, err := sections(m)
	if err != nil {
		return nil, err
	}
	w := &rewriter{module: m, yieldTyp: uint32(len(m.Types)), defined: uint32(len(m.Functions)), room: uint32(cmp.Or(b.Elements, MaxTable)),
		depth: int32(min(cmp.Or(b.Stack, DefaultStack), maxStack)), named: map[uint32]bool{}}
	globals := uint32(0)
	for _, i := range m.Imports {
		switch i.Kind {
		case wasmbin.KindFunction:
			if i.Module == ImportModule {
				return nil, notForPlugins(i)
			}
			w.imported++
			w.imports = append(w.imports, &i.Type)
		case wasmbin.KindGlobal:
			globals++
		case wasmbin.KindTable:
			w.tables++
		case wasmbin.KindTag:
			return nil, fmt.Errorf("meter: %w", &UnknownError{fmt.Sprintf("import %s.%s", i.Module, i.Name), Exceptions})
		}
	}
	if s, ok := bodies[wasmbin.SectionGlobal]; ok {
		globals += uint32(wasmbin.NewReader(s.Body).Count())
	}
	w.fuel, w.stack, w.codeAt = globals, globals+1, bodies[wasmbin.SectionCode].Offset

	if w.boundTable, err = w.boundTables(bodies[wasmbin.SectionTable].Body); err != nil {
		return nil, fmt.Errorf("meter: section %d: %w", wasmbin.SectionTable, err)
	}
	if w.added = importFull; slices.ContainsFunc(w.declared, table.short) {
		w.added++
	}
	w.planPieces(bodies)

	out := append(make([]byte, 0, len(module)+len(module)/3), module[:8]...)
	for _, id := range order {
		body, err := w.section(id, bodies[id].Body)
		if err != nil {
			return nil, fmt.Errorf("meter: section %d: %w", id, err)
		}
		if body != nil {
			out = wasmbin.AppendSection(out, id, body)
		}
	}
	if names := w.names(); names != nil {
		out = wasmbin.AppendSection(out, wasmbin.SectionCustom, names)
	}
	return out, nil
}

// sections returns the sections that are not custom, by id. They stand in their
// order, each at most once.
func sections(m *wasmbin.Module) (map[byte]wasmbin.Section, error) {
	known, last := map[byte]wasmbin.Section{}, -1
	for _, s := range m.Sections {
		if s.ID == wasmbin.SectionCustom {
			r := wasmbin.NewReader(s.Body)
			if r.Name(); r.Err() != nil {
				return nil, fmt.Errorf("meter: custom section at byte %d: %w", s.Offset, r.Err())
			}
			continue
		}
		at := bytes.IndexByte(order, s.ID)
		if at < 0 {
			return nil, fmt.Errorf("meter: %w", unknownSection(s.ID))
		}
		if at <= last {
			return nil, fmt.Errorf("meter: section %d occurs twice, or out of order", s.ID)
		}
		known[s.ID], last = s, at
	}
	return known, nil
}

// section rewrites one section; body is nil when the module has none.
func (w *rewriter) section(id byte, body []byte) ([]byte, error) {
	switch id {
	case wasmbin.SectionType:
		return appendToVector(body, append([][]byte{{0x60, 0, 1, wasmbin.I64}, {0x60, 0, 0}, {0x60, 3, wasmbin.I32, wasmbin.I32, wasmbin.I32, 0}}, w.blockTypes()...)...)
	case wasmbin.SectionImport:
		return appendToVector(body, w.addedImports()[:w.added]...)
	case wasmbin.SectionGlobal:
		return w.globals(body)
	}
	if body == nil {
		return nil, nil
	}
	switch id {
	case wasmbin.SectionFunction:
		return w.functions(body)
	case wasmbin.SectionTable:
		return w.boundTable, nil
	case wasmbin.SectionExport:
		return w.exports(body)
	case wasmbin.SectionStart:
		r := wasmbin.NewReader(body)
		out := wasmbin.AppendU32(nil, w.function(r))
		return out, finished(r)
	case wasmbin.SectionElement:
		return w.elements(body)
	case wasmbin.SectionCode:
		return w.code(body)
	case wasmbin.SectionData: // engines make room for as many as it says
		r := wasmbin.NewReader(body)
		r.Count()
		return body, r.Err()
	}
	return body, nil
}

// function reads the index of a function and makes room for the added import.
func (w *rewriter) function(r *wasmbin.Reader) uint32 {
	return w.shift(w.index(r, "function", w.imported+w.defined))
}

// reference reads the index of a function outside of code. Whatever may be called
// through a table was named so, and what is exported may be put into one.
func (w *rewriter) reference(r *wasmbin.Reader) uint32 {
	i := w.index(r, "function", w.imported+w.defined)
	w.named[i] = true
	return w.shift(i)
}

// index reads an index of which the module has so many.
func (w *rewriter) index(r *wasmbin.Reader, of string, count uint32) uint32 {
	i := r.U32()
	if i >= count {
		r.Fail(fmt.Errorf("there is no %s %d", of, i))
	}
	return i
}

// shift makes room for the added import in the space of function indices.
func (w *rewriter) shift(function uint32) uint32 {
	if function >= w.imported {
		return function + w.added
	}
	return function
}

// addedTypes is how many types are added at the end.
const addedTypes = 3

// What is imported behind the module's own functions, in this order. The last one is
// left out where nothing calls it: engines reach globals in shorter code when there are
// few imports before them.
const (
	_ = iota // ImportName
	importDeep
	importPause
	importFull
)

// addedImports are all of those.
func (w *rewriter) addedImports() [][]byte {
	return [][]byte{
		imports(ImportName, w.yieldTyp), imports(ImportDeep, w.yieldTyp+1),
		imports(ImportPause, w.yieldTyp+1), imports(ImportFull, w.yieldTyp+1),
	}
}

// imports is the import of a function of the host's.
func imports(name string, typ uint32) []byte {
	entry := appendName(appendName(nil, ImportModule), name)
	return wasmbin.AppendU32(append(entry, wasmbin.KindFunction), typ)
}

// appendToVector adds elements to a section that is a vector.
func appendToVector(body []byte, elements ...[]byte) ([]byte, error) {
	if body == nil {
		body = []byte{0}
	}
	r := wasmbin.NewReader(body)
	n := r.U32()
	if r.Err() != nil {
		return nil, r.Err()
	}
	if uint64(n)+uint64(len(elements)) > 1<<32-1 {
		return nil, errors.New("too many entries")
	}
	out := wasmbin.AppendU32(make([]byte, 0, len(body)+64), n+uint32(len(elements)))
	out = append(out, body[r.Offset():]...)
	for _, e := range elements {
		out = append(out, e...)
	}
	return out, nil
}

func appendName(dst []byte, name string) []byte {
	return append(wasmbin.AppendU32(dst, uint32(len(name))), name...)
}

// appendSigned writes v as signed LEB128.
func appendSigned(dst []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(dst, c)
		}
		dst = append(dst, c|0x80)
	}
}

// padded is the length of a number whose value is filled in later.
const padded = 5

// putPadded writes v, which must be less than 2^34, as signed LEB128 of padded
// bytes.
func putPadded(dst []byte, v uint64) {
	for i := range padded - 1 {
		dst[i] = byte(v>>(7*i)) | 0x80
	}
	dst[padded-1] = byte(v>>(7*(padded-1))) & 0x7f
}
