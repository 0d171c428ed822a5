package plugin_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// bulky makes a module one that is kept.
func bulky(m *asm.Module) []byte {
	m.Func("", asm.None, asm.None, nil, bytes.Repeat(asm.Nop, 8<<10))
	return m.Bytes()
}

// A module is rewritten once for the folder of compiled code: by what it is, and what it may have.
func TestRewrittenModulesAreKept(t *testing.T) {
	ext := newExtism()
	ext.hook(pass)
	for name, module := range map[string][]byte{"raw": bulky(guest(verdict(abi.VerdictPass, 0, 0))), "Extism": bulky(&ext.Module)} {
		t.Run(name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			start := func(operator string) (files []string) {
				t.Helper()
				f := open(t, func(o *plugin.Options) { o.CacheDir = cache })
				f.put("p.yaml", []byte(operator))
				f.put("p.wasm", module)
				require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
				v, err := f.call(request())
				require.NoError(t, err)
				require.Equal(t, abi.VerdictPass, v)
				files, err = filepath.Glob(filepath.Join(cache, "metered-*"))
				require.NoError(t, err)
				return files
			}
			files := start("on_error: reject\n")
			require.Len(t, files, 1)
			whole, err := os.ReadFile(files[0])
			require.NoError(t, err)
			code, err := meter.Inject(module)
			require.NoError(t, err)
			require.Equal(t, code, whole[sha256.Size:])

			for what, content := range map[string][]byte{
				"as it was": whole, "cut off": whole[:len(whole)-1], "changed": append(bytes.Clone(whole[:len(whole)-1]), 0xff), "empty": nil,
			} {
				require.NoError(t, os.WriteFile(files[0], content, 0o600))
				require.Equal(t, files, start("on_error: reject\n"), what)
				now, err := os.ReadFile(files[0])
				require.NoError(t, err)
				require.Equal(t, whole, now, what)
			}
			require.Len(t, start("on_error: reject\nlimits: {stackKiB: 64}\n"), 2, "other bounds make other code")
		})
	}
}

// What is kept is what runs; else it would be kept in vain.
func TestAKeptModuleIsNotRewrittenAgain(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	module := bulky(guest(verdict(abi.VerdictPass, 0, 0)))
	f := open(t, func(o *plugin.Options) { o.CacheDir = cache })
	f.put("p.wasm", module)
	files, err := filepath.Glob(filepath.Join(cache, "metered-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	other, err := meter.Inject(bulky(guest(verdict(abi.VerdictReject, 0, 0))))
	require.NoError(t, err)
	sum := sha256.Sum256(other)
	require.NoError(t, os.WriteFile(files[0], append(sum[:], other...), 0o600))
	f = open(t, func(o *plugin.Options) { o.CacheDir = cache })
	f.put("p.wasm", module)
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictReject, v)
}
