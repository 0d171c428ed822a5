package main_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// passes is a plugin that lets every request pass.
func passes(t *testing.T, manifest string) []byte {
	t.Helper()
	exports := []byte{4}
	for _, e := range []struct {
		name        string
		kind, index byte
	}{{abi.ExportMemory, wasmbin.KindMemory, 0}, {abi.ExportMarker, 0, 0}, {abi.ExportBuf, 0, 1}, {abi.ExportInbound, 0, 2}} {
		exports = append(append(append(exports, byte(len(e.name))), e.name...), e.kind, e.index)
	}
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id   byte
		body []byte
	}{
		{1, []byte{3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7e}}, // types
		{3, []byte{3, 0, 1, 2}}, // functions
		{5, []byte{1, 0, 1}},    // one page of memory
		{7, exports},
		{10, []byte{3, 2, 0, 0x0b, 5, 0, 0x41, 0x80, 0x20, 0x0b, // the buffer is at 4096
			12, 0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0x0b}}, // PASS
	} {
		module = wasmbin.AppendSection(module, s.id, s.body)
	}
	module, err := wasmbin.AppendCustom(module, abi.ManifestSection, []byte(manifest))
	require.NoError(t, err)
	return module
}

func TestPluginsOfARunningHostAreManagedFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "plugins")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "p.wasm"), passes(t, `{"name":"passer","version":"1.2"}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "torn.wasm"), []byte("\x00asm"), 0o600))
	serve := []string{"serve", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"), "--plugins", folder}
	r := start(t, command(t, serve...))
	first := r.summary()
	at := first.base(t).String()
	check := func(args string, code int, says string) {
		t.Helper()
		got, stdout, stderr := finish(t, command(t, append(strings.Split(args, " "), "--url", at)...))
		require.Equal(t, code, got, "%s: %s%s", args, stdout, stderr)
		require.Contains(t, stdout+stderr, says, args)
	}
	check("plugin list", 0, "passer                   1.2          ready      inbound")
	check("plugin list", 0, "refused")
	check("plugin show passer", 0, `"state": "ready"`)
	check("plugin show nobody", 1, `no such plugin`)
	check("plugin reload passer", 0, "plugin passer 1.2 is ready")
	check("plugin reload torn", 1, "409 Conflict: the plugin does not run")
	check("plugin disable passer", 0, "plugin passer 1.2 is disabled: disabled at ")
	check("plugin logs passer --lines 1", 0, "plugin disabled file=p.wasm")
	check("plugin logs", 2, "plugin logs takes the name of a plugin")
	r.stop(syscall.SIGTERM)

	r = start(t, command(t, serve...))
	second := r.summary()
	at = second.base(t).String()
	check("plugin list", 0, "disabled")
	follow := command(t, "plugin", "logs", "p", "--follow", "--url", at)
	out, err := follow.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, follow.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "info  host  plugin disabled")
	check("plugin enable passer", 0, "plugin passer 1.2 is ready")
	require.True(t, lines.Scan(), "what happens later")
	require.Contains(t, lines.Text(), "plugin ready")
	require.NoError(t, follow.Process.Signal(os.Interrupt))
	require.NoError(t, follow.Wait(), "it is over when its user says so")
	audit, err := os.ReadFile(filepath.Join(dir, "data", "audit.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(audit), "/api/v1/plugins/passer/disable")
	r.stop(syscall.SIGTERM)
}

func TestCanariesOfARunningHostAreManagedFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "plugins")
	require.NoError(t, os.Mkdir(folder, 0o755))
	put := func(name string, content []byte) {
		t.Helper()
		hidden := filepath.Join(folder, ".new")
		require.NoError(t, os.WriteFile(hidden, content, 0o600))
		require.NoError(t, os.Rename(hidden, filepath.Join(folder, name)))
	}
	put("p.wasm", passes(t, `{"name":"passer","version":"1.2"}`))
	put("p.yaml", []byte("canary: {share: 20, promoteAfter: 15m}"))
	put("p.canary.wasm", passes(t, `{"name":"passer","version":"2.0"}`))
	r := start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"), "--plugins", folder,
		"--plugins.settle", "10ms", "--plugins.startWait", "1m"))
	first := r.summary()
	at := first.base(t).String()
	check := func(args string, code int, says ...string) {
		t.Helper()
		got, stdout, stderr := finish(t, command(t, append(strings.Split(args, " "), "--url", at)...))
		require.Equal(t, code, got, "%s: %s%s", args, stdout, stderr)
		for _, said := range says {
			require.Contains(t, stdout+stderr, said, args)
		}
	}
	check("plugin list", 0, "  canary 20 %            2.0          ready       since ", ": 0 calls, 0 failed, 0 refused; promoted after 15m0s without trouble")
	check("plugin show passer", 0, `"canary": {`, `"file": "p.canary.wasm"`, `"share": 20`)
	check("plugin rollback passer", 0, "plugin passer 1.2 is ready", "its canary 2.0 is rolled-back: rolled back at ")
	check("plugin promote passer", 1, "409 Conflict: the plugin has no canary that runs: p.canary.wasm is rolled-back")
	check("plugin list", 0, "  canary 20 %            2.0          rolled-back rolled back at ")
	check("plugin reload passer", 0, "its canary 2.0 is ready")
	check("plugin promote passer", 0, "plugin passer 2.0 is ready")
	check("plugin logs passer", 0, "canary runs file=p.canary.wasm version=2.0", "canary rolled back", "canary promoted file=p.wasm version=2.0")
	check("plugin promote", 2, "plugin promote takes the name of a plugin")
	r.stop(syscall.SIGTERM)
	require.NoFileExists(t, filepath.Join(folder, "p.canary.wasm"))
	audit, err := os.ReadFile(filepath.Join(dir, "data", "audit.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(audit), "/api/v1/plugins/passer/promote")
}

func TestAHostThatIsKilledWhilePromotingHasTheOldVersionOrTheNew(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "plugins")
	require.NoError(t, os.Mkdir(folder, 0o755))
	module := func(version int) []byte { return passes(t, fmt.Sprintf(`{"name":"passer","version":"%d"}`, version)) }
	require.NoError(t, os.WriteFile(filepath.Join(folder, "p.wasm"), module(0), 0o600))
	serve := func() *running {
		return start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"), "--plugins", folder,
			"--plugins.startWait", "1m"))
	}
	runs := 0
	for version := 1; version <= 4; version++ {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "p.canary.wasm"), module(version), 0o600))
		r := serve()
		summary := r.summary()
		promote := command(t, "plugin", "promote", "passer", "--url", summary.base(t).String())
		require.NoError(t, promote.Start())
		time.Sleep(time.Duration(rand.Int64N(int64(40 * time.Millisecond)))) // whatever it is doing then
		r.stop(syscall.SIGKILL)
		_ = promote.Wait() // it may have lost its host

		r = serve()
		summary = r.summary()
		plugin := summary.Plugins[0]
		require.Equal(t, "ready", plugin.State, plugin.Reason)
		_, err := os.Stat(filepath.Join(folder, "p.canary.wasm"))
		if plugin.Version == fmt.Sprint(version) {
			require.ErrorIs(t, err, fs.ErrNotExist)
			runs = version
		} else {
			require.NoError(t, err, "neither lost nor doubled")
			require.Equal(t, fmt.Sprint(runs), plugin.Version)
		}
		r.stop(syscall.SIGTERM)
	}
}

func TestAHostDoesNotStartWithoutWhatIsRequired(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"refused": {map[string]string{"p.wasm": "no module", "p.yaml": "required: true"},
			"cannot start: plugin p.wasm is required and does not run: the plugin does not run: not a WebAssembly module"},
		"missing": {map[string]string{"q.yaml": "required: true"}, "cannot start: plugin q.wasm is required in q.yaml and is not in"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
			}
			code, stdout, stderr := finish(t, command(t, "serve", "--port", "0", "--data.durability", "none", "--plugins", dir))
			require.Equal(t, 1, code, stdout)
			require.Contains(t, stderr, c.says)
		})
	}
}

func TestPluginsAreSigned(t *testing.T) {
	dir := t.TempDir()
	key, module := filepath.Join(dir, "plugins.key"), filepath.Join(dir, "plugins", "p.wasm")
	require.NoError(t, os.Mkdir(filepath.Dir(module), 0o755))
	require.NoError(t, os.WriteFile(module, passes(t, `{"name":"passer"}`), 0o640))
	run := func(code int, says string, args ...string) string {
		t.Helper()
		got, stdout, stderr := finish(t, command(t, append([]string{"plugin"}, args...)...))
		require.Equal(t, code, got, "%s%s", stdout, stderr)
		require.Contains(t, stdout+stderr, says)
		return strings.TrimSpace(stdout)
	}
	public := run(0, "=", "keygen", key)
	info, err := os.Stat(key)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "for its user alone")
	run(1, "exists", "keygen", key)
	run(2, "needs the name of a file", "keygen")
	run(2, "needs --key and modules", "sign", module)
	run(1, "cannot read the key", "sign", "--key", module, module)
	run(1, "cannot sign", "sign", "--key", key, key)
	run(1, "it is not signed", "verify", module)

	trust := `[{"name":"operations","key":"` + public + `"}]`
	serve := []string{"serve", "--port", "0", "--log.format", "json", "--data.durability", "none", "--plugins", filepath.Dir(module),
		"--plugins.requireSigned=true", "--plugins.trust", trust, "--plugins.startWait", "1m"}
	r := start(t, command(t, serve...))
	plugins := r.summary().Plugins
	require.Equal(t, "refused", plugins[0].State)
	require.Contains(t, plugins[0].Reason, "it is not signed")
	r.stop(syscall.SIGTERM)

	run(0, "signed "+module, "sign", "--key", key, module)
	run(0, public+"  "+module, "verify", module)
	info, err = os.Stat(module)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	r = start(t, command(t, serve...))
	plugins = r.summary().Plugins
	require.Equal(t, "ready", plugins[0].State, plugins[0].Reason)
	r.stop(syscall.SIGTERM)

	code, _, stderr := finish(t, command(t, "serve", "--plugins.requireSigned=true"))
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "no plugin would run without a key in plugins.trust")
	code, _, stderr = finish(t, command(t, "serve", "--plugins.trust", `[{"name":"a","key":"x"}]`))
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "plugins.trust[0].key")
}
