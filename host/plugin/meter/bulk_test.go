package meter_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

const mib = 1 << 20

// bulkGuest is a module with a memory of 8 MiB whose "fill", "copy" and "init" do these
// operations with what they are given, and whose segment 0 has 3 MiB and a bit.
func bulkGuest() *asm.Module {
	m := &asm.Module{}
	m.Memory(8 * 16)
	operands := asm.Join(asm.LocalGet(0), asm.LocalGet(1), asm.LocalGet(2))
	three := []byte{0x7f, 0x7f, 0x7f}
	m.Func("fill", three, asm.None, nil, operands, asm.MemoryFill)
	m.Func("copy", three, asm.None, nil, operands, []byte{0xfc, 10, 0, 0})
	m.Func("init", three, asm.None, nil, operands, []byte{0xfc, 8, 0, 0})
	m.Passive(pattern(3*mib+77), 1)
	return m
}

// pattern is that many bytes that are not the same everywhere.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>17)
	}
	return b
}

// employBulk starts the module, and counts how often it pauses.
func employBulk(t *testing.T, code []byte, pauses *int) api.Module {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	instantiateMeter(t, rt, func() int64 { return meter.Slice }, func() { *pauses++ }, func() {})
	mod, err := rt.Instantiate(ctx, code)
	require.NoError(t, err)
	return mod
}

// Large operations on memory are done piece by piece, and do what they do at once: upwards
// or downwards where they overlap, and nothing at all when they do not fit.
func TestBulkOperationsAreDoneInPieces(t *testing.T) {
	m := bulkGuest()
	code, err := meter.Inject(m.Bytes())
	require.NoError(t, err)
	require.NoError(t, prove(m.Bytes(), code))
	pauses := 0
	plain, metered := employBulk(t, m.Bytes(), &pauses), employBulk(t, code, &pauses)
	const end = 8 * mib
	for _, c := range []struct {
		name             string
		to, from, amount uint64
		fits             bool
		pauses           int
	}{
		{"fill", 5, 0x1f7, 100, true, 0},
		{"fill", 0, 7, mib, true, 0},
		{"fill", 3, 9, mib + 1, true, 1},
		{"fill", 1, 3, end - 1, true, 7},
		{"fill", end, 3, 0, true, 0},
		{"fill", 2, 3, end - 1, false, 0},
		{"fill", 1 << 31, 3, 1 << 31, false, 0},
		{"fill", end + 1, 3, 0, false, 0},
		{"copy", 0, 5 * mib, 3 * mib, true, 2},
		{"copy", 1, 0, end - 1, true, 7},
		{"copy", 0, 1, end - 1, true, 7},
		{"copy", 100, 100, 2 * mib, true, 1},
		{"copy", 3 * mib / 2, 0, 3*mib + 5, true, 3},
		{"copy", 0, 3 * mib / 2, 3*mib + 5, true, 3},
		{"copy", 5 * mib, 0, 3*mib + 1, false, 0},
		{"copy", 0, 5 * mib, 3*mib + 1, false, 0},
		{"copy", 0, 1 << 31, 1 << 31, false, 0},
		{"init", 9, 0, 3*mib + 77, true, 3},
		{"init", mib, 77, 3 * mib, true, 2},
		{"init", 9, 1, 3*mib + 77, false, 0},
		{"init", 6 * mib, 0, 3 * mib, false, 0},
		{"init", 0, 0, 1<<32 - 1, false, 0},
	} {
		pauses = 0
		for i, mod := range []api.Module{plain, metered} {
			require.True(t, mod.Memory().Write(0, pattern(end)))
			_, err := mod.ExportedFunction(c.name).Call(context.Background(), c.to, c.from, c.amount)
			require.Equal(t, c.fits, err == nil, "%d: %+v: %v", i, c, err)
		}
		before, _ := plain.Memory().Read(0, end)
		after, _ := metered.Memory().Read(0, end)
		require.True(t, bytes.Equal(before, after), "%+v", c)
		require.Equal(t, c.pauses, pauses, "%+v", c)
	}
}

// Whatever its size, an operation lets the host in after a moment.
func TestBulkOperationsPause(t *testing.T) {
	m := bulkGuest()
	code, err := meter.Inject(m.Bytes())
	require.NoError(t, err)
	best := time.Hour
	for range 5 {
		var last time.Time
		worst := time.Duration(0)
		ctx := context.Background()
		rt := wazero.NewRuntime(ctx)
		visit := func() {
			worst = max(worst, time.Since(last))
			last = time.Now()
		}
		instantiateMeter(t, rt, func() int64 { visit(); return meter.Slice }, visit, func() {})
		mod, err := rt.Instantiate(ctx, code)
		require.NoError(t, err)
		require.True(t, mod.Memory().Write(0, pattern(8*mib)))
		last = time.Now()
		_, err = mod.ExportedFunction("copy").Call(ctx, 1, 0, 8*mib-1)
		require.NoError(t, err)
		visit()
		require.NoError(t, rt.Close(ctx))
		best = min(best, worst)
	}
	require.Less(t, best, 5*time.Millisecond)
}
