package wasmbin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func marked(from string) string {
	if from == "env" {
		return "a longer name"
	}
	return from
}

func TestImportsAreRenamedByModule(t *testing.T) {
	m := &asm.Module{}
	m.Import("env", "f", asm.I32, asm.I64)
	m.Import("other", "env", asm.None, asm.None)
	m.Memory(1)
	m.Func("run", asm.None, asm.None, nil, asm.I32Const(1), asm.Call(0), asm.Drop)
	out, err := wasmbin.RenameImports(m.Bytes(), marked)
	require.NoError(t, err)
	before, err := wasmbin.Parse(m.Bytes())
	require.NoError(t, err)
	after, err := wasmbin.Parse(out)
	require.NoError(t, err)
	require.Equal(t, "a longer name", after.Imports[0].Module)
	after.Imports[0].Module = "env"
	require.Equal(t, before.Imports, after.Imports)
	require.Equal(t, before.Exports, after.Exports)
}

func TestANoOpIsAdded(t *testing.T) {
	m := &asm.Module{}
	m.Memory(1)
	m.Func("run", asm.None, asm.I32, nil, asm.I32Const(7))
	out, err := wasmbin.AppendNoOp(m.Bytes(), "nothing")
	require.NoError(t, err)
	rt := wazero.NewRuntime(context.Background())
	defer func() { _ = rt.Close(context.Background()) }()
	mod, err := rt.Instantiate(context.Background(), out)
	require.NoError(t, err)
	results, err := mod.ExportedFunction("nothing").Call(context.Background())
	require.NoError(t, err)
	require.Empty(t, results)
	results, err = mod.ExportedFunction("run").Call(context.Background())
	require.NoError(t, err)
	require.Equal(t, []uint64{7}, results)

	empty := &asm.Module{}
	empty.Memory(1)
	_, err = wasmbin.AppendNoOp(empty.Bytes(), "nothing")
	require.ErrorContains(t, err, "no functions of its own")
}

func FuzzRewrite(f *testing.F) {
	f.Add(sample().Bytes())
	m := &asm.Module{}
	m.Import("env", "f", asm.I32, asm.I64)
	m.Memory(1)
	m.Func("run", asm.None, asm.None, nil)
	f.Add(m.Bytes())
	f.Fuzz(func(t *testing.T, module []byte) {
		before, err := wasmbin.Parse(module)
		if err != nil {
			return
		}
		out, err := wasmbin.RenameImports(module, marked)
		require.NoError(t, err, "what is read can be rewritten")
		after, err := wasmbin.Parse(out)
		require.NoError(t, err)
		require.Len(t, after.Imports, len(before.Imports))
		for i := range after.Imports {
			require.Equal(t, marked(before.Imports[i].Module), after.Imports[i].Module)
		}
		_, _ = wasmbin.AppendNoOp(module, "nothing")
	})
}
