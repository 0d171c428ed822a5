package meter_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// Tables grow as far as both the module and the meter allow, and the host is told of
// what only the meter does not.
func TestTheHostIsToldOfTablesThatAreFull(t *testing.T) {
	const most = meter.MaxGrown
	for name, c := range map[string]struct {
		low, high uint32 // as declared, 0 for no end
		room      int
		by        []uint32
		fails     bool // the last one
		told      int
	}{
		"it fits":                        {1, 0, 100, []uint32{50, 49}, false, 0},
		"one too many":                   {1, 0, 100, []uint32{50, 50}, true, 1},
		"again and again":                {1, 0, 100, []uint32{100, 1, 0, 99, 100}, true, 3},
		"more than there can be":         {2, 0, 100, []uint32{math.MaxUint32}, true, 0},
		"as much as there can be":        {2, 0, 100, []uint32{math.MaxUint32 - 2}, true, 1},
		"its own end":                    {1, 10, 100, []uint32{9, 1}, true, 0},
		"its own end is higher":          {1, 110, 100, []uint32{109}, true, 1},
		"more than its own end":          {1, 110, 100, []uint32{110}, true, 0},
		"what is copied at once":         {1, 0, most, []uint32{most - 1}, false, 0},
		"more than is copied at once":    {1, 0, 2 * most, []uint32{most}, true, 1},
		"it begins with more than that":  {most + 1, 0, 2 * most, []uint32{0, 1}, true, 1},
		"it begins with all that it has": {most + 1, most + 1, 2 * most, []uint32{1}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			told, paused := 0, 0
			rt := wazero.NewRuntime(context.Background())
			defer func() { _ = rt.Close(context.Background()) }()
			instantiateMeter(t, rt, func() int64 { return meter.Slice }, func() { paused++ }, func() { told++ })
			code, err := meter.InjectBounded(growing(c.low, c.high), meter.Bounds{Elements: c.room})
			require.NoError(t, err)
			mod, err := rt.Instantiate(context.Background(), code)
			require.NoError(t, err)
			var last uint64
			for _, n := range c.by {
				results, err := mod.ExportedFunction("grow").Call(context.Background(), uint64(n))
				require.NoError(t, err)
				last = results[0]
			}
			require.Equal(t, c.fails, last == math.MaxUint32)
			require.Equal(t, c.told, told)
			require.Equal(t, len(c.by), paused)
		})
	}
}

// growing is a module with two tables, the second one as it is said, which "grow" has grow.
func growing(low, high uint32) []byte {
	m := &asm.Module{}
	m.Table(0)
	m.Table(0)
	m.Func("grow", asm.I32, asm.I32, nil, []byte{0xd0, 0x70}, asm.LocalGet(0), []byte{0xfc, 15, 1})
	parsed, err := wasmbin.Parse(m.Bytes())
	if err != nil {
		panic(err)
	}
	tables := wasmbin.AppendU32([]byte{2, 0x70, 1, 0, 0, 0x70, 0}, low)
	if high > 0 {
		tables[6] = 1
		tables = wasmbin.AppendU32(tables, high)
	}
	out := m.Bytes()[:8]
	for _, s := range parsed.Sections {
		if s.ID == wasmbin.SectionTable {
			s.Body = tables
		}
		out = wasmbin.AppendSection(out, s.ID, s.Body)
	}
	return out
}
