package wasmbin

import "fmt"

func (m *Module) readTypes(r *Reader) {
	for n := r.Count(); n > 0 && r.err == nil; n-- {
		if form := r.Byte(); form != 0x60 {
			r.Fail(fmt.Errorf("type 0x%x is not a function type", form))
			return
		}
		params := r.Bytes(r.U32())
		results := r.Bytes(r.U32())
		m.Types = append(m.Types, FuncType{Params: params, Results: results})
	}
}

func (m *Module) readImports(r *Reader) {
	for n := r.Count(); n > 0 && r.err == nil; n-- {
		imp := Import{Module: r.Name(), Name: r.Name(), Kind: r.Byte()}
		switch imp.Kind {
		case KindFunction:
			imp.TypeIndex = r.U32()
			if int64(imp.TypeIndex) >= int64(len(m.Types)) {
				r.Fail(fmt.Errorf("import %s.%s has no type", imp.Module, imp.Name))
				return
			}
			imp.Type = m.Types[imp.TypeIndex]
		case KindTable:
			r.Byte()
			r.Limits()
		case KindMemory:
			r.Limits()
		case KindGlobal:
			r.Byte()
			r.Byte()
		case KindTag:
			r.Byte()
			r.U32()
		default:
			r.Fail(fmt.Errorf("import %s.%s is of unknown kind %d", imp.Module, imp.Name, imp.Kind))
		}
		m.Imports = append(m.Imports, imp)
	}
}

// Limits reads the limits of a memory or a table.
func (r *Reader) Limits() (minimum, maximum uint32, bounded bool) {
	flag := r.Byte()
	if flag > 1 {
		r.Fail(fmt.Errorf("limits of kind %d (shared or 64-bit memory) are not supported", flag))
		return 0, 0, false
	}
	minimum = r.U32()
	if flag == 1 {
		maximum = r.U32()
	}
	return minimum, maximum, flag == 1
}

type rawExport struct {
	name  string
	kind  byte
	index uint32
}

func readExports(r *Reader) (out []rawExport) {
	for n := r.Count(); n > 0 && r.err == nil; n-- {
		out = append(out, rawExport{name: r.Name(), kind: r.Byte(), index: r.U32()})
	}
	return out
}

// typeExports finds the type of each exported function: imports come first in
// the index space, the module's own functions after them.
func (m *Module) typeExports(raw []rawExport) error {
	var space []uint32
	for _, imp := range m.Imports {
		if imp.Kind == KindFunction {
			space = append(space, imp.TypeIndex)
		}
	}
	space = append(space, m.Functions...)
	for _, e := range raw {
		out := Export{Name: e.name, Kind: e.kind}
		if e.kind == KindFunction {
			if int64(e.index) >= int64(len(space)) || int64(space[e.index]) >= int64(len(m.Types)) {
				return fmt.Errorf("export %q names a function that does not exist", e.name)
			}
			out.Type = m.Types[space[e.index]]
		}
		m.Exports = append(m.Exports, out)
	}
	return nil
}
