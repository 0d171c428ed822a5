package plugin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/object"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// engineKind is which engine runs a module.
type engineKind string

const (
	engineRaw    engineKind = "raw"
	engineExtism engineKind = "extism"
)

var (
	i32, i64 = []byte{wasmbin.I32}, []byte{wasmbin.I64}

	typeNone = wasmbin.FuncType{}
	typeBuf  = wasmbin.FuncType{Params: i32, Results: i32}
	typeHook = wasmbin.FuncType{Params: i32, Results: i64}
	typeConn = wasmbin.FuncType{Params: []byte{wasmbin.I64, wasmbin.I32}, Results: i64}
)

// exportTypes holds the type of every export that the ABI names.
var exportTypes = map[string]wasmbin.FuncType{
	abi.ExportMarker:     typeNone,
	abi.ExportInitialize: typeNone,
	abi.ExportBuf:        typeBuf,
	abi.ExportInit:       typeBuf,
	abi.ExportInbound:    typeHook,
	abi.ExportOutbound:   typeHook,
	abi.ExportProfile:    typeHook,
	abi.ExportAuth:       typeHook,
	abi.ExportSearch:     typeHook,
	abi.ExportHTTP:       typeHook,
	abi.ExportEvent:      typeHook,
	abi.ExportService:    typeHook,
	abi.ExportConnOpen:   typeConn,
	abi.ExportConnData:   typeConn,
	abi.ExportConnEvent:  typeConn,
	abi.ExportConnClose:  {Params: []byte{wasmbin.I64, wasmbin.I32}},
	abi.ExportTick:       {Params: i64, Results: i64},
}

// detect tells which engine a module is for, by its imports and exports only.
// want is what its manifest says; with "extism" it need not import anything of
// Extism.
func detect(m *wasmbin.Module, want string) (engineKind, error) {
	exports := map[string]wasmbin.Export{}
	marker := ""
	for _, e := range m.Exports {
		exports[e.Name] = e
		if strings.HasPrefix(e.Name, abi.ExportMarkerStem) && marker != abi.ExportMarker {
			marker = e.Name
		}
	}
	switch {
	case marker == abi.ExportMarker && want == string(engineExtism):
		return engineRaw, fmt.Errorf("abi: the manifest says extism, and the export %q that the module is raw", marker)
	case marker == abi.ExportMarker:
		return engineRaw, checkRawExports(exports)
	case marker != "":
		return "", fmt.Errorf("export %q: this host speaks %s only; build the module with a matching SDK", marker, abi.ExportMarker)
	}
	built := slices.ContainsFunc(m.Imports, func(i wasmbin.Import) bool {
		return i.Module == abi.ExtismEnvironment || i.Module == abi.ExtismUser
	})
	switch {
	case built && want == string(engineRaw):
		return engineExtism, fmt.Errorf("abi: the manifest says raw, and the module imports what Extism provides and does not export %q", abi.ExportMarker)
	case built, want == string(engineExtism):
		return engineExtism, checkExtismExports(m)
	}
	return "", fmt.Errorf("not a happn plugin: no export %q (build it with a happn SDK or an Extism PDK, or export it as described in abi/ABI.md)", abi.ExportMarker)
}

func checkRawExports(exports map[string]wasmbin.Export) error {
	if e, ok := exports[abi.ExportMemory]; !ok || e.Kind != wasmbin.KindMemory {
		return fmt.Errorf("export %q is missing or no memory", abi.ExportMemory)
	}
	if _, ok := exports[abi.ExportBuf]; !ok {
		return fmt.Errorf("export %q is missing", abi.ExportBuf)
	}
	if _, ok := exports["_start"]; ok {
		return errors.New(`export "_start": a command, which ends after main, not a reactor: build with -buildmode=c-shared (Go) or -mexec-model=reactor (C)`)
	}
	for _, name := range slices.Sorted(maps.Keys(exportTypes)) {
		e, ok := exports[name]
		if !ok {
			continue
		}
		want := exportTypes[name]
		if e.Kind != wasmbin.KindFunction {
			return fmt.Errorf("export %q is no function, expected one of type %s", name, want)
		}
		if !e.Type.Equal(want) {
			return fmt.Errorf("export %q has type %s, expected %s", name, e.Type, want)
		}
	}
	return nil
}

