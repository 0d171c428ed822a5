package plugin

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// maxRandom bounds what one call of the import random writes, in bytes.
const maxRandom = 64 << 10

// hostFunction is one import that the host provides. call reads its arguments
// from stack and writes its result there. What takes longer than reading a
// clock looks at the time limit, since fuel does not count time in the host.
type hostFunction struct {
	params, results []byte
	grant           manifest.Grant // needed to import it; empty means none
	call            func(i *instance, stack []uint64)
}

func (f hostFunction) funcType() wasmbin.FuncType {
	return wasmbin.FuncType{Params: f.params, Results: f.results}
}

// hostFunctions is a constant in all but name: the imports of module "happn".
var hostFunctions = map[string]hostFunction{
	abi.ImportLog:      {params: []byte{wasmbin.I32, wasmbin.I32, wasmbin.I32}, grant: manifest.GrantLog, call: hostLog},
	abi.ImportNowMS:    {results: i64, call: hostNowMS},
	abi.ImportConfig:   {params: []byte{wasmbin.I32, wasmbin.I32}, results: i32, call: hostConfig},
	abi.ImportPayload:  {params: []byte{wasmbin.I32, wasmbin.I32}, results: i32, call: hostPayload},
	abi.ImportFeatures: {params: []byte{wasmbin.I32, wasmbin.I32}, results: i32, call: hostFeatures},
	abi.ImportRandom:   {params: []byte{wasmbin.I32, wasmbin.I32}, results: i32, call: hostRandom},

	// What permissions cover. Each of these counts against limits.hostCalls.
	abi.ImportGet:        {params: i32x4, results: i32, call: hostGet},
	abi.ImportFind:       {params: i32x2, results: i32, call: hostFind},
	abi.ImportNext:       {params: i32x3, results: i32, call: hostNext},
	abi.ImportClose:      {params: i32, call: hostClose},
	abi.ImportCount:      {params: i32x2, results: i32, call: hostCount},
	abi.ImportSet:        {params: i32x2, results: i32, call: hostSet},
	abi.ImportRemove:     {params: i32x2, results: i32, call: hostRemove},
	abi.ImportPublish:    {params: i32x2, results: i32, grant: manifest.GrantPublish, call: hostPublish},
	abi.ImportSessionGet: {params: i32x4, results: i32, grant: manifest.GrantSessions, call: hostSessionGet},
	abi.ImportCall:       {params: i32x2, results: i32, call: hostService},
	abi.ImportAnswer:     {params: i32x2, results: i32, call: hostAnswer},
	abi.ImportConnSend:   {params: connBytes(wasmbin.I32), results: i32, call: hostConnSend},
	abi.ImportConnClose:  {params: connBytes(), results: i32, call: hostConnClose},
	abi.ImportConnState:  {params: connBytes(), results: i32, call: hostConnState},
	abi.ImportConnTimer:  {params: []byte{wasmbin.I64, wasmbin.I32, wasmbin.I64}, results: i32, call: hostConnTimer},
	abi.ImportLastError:  {params: i32x2, results: i32, call: hostLastError},

	abi.ImportMetricDefine: {params: i32x2, results: i32, call: hostMetricDefine},
	abi.ImportMetricAdd:    {params: []byte{wasmbin.I32, wasmbin.F64, wasmbin.I32, wasmbin.I32}, results: i32, call: hostMetricAdd},
}

var (
	i32x2 = []byte{wasmbin.I32, wasmbin.I32}
	i32x3 = []byte{wasmbin.I32, wasmbin.I32, wasmbin.I32}
	i32x4 = []byte{wasmbin.I32, wasmbin.I32, wasmbin.I32, wasmbin.I32}
)

// connBytes are the parameters of what takes a connection and bytes, with others
// between them.
func connBytes(others ...byte) []byte {
	return append(append([]byte{wasmbin.I64}, others...), wasmbin.I32, wasmbin.I32)
}

// instanceKey is how a host function finds its instance in the context that
// every call into that instance carries.
type instanceKey struct{}

func instantiateHost(ctx context.Context, rt wazero.Runtime) error {
	b := rt.NewHostModuleBuilder(abi.ImportModule)
	for name, f := range hostFunctions {
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
			i := ctx.Value(instanceKey{}).(*instance)
			i.mem = mod.Memory() // a start function may call before the instance exists
			f.call(i, stack)
		}), valueTypes(f.params), valueTypes(f.results)).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func valueTypes(b []byte) []api.ValueType {
	out := make([]api.ValueType, len(b))
	copy(out, b)
	return out
}

func hostLog(i *instance, stack []uint64) {
	i.charge(fuelImport)
	size := uint32(stack[2])
	if text, ok := i.mem.Read(uint32(stack[1]), min(size, uint32(i.gen.manifest.Limits.LogLineBytes))); ok {
		i.gen.guestLog.write(int32(stack[0]), text, int(size))
	}
}

func hostNowMS(_ *instance, stack []uint64) {
	stack[0] = uint64(time.Now().UnixMilli())
}

func hostConfig(i *instance, stack []uint64) {
	stack[0] = i.give(i.gen.config, stack)
}

func hostPayload(i *instance, stack []uint64) {
	if i.payload == nil {
		stack[0] = errno(abi.ErrnoNotFound)
		return
	}
	stack[0] = i.give(i.payload, stack)
}

func hostRandom(i *instance, stack []uint64) {
	i.charge(fuelImport)
	length := uint32(stack[1])
	if length > maxRandom {
		stack[0] = errno(abi.ErrnoTooLarge)
		return
	}
	dst, ok := i.mem.Read(uint32(stack[0]), length)
	if !ok {
		stack[0] = errno(abi.ErrnoInvalid)
		return
	}
	_, _ = rand.Read(dst) // never fails
	stack[0] = uint64(length)
}

// give answers an import of type (dst, cap) -> needed length: it writes b if it
// fits, and nothing if not.
func (i *instance) give(b []byte, stack []uint64) uint64 {
	if len(b) > firstBuffer {
		i.charge(fuelImport)
	}
	view, err := i.target(stack[0], stack[1], len(b))
	if err != nil {
		return errno(Errno(err))
	}
	copy(view, b)
	return uint64(uint32(len(b)))
}

func errno(e abi.Errno) uint64 { return uint64(uint32(e)) }
