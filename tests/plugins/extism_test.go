package plugins

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/tests/testhost"
)

// example is where an example plugin's sources are.
func example(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "plugins", "examples", name))
	require.NoError(t, err)
	return dir
}

// dropBuilt puts a module that other tools have compiled into the folder, with
// its operator's file before it.
func (o *operator) dropBuilt(dir, module string) {
	o.t.Helper()
	out := o.t.TempDir()
	path, err := build.Build(o.t.Context(), build.Options{Dir: dir, Module: module, Out: out, OperatorFile: true})
	require.NoError(o.t, err)
	yaml := strings.TrimSuffix(path, ".wasm") + ".yaml"
	for _, file := range []string{yaml, path} {
		content, err := os.ReadFile(file)
		require.NoError(o.t, err)
		o.drop(filepath.Base(file), content)
	}
}

// run runs a compiler.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

func TestAPluginInAssemblyScript(t *testing.T) {
	o := start(t)
	packages, compiler := testhost.AssemblyScript(t)
	dir := example(t, "extism-as")
	sources := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(sources, "assembly"), os.DirFS(filepath.Join(dir, "assembly"))))
	module := filepath.Join(sources, "stamp.wasm")
	// As npm run build does, with the packages where the tests have them.
	run(t, sources, "node", compiler, "assembly/index.ts",
		"--path", packages, "--outFile", "stamp.wasm", "-O2", "--use", "abort=assembly/index/abort")
	o.dropBuilt(dir, module)
	o.await(is("stamp", "ready"))

	c := o.connect()
	set := func(path, text string) error {
		_, err := c.Set(t.Context(), path, json.RawMessage(text), nil)
		return err
	}
	for path, text := range map[string]string{
		"/notes/1": `{"text":"hello"}`, "/notes/2": `{}`, "/notes/3": `{"a":{"stamp":1},"b":"\"stamp\":"}`, "/notes/4": "{ \"grüße\" : [1, {}] }",
	} {
		require.NoError(t, set(path, text))
		doc, err := c.Get(t.Context(), path, nil)
		require.NoError(t, err)
		var got, want map[string]any
		require.NoError(t, json.Unmarshal(doc.Data, &got))
		stamp, ok := got["stamp"].(map[string]any)
		require.True(t, ok, "%v", got)
		require.Nil(t, stamp["by"], "nobody has logged in")
		require.Greater(t, stamp["at"], 1e12)
		delete(got, "stamp")
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		require.Equal(t, want, got)
	}
	require.ErrorContains(t, set("/notes/5", `{"text":"hello","stamp":{"by":"ada"}}`), `the field "stamp" is set by the host`)
	require.ErrorContains(t, set("/notes/5", `{"\u0073tamp":1}`), `the field "stamp" is set by the host`)
	require.NoError(t, set("/others/1", `{"stamp":1}`), "the operator's file says which")

	o.drop("stamp.yaml", []byte("hooks: [{kind: inbound, paths: ['/notes/*']}]\nconfig: {field: written}\n"))
	require.Eventually(t, func() bool { return set("/notes/5", `{"stamp":1}`) == nil }, time.Minute, 20*time.Millisecond)
}

func TestAPluginInC(t *testing.T) {
	testhost.NeedsClang(t)
	o := start(t)
	dir := example(t, "extism-c")
	module := filepath.Join(t.TempDir(), "paths.wasm")
	run(t, dir, "clang", "--target=wasm32", "-O2", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-Wl,--no-entry",
		"-I", filepath.Join("..", "..", "sdk", "c"), "-o", module, "paths.c")
	o.dropBuilt(dir, module)
	o.await(is("paths", "ready"))

	c := o.connect()
	set := func(path string) error {
		_, err := c.Set(t.Context(), path, map[string]string{"n": strings.Repeat("x", 100_000)}, nil)
		return err
	}
	for _, path := range []string{"/a", "/a/b/c/d/e/f/g/h", "/Users/ada@example.com/x-1_2"} {
		require.NoError(t, set(path), path)
	}
	for path, says := range map[string]string{
		"/a//b":                         "the path has an empty level, at byte 2",
		"/a/b/":                         "the path has an empty level, at byte 4",
		"/a/b/c/d/e/f/g/h/i":            "the path has 9 levels, more than 8",
		"/a b":                          "the path has a character that is not allowed, at byte 2",
		"/" + strings.Repeat("x", 256):  "the path is longer than 256 bytes",
		"/" + strings.Repeat("x", 5000): "the path is longer than 256 bytes",
	} {
		require.ErrorContains(t, set(path), says)
	}

	o.drop("paths.yaml", []byte("config: {maxLevels: many}\n"))
	o.await(func(all []state) bool {
		return len(all) == 1 && strings.Contains(all[0].Reason, "config.maxLevels must be a number from 1 to 1000")
	})
	require.NoError(t, set("/a"), "what ran goes on")
	o.drop("paths.yaml", []byte("config: {maxLevels: 1}\n"))
	require.Eventually(t, func() bool { return set("/a/b") != nil }, time.Minute, 20*time.Millisecond)
}
