package folder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/folder"
)

func TestModulesOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"b.wasm", "a.wasm", "a.yaml", "a.canary.wasm", "lonely.canary.wasm", ".hidden.wasm", "notes.txt", "c.canary.wasm", "c.canary.canary.wasm",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d.wasm"), 0o700))
	files, err := folder.Modules(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"a.wasm", "b.wasm", "c.canary.canary.wasm", "c.canary.wasm", "lonely.canary.wasm"}, files,
		"a canary whose module is there is none, nor one of a canary")
	_, err = folder.Modules(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWhatLiesBesideAModule(t *testing.T) {
	for _, file := range []string{"a.wasm", "a.canary.wasm"} {
		require.Equal(t, "a", folder.Stem(file))
		require.Equal(t, "a.canary.wasm", folder.CanaryFile(file))
		require.Equal(t, "/p/a.yaml", folder.OperatorFile("/p/"+file))
	}
	of, ok := folder.CanaryOf("a.canary.wasm")
	require.True(t, ok)
	require.Equal(t, "a.wasm", of)
	_, ok = folder.CanaryOf("a.wasm")
	require.False(t, ok)
}

func TestFilesAreReadWhole(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.wasm"), filepath.Join(dir, "l.wasm")
	require.NoError(t, os.WriteFile(path, []byte("12345"), 0o600))
	require.NoError(t, os.Symlink(path, link))
	for _, p := range []string{path, link} {
		content, err := folder.Read(p, 5)
		require.NoError(t, err)
		require.Equal(t, "12345", string(content))
	}
	_, err := folder.Read(path, 4)
	var large *folder.TooLargeError
	require.ErrorAs(t, err, &large)
	require.EqualValues(t, 5, large.Size)
	require.EqualError(t, err, "5 bytes, over the limit of 4")
	_, err = folder.Read(dir, 5)
	require.ErrorContains(t, err, "not a regular file")
	_, err = folder.Read(filepath.Join(dir, "missing"), 5)
	require.ErrorIs(t, err, os.ErrNotExist)
}