// checkImports refuses a module that wants something no grant covers.
func checkImports(m *wasmbin.Module, engine engineKind, wanted *manifest.Manifest) error {
	for _, i := range m.Imports {
		if i.Kind != wasmbin.KindFunction {
			return fmt.Errorf("import %s.%s: only functions can be imported", i.Module, i.Name)
		}
		var err error
		switch {
		case i.Module == wasiModule:
			if !slices.Contains(wasiFunctions, i.Name) {
				err = fmt.Errorf("import %s.%s: plugins have no such thing (no file system, network or processes)", i.Module, i.Name)
			}
		case i.Module == abi.ImportModule && engine == engineRaw:
			err = checkHostImport(i, wanted)
		case (i.Module == abi.ExtismEnvironment || i.Module == abi.ExtismUser) && engine == engineExtism:
			err = checkExtismImport(i, wanted)
		default:
			err = fmt.Errorf("import %s.%s: no grant covers module %q", i.Module, i.Name, i.Module)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkHostImport(i wasmbin.Import, wanted *manifest.Manifest) error {
	f, ok := hostFunctions[i.Name]
	if !ok {
		return fmt.Errorf("import %s.%s: this version of the host does not provide it%s", i.Module, i.Name, object.Suggest(i.Name, slices.Sorted(maps.Keys(hostFunctions))))
	}
	if !i.Type.Equal(f.funcType()) {
		return fmt.Errorf("import %s.%s has type %s, expected %s", i.Module, i.Name, i.Type, f.funcType())
	}
	if f.grant != "" && !wanted.Granted(f.grant) {
		return fmt.Errorf("import %s.%s needs the grant %q: add it to grants in the operator's file", i.Module, i.Name, f.grant)
	}
	return nil
}

// hooksOf lists the hooks that a module exports.
func hooksOf(m *wasmbin.Module) (kinds []hook.Kind) {
	for i := range hook.Places {
		if k := hook.RulesAt(i); exportsName(m, k.Exports[0]) {
			kinds = append(kinds, k.Kind)
		}
	}
	return kinds
}

func exportsName(m *wasmbin.Module, name string) bool {
	return slices.ContainsFunc(m.Exports, func(e wasmbin.Export) bool { return e.Name == name })
}

// resolveHooks fits the manifest's hooks to the module's exports. Without any in
// the manifest, each exported hook gets the defaults; SDKs export what they have
// for all kinds, so with a manifest the others count as not there.
func resolveHooks(m *wasmbin.Module, wanted *manifest.Manifest, file string) error {
	kinds := hooksOf(m)
	for _, h := range wanted.Hooks {
		for i, export := range hook.RulesAt(h.Kind.Place()).Exports {
			if i == 0 && !slices.Contains(kinds, h.Kind) || i > 0 && !exportsName(m, export) {
				return fmt.Errorf("%s: hooks: %s is listed but the module does not export %q", file, h.Kind, export)
			}
		}
	}
	if len(wanted.Hooks) > 0 {
		return wanted.CheckHooks(file)
	}
	if len(kinds) == 0 {
		return fmt.Errorf("the module exports no hook: export %q or %q, or another one of abi/ABI.md", abi.ExportInbound, abi.ExportOutbound)
	}
	for _, k := range kinds {
		if hook.RulesAt(k.Place()).Layer { // the others do nothing without a manifest
			wanted.Hooks = append(wanted.Hooks, hook.Hook{Kind: k})
		}
	}
	if len(wanted.Hooks) == 0 {
		return fmt.Errorf("the module exports a %s hook, which needs a manifest that lists it in hooks", kinds[0])
	}
	return nil
}
