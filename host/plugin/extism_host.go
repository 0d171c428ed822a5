package plugin

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/object"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// extismForm says how Extism guests call a host function. Where raw guests say
// (pointer, length), they name a block of Extism's memory by its offset; where raw
// guests say (dst, cap), they get a new block. All numbers are i64.
type extismForm struct {
	numbers int  // how many numbers come first
	value   bool // the next argument is an f64
	in      bool // a block is read
	none    bool // which may be 0 for no bytes
	out     bool // a block is made; its offset is the result, 0 for nothing
	size    bool // the argument is how long that block is to be
	silent  bool // there is no result
}

// extismForms is a constant in all but name: the imports of abi.ExtismUser.
var extismForms = map[string]extismForm{
	abi.ImportLog:        {numbers: 1, in: true, silent: true},
	abi.ImportNowMS:      {},
	abi.ImportConfig:     {out: true},
	abi.ImportFeatures:   {out: true},
	abi.ImportPayload:    {out: true},
	abi.ImportRandom:     {size: true},
	abi.ImportGet:        {in: true, out: true},
	abi.ImportFind:       {in: true},
	abi.ImportNext:       {numbers: 1, out: true},
	abi.ImportClose:      {numbers: 1, silent: true},
	abi.ImportCount:      {in: true},
	abi.ImportSet:        {in: true},
	abi.ImportRemove:     {in: true},
	abi.ImportPublish:    {in: true},
	abi.ImportSessionGet: {in: true, out: true},
	abi.ImportCall:       {in: true},
	abi.ImportAnswer:     {out: true},
	abi.ImportLastError:  {out: true},
	abi.ImportConnSend:   {numbers: 2, in: true, none: true},
	abi.ImportConnClose:  {numbers: 1, in: true, none: true},
	abi.ImportConnState:  {numbers: 1, in: true, none: true},
	abi.ImportConnTimer:  {numbers: 3},

	abi.ImportMetricDefine: {in: true},
	abi.ImportMetricAdd:    {numbers: 1, value: true, in: true, none: true},
}

func (f extismForm) funcType() wasmbin.FuncType {
	var t wasmbin.FuncType
	for range f.numbers {
		t.Params = append(t.Params, wasmbin.I64)
	}
	if f.value {
		t.Params = append(t.Params, wasmbin.F64)
	}
	if f.in || f.size {
		t.Params = append(t.Params, wasmbin.I64)
	}
	if !f.silent {
		t.Results = i64
	}
	return t
}

// translate carries out a host function for an Extism guest, with the arguments
// that a raw guest would give.
func (g *extismGuest) translate(form extismForm, call func(*instance, []uint64), stack []uint64) {
	var raw [4]uint64
	first := form.numbers
	if form.value {
		first++
	}
	copy(raw[:], stack[:first])
	arguments, given := raw[first:], stack[first:]
	switch {
	case form.in && form.none && given[0] == 0: // no bytes
	case form.in:
		length := g.length(given[0])
		if length == 0 {
			g.refuse(form, stack, fmt.Errorf("%w: there is no block at offset %d", ErrInvalid, given[0]))
			return
		}
		arguments[0], arguments[1] = given[0], uint64(length)
		arguments = arguments[2:]
	case form.size:
		view, err := g.roomFor(given[0])
		if err != nil {
			g.refuse(form, stack, err)
			return
		}
		arguments[0], arguments[1] = uint64(g.last), uint64(len(view))
	}
	if form.out {
		arguments[1] = math.MaxUint32 // whatever its size, it fits into a block of its own
	}
	call(&g.instance, raw[:])
	if !form.silent {
		stack[0] = g.result(form, raw[0])
	}
}

// roomFor makes a block for as many random bytes as a guest asks for.
func (g *extismGuest) roomFor(length uint64) (view []byte, err error) {
	if length == 0 || length > maxRandom {
		return nil, fmt.Errorf("%w: between 1 and %d bytes", abi.ErrnoTooLarge, maxRandom)
	}
	view, ok := g.block(int(length))
	if !ok {
		return nil, fmt.Errorf("%w: no memory is left", abi.ErrnoTooLarge)
	}
	return view, nil
}

// result makes of a raw function's result what an Extism guest gets.
func (g *extismGuest) result(form extismForm, raw uint64) uint64 {
	number := int32(raw)
	switch {
	case form == (extismForm{}): // a time, of 64 bits
		return raw
	case number < 0:
		return uint64(int64(number))
	case number == 0, !form.out && !form.size:
		return uint64(number)
	}
	return uint64(g.last)
}

// refuse answers a call that a raw function never sees.
func (g *extismGuest) refuse(form extismForm, stack []uint64, err error) {
	if number := int32(g.fail(err)); !form.silent {
		stack[0] = uint64(int64(number))
	}
}

// checkExtismExports refuses hooks of the wrong type. Whether there are any is
// found out later.
func checkExtismExports(m *wasmbin.Module) error {
	for _, e := range m.Exports {
		_, ours := exportTypes[e.Name]
		if !ours || e.Name == abi.ExportMemory || e.Name == abi.ExportInitialize {
			continue
		}
		if e.Kind != wasmbin.KindFunction || !e.Type.Equal(typeExtism) {
			return fmt.Errorf("export %q has type %s, expected %s of a module built with an Extism PDK", e.Name, e.Type, typeExtism)
		}
	}
	return nil
}

var typeExtism = wasmbin.FuncType{Results: i32}

// checkExtismImport refuses what PDKs import and no grant covers.
func checkExtismImport(i wasmbin.Import, wanted *manifest.Manifest) error {
	var want wasmbin.FuncType
	var grant manifest.Grant
	if i.Module == abi.ExtismUser {
		form, ok := extismForms[i.Name]
		if !ok {
			return fmt.Errorf("import %s.%s: this version of the host does not provide it%s", i.Module, i.Name, object.Suggest(i.Name, slices.Sorted(maps.Keys(extismForms))))
		}
		want, grant = form.funcType(), hostFunctions[i.Name].grant
	} else {
		f, ok := extismFunctions[i.Name]
		switch {
		case slices.Contains(extismHTTP, i.Name):
			return fmt.Errorf("import %s.%s: plugins have no network, and no grant covers it: build the module without requests by HTTP", i.Module, i.Name)
		case !ok:
			return fmt.Errorf("import %s.%s: plugins have no such thing", i.Module, i.Name)
		}
		want, grant = f.funcType(), f.grant
	}
	if !i.Type.Equal(want) {
		return fmt.Errorf("import %s.%s has type %s, expected %s", i.Module, i.Name, i.Type, want)
	}
	if grant != "" && !wanted.Granted(grant) {
		return fmt.Errorf("import %s.%s needs the grant %q: add it to grants in the operator's file", i.Module, i.Name, grant)
	}
	return nil
}

var extismHTTP = []string{"http_request", "http_status_code", "http_headers"}
