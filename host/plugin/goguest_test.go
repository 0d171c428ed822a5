package plugin_test

import (
	"context"
	"fmt"
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
	"github.com/happn-host/happn-host/host/plugin/build"
)

// goGuest is testdata/goguest, compiled once for all tests.
var goGuest = sync.OnceValues(func() (module []byte, err error) {
	path, err := build.Build(context.Background(), build.Options{Dir: filepath.Join("testdata", "goguest"), Out: scratch})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// openGo starts a Manager with the Go guest in it.
func openGo(t testing.TB, change func(*plugin.Options)) *folder {
	t.Helper()
	module, err := goGuest()
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) {
		o.CacheDir = wasmCache
		o.Limits.Timeout, o.Limits.StartTimeout = 30*time.Second, time.Minute // the machine of the tests is busy
		if change != nil {
			change(o)
		}
	})
	f.put("goguest.wasm", module)
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
	return f
}

func TestGoGuest(t *testing.T) {
	f := openGo(t, func(o *plugin.Options) { o.Limits.Wait = 10 * time.Second })
	f.put("goguest.yaml", []byte("on_error: reject\nconfig: {a: 1}"))
	require.Contains(t, f.log.String(), `configured with {\"a\":1}`)
	show := func(path string) (*abi.Record, abi.Verdict, error) {
		rec := request()
		rec.Path = []byte(path)
		v, err := f.call(rec)
		return rec, v, err
	}

	_, v, err := show("/plain")
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)

	rec, v, err := show("!data")
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPatch, v)
	require.Equal(t, `[{"n":1},{"n":1}]`, string(rec.Data))

	rec, v, err = show("!reject")
	require.NoError(t, err)
	require.Equal(t, abi.VerdictReject, v)
	require.Equal(t, "because", string(rec.Error))

	_, v, err = show("!fail")
	require.ErrorContains(t, err, "gave up")
	require.Equal(t, abi.VerdictReject, v)

	_, _, err = show("!zero")
	require.ErrorContains(t, err, "sdk.Pass()")

	_, _, err = show("!panic")
	require.ErrorContains(t, err, "panic: runtime error: slice bounds out of range")
	require.Contains(t, f.log.String(), "main.act", "the trace is in the host's log")
	require.Zero(t, f.only().Traps, "a panic costs no instance")

	_, _, err = show("!out")
	require.NoError(t, err)
	require.Contains(t, f.log.String(), "to standard error")
	require.Contains(t, f.log.String(), "to standard output")

	_, v, err = show("!nothing of the host")
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)

	_, v, err = show("!exit")
	require.ErrorContains(t, err, "exit_code(0)", "leaving does not mean allowing")
	require.Equal(t, abi.VerdictReject, v)

	_, _, err = show("!memory")
	require.ErrorContains(t, err, "trapped")
	require.EqualValues(t, 2, f.only().Traps)

	_, v, err = show("/plain")
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
}

func TestGoGuestThatSleepsIsStopped(t *testing.T) {
	f := openGo(t, func(o *plugin.Options) { o.Limits.Timeout = 30 * time.Millisecond })
	rec := request()
	rec.Path = []byte("!sleep")
	began := time.Now()
	_, err := f.call(rec)
	require.ErrorContains(t, err, "time limit of 30ms")
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestGoGuestCollectsItsGarbage(t *testing.T) {
	f := openGo(t, func(o *plugin.Options) { o.Limits.MemoryMiB, o.Limits.Instances = 24, 1 })
	rec := request()
	rec.Path = []byte("!garbage")
	for range 300 { // 600 MB in all
		v, err := f.call(rec)
		require.NoError(t, err)
		require.Equal(t, abi.VerdictPass, v)
	}
}

func TestGoGuestFetchesLazyData(t *testing.T) {
	f := openGo(t, nil)
	f.put("goguest.yaml", []byte("hooks: [{kind: inbound, data: lazy}]"))
	rec := request()
	rec.Path, rec.Data = []byte("!data"), []byte(`"`+strings.Repeat("x", 10_000)+`"`)
	want := "[" + string(rec.Data) + "," + string(rec.Data) + "]"
	v, err := f.call(rec)
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPatch, v)
	require.Equal(t, want, string(rec.Data))
}

func TestAReloadOfAGoGuestDropsNoMessage(t *testing.T) {
	f := openGo(t, func(o *plugin.Options) { o.Limits.Wait = 10 * time.Second })
	layer := f.Inbound()[0]
	var stop atomic.Bool
	var calls atomic.Int64
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for !stop.Load() {
				rec := request()
				rec.Path = []byte("!data")
				v, err := layer.Call(context.Background(), rec)
				if err != nil || v != abi.VerdictPatch {
					t.Error(v, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i := range 5 {
		f.put("goguest.yaml", fmt.Appendf(nil, "config: {version: %d}", i))
		require.Equal(t, plugin.StateReady, f.only().State)
	}
	stop.Store(true)
	running.Wait()
	require.EqualValues(t, calls.Load(), f.only().Calls)
	require.Zero(t, f.only().Skipped)
}

func TestRecordsMayBeLarge(t *testing.T) {
	f := openGo(t, nil)
	rec := request()
	rec.Path = []byte("!data")
	for _, size := range []int{1, 4 << 10, 100 << 10, 400 << 10, 10} {
		rec.Data = []byte(`"` + strings.Repeat("x", size) + `"`)
		v, err := f.call(rec)
		require.NoError(t, err)
		require.Equal(t, abi.VerdictPatch, v)
		require.Len(t, rec.Data, 2*(size+2)+3)
	}
}

// BenchmarkGoGuest is a message of 300 B data through 0, 1 and 2 layers that let
// it pass.
func BenchmarkGoGuest(b *testing.B) {
	f := openGo(b, func(o *plugin.Options) { o.Limits.Instances = 1 })
	layers := f.Inbound()
	run := context.Background()
	rec := request()
	rec.Data = data300
	for _, c := range []struct {
		name   string
		layers int
	}{{"0layers", 0}, {"1layer", 1}, {"2layers", 2}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range c.layers {
					l := layers[0]
					if !l.Handles(rec.Kind, rec.Action, rec.Path) {
						b.Fatal("filtered")
					}
					if v, err := l.Call(run, rec); v != abi.VerdictPass || err != nil {
						b.Fatal(v, err)
					}
				}
			}
		})
	}
}

// BenchmarkGoGuestPatch is a message whose data the layer replaces.
func BenchmarkGoGuestPatch(b *testing.B) {
	f := openGo(b, func(o *plugin.Options) { o.Limits.Instances = 1 })
	layer := f.Inbound()[0]
	b.ReportAllocs()
	for b.Loop() {
		rec := abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet, Path: []byte("!data"), Data: data300}
		if v, err := layer.Call(context.Background(), &rec); v != abi.VerdictPatch || err != nil {
			b.Fatal(v, err)
		}
	}
}

// BenchmarkStart is what replacing an instance costs.
func BenchmarkStart(b *testing.B) {
	f := openGo(b, func(o *plugin.Options) {
		o.Limits.Instances, o.Limits.Wait, o.Breaker.Faults = 1, 10*time.Second, 1<<30
	})
	bad := request()
	bad.Path = []byte("!exit")
	for b.Loop() {
		_, _ = f.call(bad)
	}
}
