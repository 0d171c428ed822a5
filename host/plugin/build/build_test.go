package build_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

func TestBuildPutsTheManifestIntoTheModule(t *testing.T) {
	manifest := `{"name":"p","version":"1.0.0"}`
	dir := folder(t, map[string]string{
		"go.mod":        "module example.com/p\n\ngo 1.26\n",
		"main.go":       "package main\n\nfunc main() {}\n",
		"manifest.json": manifest,
		"p.yaml":        "config: {a: 1}\n",
	})
	out := filepath.Join(t.TempDir(), "new", "plugins")
	module, err := build.Build(context.Background(), build.Options{Dir: dir, Out: out, OperatorFile: true})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(out, "p.wasm"), module)
	content, err := os.ReadFile(module)
	require.NoError(t, err)
	m, err := wasmbin.Parse(content)
	require.NoError(t, err)
	got, found, err := m.Custom(abi.ManifestSection)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, manifest, string(got))

	mine := filepath.Join(out, "p.yaml")
	require.FileExists(t, mine)
	require.NoError(t, os.WriteFile(mine, []byte("enabled: false\n"), 0o644))
	_, err = build.Build(context.Background(), build.Options{Dir: dir, Out: out, OperatorFile: true})
	require.NoError(t, err)
	kept, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, "enabled: false\n", string(kept), "the operator's file is never overwritten")

	names, err := filepath.Glob(filepath.Join(out, ".*"))
	require.NoError(t, err)
	require.Empty(t, names, "nothing is left over")
}

func TestBuildTakesAModuleOfOtherTools(t *testing.T) {
	dir := folder(t, map[string]string{"manifest.json": `{"name":"p"}`, "other.wasm": "\x00asm\x01\x00\x00\x00", "p.yaml": "on_error: reject\n"})
	out := t.TempDir()
	module, err := build.Build(context.Background(), build.Options{Dir: dir, Module: filepath.Join(dir, "other.wasm"), Out: out, OperatorFile: true})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(out, "p.wasm"), module)
	require.FileExists(t, filepath.Join(out, "p.yaml"))
	content, err := os.ReadFile(module)
	require.NoError(t, err)
	m, err := wasmbin.Parse(content)
	require.NoError(t, err)
	got, _, err := m.Custom(abi.ManifestSection)
	require.NoError(t, err)
	require.Equal(t, `{"name":"p"}`, string(got))
	_, err = build.Build(context.Background(), build.Options{Dir: dir, Module: filepath.Join(dir, "none.wasm"), Out: out})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestBuildErrorsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"no manifest":       {map[string]string{}, "a plugin needs a manifest"},
		"a broken manifest": {map[string]string{"manifest.json": `{"nam":"p"}`}, `did you mean "name"?`},
		"no name":           {map[string]string{"manifest.json": `{}`}, "name: is missing"},
		"code that does not compile": {map[string]string{
			"go.mod": "module example.com/p\n\ngo 1.26\n", "manifest.json": `{"name":"p"}`, "main.go": "package main\n\nfunc main() { nothing() }\n",
		}, "undefined: nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build.Build(context.Background(), build.Options{Dir: folder(t, c.files), Out: t.TempDir()})
			require.ErrorContains(t, err, c.says)
		})
	}
}
