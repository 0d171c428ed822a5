package plugin_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func withManifest(t testing.TB, module []byte, manifest string) []byte {
	t.Helper()
	out, err := wasmbin.AppendCustom(module, abi.ManifestSection, []byte(manifest))
	require.NoError(t, err)
	return out
}

func TestOpenCreatesTheFolderAndLoadsWhatIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "plugins")
	m, err := plugin.Open(ctx(t), plugin.Options{Dir: dir})
	require.NoError(t, err)
	require.DirExists(t, dir)
	require.Empty(t, m.List())
	require.NoError(t, m.Close())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "pass.wasm"), passes(), 0o644))
	m, err = plugin.Open(ctx(t), plugin.Options{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	require.Len(t, m.Inbound(), 1, "loaded before Open returned")
	require.Empty(t, m.Outbound())
}

func TestWithoutAFolderThereAreNoPlugins(t *testing.T) {
	m, err := plugin.Open(ctx(t), plugin.Options{})
	require.NoError(t, err)
	require.Empty(t, m.Inbound())
	require.NoError(t, m.Rescan(ctx(t)))
	require.NoError(t, m.Close())
}

func TestInfoTellsWhatAnOperatorWantsToKnow(t *testing.T) {
	f := open(t, nil)
	f.put("sensors.wasm", withManifest(t, passes(), `{"name":"check","version":"1.2.3","description":"d"}`))
	_, err := f.call(request())
	require.NoError(t, err)
	info := f.only()
	require.Equal(t, "check", info.Name)
	require.Equal(t, "1.2.3", info.Version)
	require.Equal(t, "sensors.wasm", info.File)
	require.Equal(t, []hook.Kind{hook.KindInbound}, info.Kinds)
	require.Equal(t, plugin.StateReady, info.State)
	require.Len(t, info.SHA256, 64)
	require.Equal(t, 2, info.Instances)
	require.Equal(t, plugin.Counts{Calls: 1}, info.Counts)
}

func TestTheWatcherNoticesFilesByItself(t *testing.T) {
	f := open(t, nil)
	path := filepath.Join(f.dir, "pass.wasm")
	module := passes()
	require.NoError(t, os.WriteFile(path, module[:len(module)/2], 0o644)) // half-written
	require.Eventually(t, func() bool { return len(f.List()) == 1 && f.only().State == plugin.StateRefused }, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, os.WriteFile(path, module, 0o644))
	require.Eventually(t, func() bool { return len(f.Inbound()) == 1 }, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return len(f.Inbound()) == 0 && len(f.List()) == 0 }, 10*time.Second, 5*time.Millisecond)
}

func TestABrokenNewVersionKeepsTheOldOne(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", says(abi.VerdictReject, []byte("old")))
	f.put("p.wasm", []byte("garbage"))
	rec := request()
	v, err := f.call(rec)
	require.NoError(t, err)
	require.Equal(t, abi.VerdictReject, v)
	info := f.only()
	require.Equal(t, plugin.StateDegraded, info.State)
	require.Contains(t, info.Reason, "not a WebAssembly module")

	f.put("p.wasm", passes())
	require.Equal(t, plugin.StateReady, f.only().State)
	v, err = f.call(rec)
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
	require.EqualValues(t, 2, f.only().Calls, "counts outlive a version")
}

