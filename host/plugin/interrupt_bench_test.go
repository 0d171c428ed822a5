package plugin_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// BenchmarkInterruption compares the ways to stop a guest, on a call that does
// nothing, on a loop of 100,000 iterations, and on a Go guest that decodes a
// record: none; the meter's fuel; wazero's WithCloseOnContextDone with a
// context that never ends, and with a time limit for each call.
func BenchmarkInterruption(b *testing.B) {
	loop := guest(
		asm.I32Const(100_000), asm.LocalSet(1),
		asm.LoopVoid, asm.LocalGet(1), asm.I32Const(1), asm.I32Sub, asm.LocalSet(1), asm.LocalGet(1), asm.BrIf(0), asm.End,
		verdict(abi.VerdictPass, 0, 0)).Bytes()
	goModule, err := goGuest()
	require.NoError(b, err)
	for _, work := range []struct {
		name   string
		module []byte
	}{{"nothing", passes()}, {"loop", loop}, {"go", goModule}} {
		for _, mode := range []string{"none", "fuel", "context", "deadline"} {
			b.Run(work.name+"/"+mode, func(b *testing.B) { benchmarkMode(b, work.module, mode) })
		}
	}
}

func benchmarkMode(b *testing.B, module []byte, mode string) {
	ctx := context.Background()
	if mode == "fuel" {
		metered, err := meter.Inject(module)
		require.NoError(b, err)
		module = metered
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(mode == "context" || mode == "deadline"))
	defer func() { _ = rt.Close(ctx) }()
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	_, err := rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] = meter.Slice }), nil, []api.ValueType{api.ValueTypeI64}).
		Export(meter.ImportName).NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) { panic("too deep") }), nil, nil).
		Export(meter.ImportDeep).NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), nil, nil).
		Export(meter.ImportPause).NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), nil, nil).
		Export(meter.ImportFull).Instantiate(ctx)
	require.NoError(b, err)
	i32 := api.ValueTypeI32
	ignore := api.GoFunc(func(context.Context, []uint64) {})
	_, err = rt.NewHostModuleBuilder(abi.ImportModule).
		NewFunctionBuilder().WithGoFunction(ignore, []api.ValueType{i32, i32, i32}, nil).Export(abi.ImportLog).
		NewFunctionBuilder().WithGoFunction(ignore, []api.ValueType{i32, i32}, []api.ValueType{i32}).Export(abi.ImportPayload).
		Instantiate(ctx)
	require.NoError(b, err)
	mod, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithSysNanotime())
	require.NoError(b, err)
	input := record(b, *request())
	pointer, err := mod.ExportedFunction(abi.ExportBuf).Call(ctx, uint64(len(input)))
	require.NoError(b, err)
	mod.Memory().Write(uint32(pointer[0]), input)
	hook := mod.ExportedFunction(abi.ExportInbound)
	stack := make([]uint64, 2)
	b.ReportAllocs()
	for b.Loop() {
		call, cancel := ctx, context.CancelFunc(func() {})
		if mode == "deadline" {
			call, cancel = context.WithTimeout(ctx, time.Second)
		}
		stack[0] = uint64(len(input))
		if err := hook.CallWithStack(call, stack); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
}
