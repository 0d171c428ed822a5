package meter_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/tests/testhost"
)

// others are modules of other compilers, in npm packages.
var others = []struct{ name, module string }{
	{"quickjs", "@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm"},
	{"rust", "@resvg/resvg-wasm/index_bg.wasm"},
	{"tinygo", "sh-syntax/main.wasm"},
}

// othersDir returns the folder of the packages.
func othersDir(tb testing.TB) string {
	return testhost.Packages(tb, "wasm-1",
		testhost.Package{Name: "quickjs-emscripten-core", Release: "0.32.0"},
		testhost.Package{Name: "@jitl/quickjs-wasmfile-release-sync", Release: "0.32.0"},
		testhost.Package{Name: "@resvg/resvg-wasm", Release: "2.6.2"},
		testhost.Package{Name: "sh-syntax", Release: "0.7.0"})
}

func readModule(tb testing.TB, dir, module string) []byte {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "node_modules", filepath.FromSlash(module)))
	require.NoError(tb, err)
	return content
}

// What QuickJS, a library in Rust and a program of TinyGo are good for, they do metered
// as well, in another engine, too; and wazero takes what the meter makes of them.
func TestModulesOfOtherCompilersDoTheSame(t *testing.T) {
	dir, metered := othersDir(t), t.TempDir()
	for _, o := range others {
		module := readModule(t, dir, o.module)
		code, err := meter.Inject(module)
		require.NoError(t, err, o.name)
		require.NoError(t, prove(module, code), o.name)
		compile(t, code)
		require.NoError(t, os.WriteFile(filepath.Join(metered, fmt.Sprintf("%d.wasm", len(module))), code, 0o600))
	}
	want, count := work(t, dir)
	require.Equal(t, counts{}, count)
	require.Contains(t, want, `"thE","qUIck"`)
	got, count := work(t, dir, metered)
	require.Equal(t, want, got)
	require.Equal(t, len(others), count.replaced)
	require.Greater(t, count.slices, 100)
}

// counts are how many modules were metered, and how many slices of fuel they asked for.
type counts struct{ replaced, slices int }

// work has the packages work, and returns what they give.
func work(t *testing.T, dir string, metered ...string) (given string, count counts) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "npm", "run.mjs"))
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script, dir}, metered...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), "%s", &said)
	_, err = fmt.Sscan(said.String(), &count.replaced, &count.slices)
	require.NoError(t, err, "%s", &said)
	return out.String(), count
}

// compile has wazero compile a module.
func compile(tb testing.TB, module []byte) {
	tb.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, cached(tb, wazero.NewRuntimeConfig(), os.Getenv("HAPPN_TEST_WASM_CACHE")))
	defer func() { _ = rt.Close(ctx) }()
	_, err := rt.CompileModule(ctx, module)
	require.NoError(tb, err)
}

// BenchmarkInject measures the rewrite of each guest, and how much longer it makes the
// guest and its machine code.
func BenchmarkInject(b *testing.B) {
	for _, l := range languages {
		b.Run(l.name, func(b *testing.B) { benchmarkInject(b, l.compile(b)) })
	}
	for _, o := range others {
		b.Run(o.name, func(b *testing.B) { benchmarkInject(b, readModule(b, othersDir(b), o.module)) })
	}
}

func benchmarkInject(b *testing.B, module []byte) {
	code, err := meter.Inject(module)
	require.NoError(b, err)
	machine := float64(machineCode(b, code)) / float64(machineCode(b, module))
	b.SetBytes(int64(len(module)))
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		if _, err := meter.Inject(module); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(len(module))/1e6, "MB")
	b.ReportMetric(float64(least.Microseconds())/1e3, "least-ms")
	b.ReportMetric(float64(len(code))/float64(len(module)), "growth")
	b.ReportMetric(machine, "machine-growth")
}

// machineCode returns how long what wazero makes of a module is.
func machineCode(b *testing.B, module []byte) (size int64) {
	b.Helper()
	dir, ctx := b.TempDir(), context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, cached(b, wazero.NewRuntimeConfig(), dir))
	defer func() { _ = rt.Close(ctx) }()
	_, err := rt.CompileModule(ctx, module)
	require.NoError(b, err)
	require.NoError(b, filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			info, err := entry.Info()
			size += info.Size()
			return err
		}
		return err
	}))
	return size
}
