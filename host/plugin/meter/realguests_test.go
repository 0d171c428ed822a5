package meter_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/meter/testdata/guests/jobs"
	"github.com/happn-host/happn-host/tests/testhost"
)

// languages are those that testdata/guests does the jobs in, each with what
// compiles it.
var languages = []struct {
	name    string
	compile func(tb testing.TB) (module []byte)
}{{"go", goGuest}, {"c", cGuest}, {"assemblyscript", asGuest}}

func goGuest(tb testing.TB) []byte {
	return compiled(tb, "go", []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS="},
		"go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o")
}

func cGuest(tb testing.TB) []byte {
	testhost.NeedsClang(tb)
	return compiled(tb, "c", nil, "clang", "--target=wasm32", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-nostdlib",
		"-Wl,--no-entry", "memory.c", "json.c", "match.c", "hash.c", "search.c", "-o")
}

func asGuest(tb testing.TB) []byte {
	_, compiler := testhost.AssemblyScript(tb)
	return compiled(tb, "as", nil, "node", compiler, "assembly/index.ts",
		"-O2", "--use", "abort=assembly/index/abort", "--outFile")
}

// compiled runs a compiler in a folder of the guests; what it is called with
// ends with where the module is to be.
func compiled(tb testing.TB, dir string, env []string, command ...string) []byte {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(tb.Context(), command[0], append(command[1:], out)...)
	cmd.Dir = filepath.Join("testdata", "guests", dir)
	cmd.Env = append(os.Environ(), env...)
	said, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", said)
	module, err := os.ReadFile(out)
	require.NoError(tb, err)
	return module
}

// worker is a guest that does one job after another.
type worker struct {
	ctx   context.Context
	mod   api.Module
	job   api.Function
	input uint64 // its length
	stack [1]uint64

	seen    time.Time     // when it came by last
	longest time.Duration // that it did not come by, in its last job
}

// comesBy is where the worker comes by.
func (w *worker) comesBy() int64 {
	now := time.Now()
	w.longest, w.seen = max(w.longest, now.Sub(w.seen)), now
	return meter.Slice
}

// employ starts a guest. What has been compiled before is kept as the tests of
// plugins do.
func employ(tb testing.TB, module []byte, config wazero.RuntimeConfig) *worker {
	tb.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, cached(tb, config, os.Getenv("HAPPN_TEST_WASM_CACHE")))
	tb.Cleanup(func() { _ = rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	w := &worker{ctx: ctx}
	instantiateYield(tb, rt, w.comesBy)
	mod, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithSysNanotime())
	require.NoError(tb, err)
	w.mod = mod
	return w
}

// cached is a configuration whose machine code is kept in a folder, if any.
func cached(tb testing.TB, config wazero.RuntimeConfig, dir string) wazero.RuntimeConfig {
	tb.Helper()
	if dir == "" {
		return config
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = cache.Close(context.Background()) })
	return config.WithCompilationCache(cache)
}

// take gives the guest the input of a job.
func (w *worker) take(tb testing.TB, job jobs.Job) {
	tb.Helper()
	at, err := w.mod.ExportedFunction("buf").Call(w.ctx, uint64(len(job.Input)))
	require.NoError(tb, err)
	require.True(tb, w.mod.Memory().WriteString(uint32(at[0]), job.Input))
	w.job, w.input = w.mod.ExportedFunction(job.Name), uint64(len(job.Input))
}

// do does the job and returns its mark.
func (w *worker) do() (mark uint64, err error) {
	w.stack[0] = w.input
	w.seen, w.longest = time.Now(), 0
	err = w.job.CallWithStack(w.ctx, w.stack[:])
	return w.stack[0], err
}

// patience is how long a guest may take to come by, at the best of some tries. Regular
// expressions, JSON and hashes are the work of real code that lasts.
const patience = 5 * time.Millisecond

// A job has the same result in every language, metered and not, and the host does not
// wait for who does it.
func TestRealGuestsDoTheSame(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			module := l.compile(t)
			code, err := meter.Inject(module)
			require.NoError(t, err)
			require.NoError(t, prove(module, code))
			for name, module := range map[string][]byte{"not metered": module, "metered": code} {
				w := employ(t, module, wazero.NewRuntimeConfig())
				for _, job := range jobs.Jobs() {
					want := job.Do([]byte(job.Input))
					w.take(t, job)
					longest := time.Hour
					for n := 0; n < 2 || n < 8 && longest > patience; n++ { // it may have left something
						got, err := w.do()
						require.NoError(t, err)
						require.Equal(t, want, got, "%s, %s", job.Name, name)
						longest = min(longest, w.longest)
					}
					require.Less(t, longest, patience, "%s does not come by", job.Name)
				}
			}
		})
	}
}

// BenchmarkRealGuests compares what jobs take without a meter, with it, and with
// wazero's own way to stop a guest, WithCloseOnContextDone. The three take short
// turns; the least of each is reported, and the ratios.
func BenchmarkRealGuests(b *testing.B) {
	for _, l := range languages {
		b.Run(l.name, func(b *testing.B) {
			module := l.compile(b)
			code, err := meter.Inject(module)
			require.NoError(b, err)
			none := employ(b, module, wazero.NewRuntimeConfig())
			fuel := employ(b, code, wazero.NewRuntimeConfig())
			canceled := employ(b, module, wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
			for _, job := range jobs.Jobs() {
				b.Run(job.Name, func(b *testing.B) { compare(b, job, none, fuel, canceled) })
			}
		})
	}
}

// compare lets workers take turns at a job: one without a meter, one with it, and
// one that a context may stop.
func compare(b *testing.B, job jobs.Job, workers ...*worker) {
	const turn = 2 * time.Millisecond
	var least [3]time.Duration
	for _, w := range workers {
		w.take(b, job)
		_, err := w.do()
		require.NoError(b, err)
	}
	for b.Loop() {
		for i, w := range workers {
			calls, began := 0, time.Now()
			for time.Since(began) < turn {
				if _, err := w.do(); err != nil {
					b.Fatal(err)
				}
				calls++
			}
			if took := time.Since(began) / time.Duration(calls); least[i] == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of all turns together: it says nothing
	for i, mode := range []string{"none", "fuel", "context"} {
		b.ReportMetric(float64(least[i].Nanoseconds())/1e3, mode+"-us")
		if i > 0 {
			b.ReportMetric(float64(least[i])/float64(least[0]), mode+"/none")
		}
	}
}
