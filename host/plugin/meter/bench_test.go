package meter_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// hostile are guests that do what lasts longest for their fuel.
func hostile() map[string]*asm.Module {
	loop := func(code ...[]byte) *asm.Module {
		m := &asm.Module{}
		m.Memory(1024)
		m.Func("run", asm.None, asm.None, []byte{0x7f, 0x7c}, asm.LoopVoid, asm.Join(code...), asm.Br(0), asm.End)
		return m
	}
	root := bytes.Repeat([]byte{0x9f}, 490) // f64.sqrt
	leaf := loop(bytes.Repeat(asm.Call(1), 1000))
	leaf.Func("", asm.None, asm.None, []byte{0x7c}, asm.Join(asm.LocalGet(0), root, []byte{0x21, 0}))
	return map[string]*asm.Module{
		"nothing":         loop(),
		"square roots":    loop(asm.LocalGet(1), root, asm.LocalSet(1)),
		"short functions": leaf,
		"cache misses": loop(bytes.Repeat(asm.Join( // a walk of the whole memory in strides of a page and a line
			asm.LocalGet(0), asm.LocalGet(0), []byte{0x28, 2, 0}, asm.I32Add, asm.I32Const(4096+64), asm.I32Add,
			asm.I32Const(1<<26-64), []byte{0x71}, asm.LocalSet(0)), 100)),
		"memory.fill 1 MiB":  loop(asm.I32Const(0), asm.I32Const(7), asm.I32Const(1<<20), asm.MemoryFill),
		"memory.fill 64 MiB": loop(asm.I32Const(0), asm.I32Const(7), asm.I32Const(1<<26), asm.MemoryFill),
		"memory.grow":        loop(asm.I32Const(1), asm.MemoryGrow, asm.Drop),
	}
}

// BenchmarkStop measures how long a guest goes on after its fuel: the time of
// a slice, which is also how long Go's collector may have to wait. The worst of
// all is reported beside it.
func BenchmarkStop(b *testing.B) {
	for name, m := range hostile() {
		b.Run(name, func(b *testing.B) {
			code, err := meter.Inject(m.Bytes())
			require.NoError(b, err)
			ctx := context.Background()
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(2048))
			defer func() { _ = rt.Close(ctx) }()
			slices, worst, last := 0, time.Duration(0), time.Now()
			instantiateYield(b, rt, func() int64 {
				worst = max(worst, time.Since(last))
				if slices++; slices > b.N {
					panic(errStop)
				}
				runtime.Gosched()
				last = time.Now()
				return meter.Slice
			})
			mod, err := rt.Instantiate(ctx, code)
			require.NoError(b, err)
			b.ResetTimer()
			last = time.Now()
			if _, err = mod.ExportedFunction("run").Call(ctx); !errors.Is(err, errStop) {
				b.Fatal(err)
			}
			b.ReportMetric(float64(worst.Microseconds()), "worst-us")
		})
	}
}
