package meter_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// What the meter adds comes after what a module has. A module that names it is
// not valid, but would be once it is rewritten: it could give itself fuel.
func TestModulesCannotNameWhatTheMeterAdds(t *testing.T) {
	const indirect, typ = 0x11, 2
	fill := asm.Join(asm.I64Const(1<<62), asm.GlobalSet(1))
	for name, c := range map[string]struct {
		code []byte
		more func(m *asm.Module)
		says string
	}{
		"the fuel, written": {asm.Join(asm.LoopVoid, fill, asm.Br(0), asm.End), nil, "there is no global 1"},
		"the fuel, read":    {asm.Join(asm.GlobalGet(1), asm.Drop), nil, "there is no global 1"},
		"the fuel, exported": {nil, func(m *asm.Module) {
			m.Export("fuel", wasmbin.KindGlobal, 1)
		}, "there is no global 1"},
		"its local":                         {asm.Join(asm.LocalGet(1), asm.Drop), nil, "there is no local 1"},
		"its other local":                   {asm.Join(asm.I32Const(1), asm.LocalSet(2)), nil, "there is no local 2"},
		"its type":                          {asm.Join(asm.I32Const(0), []byte{indirect, typ, 0}, asm.Drop), func(m *asm.Module) { m.Table(1) }, "there is no type 2"},
		"its type, for a block":             {asm.Join([]byte{0x02, typ}, asm.I64Const(1), asm.End, asm.Drop), nil, "there is no type 2"},
		"a function too many":               {asm.Call(2), nil, "there is no function 2"},
		"the last index of all":             {[]byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x0f}, nil, "there is no function 4294967295"},
		"a function too many, by reference": {[]byte{0xd2, 2, 0x1a}, nil, "there is no function 2"},
		"a function too many, in a table":   {nil, func(m *asm.Module) { m.Table(1, 2) }, "there is no function 2"},
		"a function too many, to start":     {nil, func(m *asm.Module) { m.Start(2) }, "there is no function 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var m asm.Module
			m.Import("happn", "stop", asm.None, asm.None)
			m.GlobalI32(0)
			m.Func("run", asm.I32, asm.None, nil, c.code)
			if c.more != nil {
				c.more(&m)
			}
			_, err := meter.Inject(m.Bytes())
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestRefusalsSayWhere(t *testing.T) {
	var m asm.Module
	m.Import("happn", "stop", asm.None, asm.None)
	m.Func("", asm.None, asm.None, nil)
	m.Func("run", asm.None, asm.None, nil, asm.Nop, []byte{0x12, 0})
	_, err := meter.Inject(m.Bytes())
	at := len(m.Bytes()) - 3 // 0x12, 0 and the end
	require.EqualError(t, err, "meter: section 10: function 2, at byte "+strconv.Itoa(at)+" of the module: instruction 0x12 is not supported (tail calls)")
	require.EqualValues(t, 0x12, m.Bytes()[at])
}
