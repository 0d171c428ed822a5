package wasmbin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func sample() *asm.Module {
	m := &asm.Module{}
	m.Import("happn", "log", asm.I32, asm.None)
	m.Memory(1)
	m.Func("f", asm.I32, asm.I64, nil, asm.I64Const(1))
	m.GlobalI32(3)
	m.Export("g", wasmbin.KindGlobal, 0)
	m.Custom("note", []byte("hello"))
	return m
}

func TestParseShowsTheOutside(t *testing.T) {
	m, err := wasmbin.Parse(sample().Bytes())
	require.NoError(t, err)
	require.Len(t, m.Imports, 1)
	require.Equal(t, "happn", m.Imports[0].Module)
	require.Equal(t, "(i32)", m.Imports[0].Type.String())
	require.Len(t, m.Exports, 3)
	require.Equal(t, "(i32) -> i64", m.Exports[1].Type.String())
	note, found, err := m.Custom("note")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "hello", string(note))
	_, found, err = m.Custom("other")
	require.NoError(t, err)
	require.False(t, found)
}

func TestCustomSectionsMustBeUnique(t *testing.T) {
	m := sample()
	m.Custom("note", []byte("again"))
	parsed, err := wasmbin.Parse(m.Bytes())
	require.NoError(t, err)
	_, _, err = parsed.Custom("note")
	require.ErrorContains(t, err, "occurs twice")
}

func TestAppendCustomReplaces(t *testing.T) {
	out, err := wasmbin.AppendCustom(sample().Bytes(), "note", []byte("bye"))
	require.NoError(t, err)
	m, err := wasmbin.Parse(out)
	require.NoError(t, err)
	note, _, err := m.Custom("note")
	require.NoError(t, err)
	require.Equal(t, "bye", string(note))
}

func TestBrokenModules(t *testing.T) {
	head := "\x00asm\x01\x00\x00\x00"
	for name, c := range map[string]struct {
		module string
		says   string
	}{
		"nothing":                       {"", "not a WebAssembly module"},
		"text":                          {"(module)", "not a WebAssembly module"},
		"component":                     {"\x00asm\x0d\x00\x01\x00", "component"},
		"version 2":                     {"\x00asm\x02\x00\x00\x00", "not version 1"},
		"section longer than the file":  {head + "\x01\xff\xff\x03", "too early"},
		"endless number":                {head + "\x01\xff\xff\xff\xff\xff\x01", "malformed number"},
		"more types than bytes":         {head + "\x01\x05\xff\xff\xff\xff\x0f", "too early"},
		"type that is no function":      {head + "\x01\x02\x01\x50", "not a function type"},
		"bytes after the types":         {head + "\x01\x05\x01\x60\x00\x00\x00", "bytes after the end"},
		"import without a type":         {head + "\x02\x07\x01\x01a\x01b\x00\x05", "has no type"},
		"import of an unknown kind":     {head + "\x02\x06\x01\x01a\x01b\x09", "unknown kind 9"},
		"name that is not UTF-8":        {head + "\x02\x07\x01\x01\xff\x01b\x00\x00", "not UTF-8"},
		"export of a function not here": {head + "\x07\x05\x01\x01f\x00\x07", "does not exist"},
		"shared memory":                 {head + "\x02\x09\x01\x01a\x01b\x02\x03\x01\x01", "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := wasmbin.Parse([]byte(c.module))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x02\x07\x01\x01a\x01b\x00\x05"))
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasmbin.Parse(module)
		if err != nil {
			return
		}
		_, _, _ = m.Custom("happn.manifest")
		out, err := wasmbin.AppendCustom(module, "happn.manifest", []byte("{}"))
		require.NoError(t, err)
		again, err := wasmbin.Parse(out)
		require.NoError(t, err)
		content, found, err := again.Custom("happn.manifest")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "{}", string(content))
	})
}

func TestModulesWithMoreEntriesThanAreKept(t *testing.T) {
	for entries, says := range map[int]string{wasmbin.MaxEntries: "", wasmbin.MaxEntries + 1: "section 3 has 1048577 entries, above the limit of 1048576, which no setting raises"} {
		section := append(wasmbin.AppendU32(nil, uint32(entries)), make([]byte, entries)...)
		_, err := wasmbin.Parse(wasmbin.AppendSection([]byte("\x00asm\x01\x00\x00\x00"), wasmbin.SectionFunction, section))
		if says == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, says)
		}
	}
}
