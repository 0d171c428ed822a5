package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/compiler"
	catalogue "github.com/happn-host/happn-host/host/plugin/hostile"
)

// compileVerb has the binary of the tests be the compiler, see TestMain.
const compileVerb = "compile-plugin"

func apart(t *testing.T) compiler.Command {
	self, err := os.Executable()
	require.NoError(t, err)
	return compiler.Command{self, compileVerb}
}

// Modules that are not small are compiled by a process of their own, once.
func TestModulesAreCompiledApart(t *testing.T) {
	ext := newExtism()
	ext.hook(pass)
	for name, module := range map[string][]byte{"raw": bulky(guest(verdict(abi.VerdictPass, 0, 0))), "extism": bulky(&ext.Module)} {
		t.Run(name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			f := open(t, func(o *plugin.Options) { o.Compiler, o.CacheDir = apart(t), cache })
			f.put("p.wasm", module)
			require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
			_, err := f.call(request())
			require.NoError(t, err)

			there := compiler.Command{filepath.Join(t.TempDir(), "none")}
			f = open(t, func(o *plugin.Options) { o.Compiler, o.CacheDir = there, cache })
			f.put("p.wasm", module)
			require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
			f.put("p.wasm", append(module, 0, 2, 1, 'x'))
			require.Equal(t, plugin.StateReady, f.only().State, "the same code")
			f = open(t, func(o *plugin.Options) { o.Compiler = there })
			f.put("p.wasm", module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, "start the compiler")
		})
	}
}

// A module that was made for the compiler to choke on is refused, and the next one need
// not wait for it.
func TestModulesThatTheCompilerChokesOn(t *testing.T) {
	for name, c := range map[string]struct{ file, says string }{
		"memory": {"limits: {compileMiB: 64}", "compiling the module needs more memory, above the limit of 64 MiB (limits.compileMiB)"},
		"time":   {"limits: {compileTimeout: 200ms}", "compiling did not finish within its time limit of 200ms (limits.compileTimeout)"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, func(o *plugin.Options) { o.Compiler = apart(t) })
			f.put("p.yaml", []byte(c.file))
			f.put("p.wasm", catalogue.Choking(2000))
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Equal(t, c.says, f.only().Reason)
			f.put("q.wasm", passes())
			require.Equal(t, plugin.StateReady, f.List()[1].State, f.List()[1].Reason)
			if name == "memory" {
				require.Equal(t, 1, strings.Count(f.log.String(), "plugin refused"), "it is not tried again and again")
			}
		})
	}
}

// The folder for what the compiler makes goes with the Manager if nobody has named one.
func TestACacheThatNobodyHasNamedIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	m, err := plugin.Open(t.Context(), plugin.Options{Dir: filepath.Join(t.TempDir(), "plugins"), Compiler: apart(t)})
	require.NoError(t, err)
	made, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Len(t, made, 1)
	require.NoError(t, m.Close())
	made, err = os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, made)
}
