package meter_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// FuzzInject changes valid modules. What was valid stays valid, is proved, and
// what was not does not become so.
func FuzzInject(f *testing.F) {
	var m asm.Module
	m.Import("happn", "now_ms", asm.None, asm.I64)
	m.Memory(1)
	m.GlobalI32(1)
	m.Func("run", asm.I32, asm.I64, asm.I32, asm.LoopVoid, asm.LocalGet(0), asm.BrIf(0), asm.End, asm.Call(0))
	m.Table(1, 1)
	m.Passive([]byte("x"), 1)
	f.Add(m.Bytes())
	f.Add(busy())
	for i := range 4 {
		f.Add((&generator{choices: noise(uint64(i))}).module())
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, module []byte) {
		code, err := meter.Inject(module)
		if err != nil {
			return
		}
		before, errBefore := rt.CompileModule(ctx, module)
		after, errAfter := rt.CompileModule(ctx, code)
		if errBefore != nil && strings.Contains(errBefore.Error(), "custom section name") {
			return // wazero counts the length of a length wrong, and the section is left out
		}
		if errBefore != nil {
			require.Error(t, errAfter, "not valid before: %v", errBefore)
			return
		}
		require.NoError(t, errAfter, "a valid module must stay valid")
		require.NoError(t, prove(module, code))
		_ = before.Close(ctx)
		_ = after.Close(ctx)
	})
}

// FuzzLandmarks changes modules that the meter does not know. They stay as valid as they were.
func FuzzLandmarks(f *testing.F) {
	var m asm.Module
	tag := m.Tag()
	m.Memory(1)
	run := m.Func("run", asm.None, asm.None, asm.I32, asm.BlockVoid, []byte{0x1f, 0x40, 1, 2, 0, 0x08, byte(tag)}, asm.End, asm.End)
	m.Func("again", asm.None, asm.None, nil, asm.ReturnCall(run))
	f.Add(m.Bytes())
	f.Add((&generator{choices: noise(1)}).module())
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExceptionHandling))
	f.Fuzz(func(t *testing.T, module []byte) {
		code, err := meter.Landmarks(module)
		if err != nil {
			return
		}
		// wazero panics over types of calls that there are not, which Inject refuses.
		compile := func(module []byte) (c wazero.CompiledModule, err error) {
			defer func() {
				if why := recover(); why != nil {
					err = fmt.Errorf("panic: %v", why)
				}
			}()
			return rt.CompileModule(ctx, module)
		}
		before, errBefore := compile(module)
		after, errAfter := compile(code)
		require.Equal(t, errBefore == nil, errAfter == nil, "before: %v, after: %v", errBefore, errAfter)
		if errBefore == nil {
			_, err := meter.Landmarks(code)
			require.NoError(t, err)
			_ = before.Close(ctx)
			_ = after.Close(ctx)
		}
	})
}

// FuzzMeteredCodeDoesTheSame makes modules that end, and runs them before and
// after the rewrite.
func FuzzMeteredCodeDoesTheSame(f *testing.F) {
	for i := range 8 {
		f.Add(noise(uint64(i)), uint32(i*1000))
	}
	f.Fuzz(func(t *testing.T, choices []byte, argument uint32) {
		module := (&generator{choices: choices}).module()
		code, err := meter.Inject(module)
		require.NoError(t, err)
		require.NoError(t, prove(module, code))
		was, wasTrap := outcome(t, module, argument)
		is, isTrap := outcome(t, code, argument)
		require.Equal(t, wasTrap, isTrap)
		require.Equal(t, was, is)
	})
}

func TestMeteredCodeDoesTheSame(t *testing.T) {
	for i := range uint64(300) {
		module := (&generator{choices: noise(i)}).module()
		code, err := meter.Inject(module)
		require.NoError(t, err)
		require.NoError(t, prove(module, code))
		was, wasTrap := outcome(t, module, uint32(i))
		is, isTrap := outcome(t, code, uint32(i))
		require.Equal(t, wasTrap, isTrap)
		require.Equal(t, was, is)
	}
}

// outcome runs a generated module and returns its result with what is in its
// memory afterwards, and whether it trapped.
func outcome(t *testing.T, module []byte, argument uint32) (result []byte, trapped bool) {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(4))
	defer func() { _ = rt.Close(ctx) }()
	instantiateYield(t, rt, func() int64 { return 20 }) // often
	mod, err := rt.Instantiate(ctx, module)
	require.NoError(t, err)
	got, err := mod.ExportedFunction("run").Call(ctx, uint64(argument))
	view, _ := mod.Memory().Read(0, mod.Memory().Size())
	result = append(result, view...)
	if err == nil {
		result = append(result, byte(got[0]), byte(got[0]>>8), byte(got[0]>>16), byte(got[0]>>24))
	}
	return result, err != nil
}

// noise is some bytes that are always the same.
func noise(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([]byte, 400)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}
