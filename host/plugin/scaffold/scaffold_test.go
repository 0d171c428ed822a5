package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/scaffold"
)

// Every template is written into a module of its own that stands on this one, as
// an author's would, and the native half of its own test is run there; the other
// half compiles the same code for Wasm, as the examples' tests do.
func TestWhatIsWrittenPassesItsOwnTests(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	module := t.TempDir()
	var folders []string
	for _, kind := range scaffold.Kinds() {
		files, err := scaffold.Write(scaffold.Options{Dir: filepath.Join(module, "my-"+kind), Kind: hook.Kind(kind)})
		require.NoError(t, err)
		require.Len(t, files, 5)
		for _, file := range files {
			require.FileExists(t, file)
		}
		folders = append(folders, "./my-"+kind)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(module, name), content, 0o600))
	}
	run := func(args ...string) {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = module, append(os.Environ(), "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	run("mod", "edit", "-module=example.org/plugins", "-replace=github.com/happn-host/happn-host="+root,
		"-require=github.com/happn-host/happn-host@v0.0.0")
	run(append([]string{"vet"}, folders...)...)
	run(append([]string{"test", "-run", "/native"}, folders...)...)
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
	for says, o := range map[string]scaffold.Options{
		"is not empty":              {Dir: dir, Kind: hook.KindTick},
		`hooks of kind "inbount"`:   {Dir: filepath.Join(dir, "a"), Kind: "inbount"},
		"must begin with a letter":  {Dir: filepath.Join(dir, "a b"), Kind: hook.KindTick},
		"the folder's name: name: ": {Dir: filepath.Join(dir, "-a"), Kind: hook.KindTick},
	} {
		_, err := scaffold.Write(o)
		require.ErrorContains(t, err, says)
	}
}