func TestAReloadDropsNoMessage(t *testing.T) {
	f := open(t, nil)
	versions := [][]byte{passes(), says(abi.VerdictReject, []byte("v2"))}
	f.put("p.wasm", versions[0])
	var stop atomic.Bool
	var calls atomic.Int64
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for !stop.Load() {
				layers := f.Inbound()
				if len(layers) != 1 {
					t.Error("the layer was missing for a moment")
					return
				}
				v, err := layers[0].Call(context.Background(), request())
				if err != nil || v != abi.VerdictPass && v != abi.VerdictReject {
					t.Error(v, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i := range 20 {
		f.put("p.wasm", versions[(i+1)%2])
		require.Equal(t, plugin.StateReady, f.only().State)
	}
	stop.Store(true)
	running.Wait()
	info := f.only()
	require.EqualValues(t, calls.Load(), info.Calls, "every call was made exactly once")
	require.Zero(t, info.Skipped)
}

func TestALayerOfARemovedPluginPasses(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", says(abi.VerdictDrop, nil))
	layer := f.Inbound()[0]
	f.remove("p.wasm")
	require.Empty(t, f.Inbound())
	require.False(t, layer.Handles(abi.KindRequest, abi.ActionSet, []byte("/a")))
	v, err := layer.Call(context.Background(), request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
}

func TestAClosedManagerLetsNothingPast(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.wasm"), passes(), 0o644))
	m, err := plugin.Open(ctx(t), plugin.Options{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, m.Close())
	layers := m.Inbound()
	require.Len(t, layers, 1)
	rec := request()
	require.True(t, layers[0].Handles(rec.Kind, rec.Action, rec.Path))
	v, err := layers[0].Call(context.Background(), rec)
	require.NoError(t, err)
	require.Equal(t, abi.VerdictReject, v)
	require.NotEmpty(t, rec.Error)
}

func TestTwoPluginsWithOneName(t *testing.T) {
	f := open(t, nil)
	f.put("a.wasm", withManifest(t, passes(), `{"name":"same"}`))
	f.put("b.wasm", withManifest(t, says(abi.VerdictDrop, nil), `{"name":"same"}`))
	require.Len(t, f.Inbound(), 1)
	b := f.List()[1]
	require.Equal(t, plugin.StateRefused, b.State)
	require.Contains(t, b.Reason, `"same" is taken by a.wasm`)

	f.remove("a.wasm")
	require.Equal(t, "b.wasm", f.only().File)
	require.Equal(t, plugin.StateReady, f.only().State, "its name is free now")
}

func TestLayersComeInOrder(t *testing.T) {
	f := open(t, nil)
	for _, p := range []struct{ file, manifest string }{
		{"1.wasm", `{"name":"b","hooks":[{"kind":"inbound","order":5}]}`},
		{"2.wasm", `{"name":"a","hooks":[{"kind":"inbound","order":5}]}`},
		{"3.wasm", `{"name":"z","hooks":[{"kind":"inbound","order":-1}]}`},
		{"4.wasm", `{"name":"c"}`},
	} {
		f.put(p.file, withManifest(t, passes(), p.manifest))
	}
	var names []string
	for _, l := range f.Inbound() {
		names = append(names, l.Name())
	}
	require.Equal(t, []string{"z", "c", "a", "b"}, names)
}

func TestOperatorFileOverrides(t *testing.T) {
	f := open(t, nil)
	m := &asm.Module{}
	log := m.Import("happn", "log", []byte{0x7f, 0x7f, 0x7f}, asm.None)
	bare(m)
	m.Func(abi.ExportInit, asm.I32, asm.I32, nil, // log the configuration
		asm.I32Const(1), asm.I32Const(buffer), asm.LocalGet(0), asm.Call(log), asm.I32Const(0))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	f.put("p.wasm", withManifest(t, m.Bytes(), `{"name":"p","config":{"from":"manifest"},"hooks":[{"kind":"inbound","paths":["/a/*"]}]}`))
	layer := f.Inbound()[0]
	require.Contains(t, f.log.String(), `from\":\"manifest`)
	require.True(t, layer.Handles(abi.KindRequest, abi.ActionGet, []byte("/a/b")))

	f.put("p.yaml", []byte("config: {from: operator}\nlimits: {timeout: 20ms, instances: 3}\nhooks:\n- {kind: inbound, paths: [/b/*], actions: [set, on]}\n"))
	require.Contains(t, f.log.String(), `from\":\"operator`)
	require.False(t, layer.Handles(abi.KindRequest, abi.ActionSet, []byte("/a/b")))
	require.False(t, layer.Handles(abi.KindRequest, abi.ActionGet, []byte("/b/b")))
	require.True(t, layer.Handles(abi.KindRequest, abi.ActionSet, []byte("/b/b")))
	require.True(t, layer.Handles(abi.KindRequest, abi.ActionOn, []byte("/SET@/b/*")), "the path of the channel counts")
	require.Equal(t, 3, f.only().Instances)
	require.Equal(t, 20*time.Millisecond, f.only().Limits.Timeout)

	f.put("p.yaml", []byte("enabled: false"))
	require.Empty(t, f.Inbound())
	require.Equal(t, plugin.StateDisabled, f.only().State)

	f.put("p.yaml", []byte("grants: []"))
	require.Contains(t, f.only().Reason, `import happn.log needs the grant "log"`)

	f.put("p.yaml", []byte("sha256: abcd"))
	require.Contains(t, f.only().Reason, "p.yaml: sha256: the module is")

	f.remove("p.yaml")
	require.Equal(t, plugin.StateReady, f.only().State)
}

func TestFilesThatAreNoPlugins(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.ModuleMiB = 1 })
	f.put("readme.txt", []byte("x"))
	f.put(".hidden.wasm", passes())
	require.NoError(t, os.Mkdir(filepath.Join(f.dir, "folder.wasm"), 0o755))
	f.rescan()
	require.Empty(t, f.List())

	f.put("huge.wasm", make([]byte, 1<<20+1))
	require.Contains(t, f.only().Reason, "above the limit of 1 MiB (limits.moduleMiB)")
	f.remove("huge.wasm")

	require.NoError(t, os.Symlink(filepath.Join(f.dir, "nowhere"), filepath.Join(f.dir, "link.wasm")))
	f.rescan()
	require.Equal(t, plugin.StateRefused, f.only().State)
	target := filepath.Join(t.TempDir(), "real.wasm")
	require.NoError(t, os.WriteFile(target, passes(), 0o644))
	require.NoError(t, os.Remove(filepath.Join(f.dir, "link.wasm")))
	require.NoError(t, os.Symlink(target, filepath.Join(f.dir, "link.wasm")))
	f.rescan()
	require.Equal(t, plugin.StateReady, f.only().State, "a link to a module is a module")
}

func TestCompileCacheMustBeTrustworthy(t *testing.T) {
	dir := t.TempDir()
	_, err := plugin.Open(ctx(t), plugin.Options{Dir: dir, CacheDir: filepath.Join(dir, "cache")})
	require.ErrorContains(t, err, "inside the plugins folder")

	loose := filepath.Join(t.TempDir(), "cache")
	require.NoError(t, os.Mkdir(loose, 0o700))
	require.NoError(t, os.Chmod(loose, 0o777))
	_, err = plugin.Open(ctx(t), plugin.Options{Dir: dir, CacheDir: loose})
	require.ErrorContains(t, err, "chmod 700")

	cache := filepath.Join(t.TempDir(), "cache")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.wasm"), passes(), 0o644))
	for range 2 {
		m, err := plugin.Open(ctx(t), plugin.Options{Dir: dir, CacheDir: cache})
		require.NoError(t, err)
		require.Equal(t, plugin.StateReady, m.List()[0].State)
		require.NoError(t, m.Close())
	}
	info, err := os.Stat(cache)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	var compiled int
	require.NoError(t, filepath.WalkDir(cache, func(_ string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			compiled++
		}
		return nil
	}))
	require.Positive(t, compiled)
}

func TestRefusals(t *testing.T) {
	build := func(change func(*asm.Module)) []byte {
		m := &asm.Module{}
		change(m)
		return m.Bytes()
	}
	hook := func(m *asm.Module) { m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0)) }
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"no wasm":   {[]byte("hello"), `does not begin with "\0asm"`},
		"component": {[]byte("\x00asm\x0d\x00\x01\x00"), "component"},
		"another version of the abi": {build(func(m *asm.Module) {
			m.Func("happn_abi_v9", asm.None, asm.None, nil)
		}), `"happn_abi_v9"`},
		"some other module": {build(func(m *asm.Module) { m.Memory(1) }), `no export "happn_abi_v1"`},
		"no memory": {build(func(m *asm.Module) {
			m.Func(abi.ExportMarker, asm.None, asm.None, nil)
		}), `export "memory" is missing`},
		"wrong type of a hook": {build(func(m *asm.Module) {
			bare(m)
			m.Func(abi.ExportInbound, asm.I32, asm.I32, nil, asm.I32Const(1))
		}), `export "happn_inbound" has type (i32) -> i32, expected (i32) -> i64`},
		"no hook": {build(bare), "exports no hook"},
		"a hook that needs a manifest": {build(func(m *asm.Module) {
			bare(m)
			m.Func(abi.ExportHTTP, asm.I32, asm.I64, nil, asm.I64Const(0))
		}), `the module exports a http hook, which needs a manifest that lists it in hooks`},
		"a command": {build(func(m *asm.Module) {
			bare(m)
			hook(m)
			m.Func("_start", asm.None, asm.None, nil)
		}), "not a reactor"},
		"an import of later versions": {build(func(m *asm.Module) {
			m.Import("happn", "telepathy", asm.I32, asm.I32)
			bare(m)
			hook(m)
		}), "import happn.telepathy: this version of the host does not provide it"},
		"an import of the wrong type": {build(func(m *asm.Module) {
			m.Import("happn", "now_ms", asm.I32, asm.I64)
			bare(m)
			hook(m)
		}), "import happn.now_ms has type (i32) -> i64, expected () -> i64"},
		"an import nobody grants": {build(func(m *asm.Module) {
			m.Import("env", "system", asm.I32, asm.I32)
			bare(m)
			hook(m)
		}), `import env.system: no grant covers module "env"`},
		"a socket": {build(func(m *asm.Module) {
			m.Import("wasi_snapshot_preview1", "sock_accept", []byte{0x7f, 0x7f, 0x7f}, asm.I32)
			bare(m)
			hook(m)
		}), "sock_accept"},
		"a manifest that is not JSON":  {withManifest(t, passes(), `{`), "manifest is not JSON"},
		"a manifest with a misspelt":   {withManifest(t, passes(), `{"hooks":[{"kind":"inbound","ordr":1}]}`), `p.wasm: hooks[0].ordr: unknown key; did you mean "order"?`},
		"a manifest with a wrong hook": {withManifest(t, passes(), `{"hooks":[{"kind":"outbound"}]}`), `does not export "happn_outbound"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", c.module)
			info := f.only()
			require.Equal(t, plugin.StateRefused, info.State)
			require.Contains(t, info.Reason, c.says)
			require.Equal(t, 1, strings.Count(f.log.String(), "plugin refused"), "the log says it once")
			require.Empty(t, f.Inbound())
		})
	}
}
