package plugin

import (
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// checkSize looks at how large a module is, and what an instance of it begins
// with. What makes no sense is left for who compiles it.
func checkSize(module []byte, m *wasmbin.Module, l *limit.Set) error {
	tables, elements := declared(m, wasmbin.SectionTable, func(r *wasmbin.Reader) { r.Byte() })
	_, pages := declared(m, wasmbin.SectionMemory, func(*wasmbin.Reader) {})
	globals := wasmbin.NewReader(m.Find(wasmbin.SectionGlobal)).Count()
	switch {
	case len(module) > l.ModuleMiB<<20: // its own manifest may ask for less
		return l.Over(limit.ModuleMiB, nil, "the module has %d bytes", len(module))
	case len(m.Types) > l.Types:
		return l.Over(limit.Types, nil, "the module has %d types", len(m.Types))
	case len(m.Functions) > l.Functions:
		return l.Over(limit.Functions, nil, "the module has %d functions", len(m.Functions))
	case globals > l.Globals:
		return l.Over(limit.Globals, nil, "the module has %d globals", globals)
	case tables > l.Tables:
		return l.Over(limit.Tables, nil, "the module has %d tables", tables)
	case elements > int64(l.TableElements):
		return l.Over(limit.TableElements, nil, "the module begins with tables of %d elements", elements)
	case pages > int64(l.MemoryMiB)*pagesPerMiB:
		return l.Over(limit.MemoryMiB, nil, "the module begins with %d pages of 64 KiB of memory", pages)
	}
	return nil
}

// declared returns how many tables or memories a module has, and how large they are
// together at its start. kind reads what stands before the limits of each.
func declared(m *wasmbin.Module, section byte, kind func(r *wasmbin.Reader)) (count int, size int64) {
	r := wasmbin.NewReader(m.Find(section))
	for n := r.Count(); count < n && r.Err() == nil; count++ {
		kind(r)
		low, _, _ := r.Limits()
		size += int64(low)
	}
	return count, size
}
