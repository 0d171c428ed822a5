package plugin_test

import (
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin"
)

// waited is what a guest has others wait for.
type waited struct{ late, stopped time.Duration }

// Nobody waits for a guest: neither who called it, once its time is up, nor the
// collector, which has to stop it. The property is the code's and not the machine's,
// which does other things, so the best of some tries counts, and counts as the
// goal says with HAPPN_TEST_PAUSES=strict.
func TestNobodyWaitsForAGuest(t *testing.T) {
	bound := 50 * time.Millisecond
	if os.Getenv("HAPPN_TEST_PAUSES") == "strict" {
		bound = 5 * time.Millisecond
	}
	for name, guest := range waitedGuests() {
		t.Run(name, func(t *testing.T) {
			best := waited{time.Hour, time.Hour}
			f := waitingFor(t, guest)
			for range 16 {
				w := f.keepsWaiting(guest.path)
				require.Regexp(t, ended[guest.deep], f.only().LastError)
				best.late, best.stopped = min(best.late, w.late), min(best.stopped, w.stopped)
				if best.late < bound && best.stopped < bound {
					break
				}
			}
			t.Log("late by", best.late, "stopped after", best.stopped)
			require.Less(t, best.late, bound, "a call goes on after its time")
			require.Less(t, best.stopped, bound, "the collector waits")
		})
	}
}

// ended says how a guest ends, and those that recurse.
var ended = map[bool]string{false: "time limit of 20ms", true: "recursed deeper than 4096 KiB|time limit of 20ms"}

// limitOfWaiting is the time limit of the guests that are waited for.
const limitOfWaiting = 20 * time.Millisecond

func waitingFor(t testing.TB, guest waitedGuest) *folder {
	f := open(t, func(o *plugin.Options) {
		o.Limits.Timeout, o.Limits.Instances, o.Limits.MemoryMiB = limitOfWaiting, 1, 64
		o.Limits.Wait, o.Breaker.Faults = 10*time.Second, 1<<30
	})
	f.put("p.yaml", reject)
	f.put("p.wasm", guest.module(t))
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
	return f
}

// keepsWaiting calls the guest once, while the collector runs again and again.
func (f *folder) keepsWaiting(path string) waited {
	rec := request()
	_, err := f.call(rec) // which waits for the instance that takes the place of the last one
	require.NoError(f.t, err)
	rec = request()
	rec.Path = []byte(path)
	var over atomic.Bool
	var collecting sync.WaitGroup
	before := stops()
	collecting.Go(func() {
		for !over.Load() {
			runtime.GC()
		}
	})
	began := time.Now()
	_, err = f.call(rec)
	late := time.Since(began) - limitOfWaiting
	over.Store(true)
	collecting.Wait()
	require.Error(f.t, err)
	return waited{late: late, stopped: stops().longestSince(before)}
}

// stopTimes counts how long it took to stop the world for the collector.
type stopTimes metrics.Float64Histogram

func stops() *stopTimes {
	sample := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	return &stopTimes{Counts: append([]uint64(nil), h.Counts...), Buckets: h.Buckets}
}

// longestSince returns the longest time that was counted since then, at least.
func (h *stopTimes) longestSince(before *stopTimes) time.Duration {
	for n := len(h.Counts) - 1; n >= 0; n-- {
		if h.Counts[n] > before.Counts[n] {
			return time.Duration(math.Max(h.Buckets[n], 0) * float64(time.Second))
		}
	}
	return 0
}

// BenchmarkWaiting reports how long others wait for a guest that is ended, by what
// it does: the best of the tries, since what a machine does beside it adds to it.
func BenchmarkWaiting(b *testing.B) {
	for name, guest := range waitedGuests() {
		b.Run(name, func(b *testing.B) {
			f := waitingFor(b, guest)
			best := waited{time.Hour, time.Hour}
			for b.Loop() {
				w := f.keepsWaiting(guest.path)
				best.late, best.stopped = min(best.late, w.late), min(best.stopped, w.stopped)
			}
			b.ReportMetric(float64(best.late.Microseconds()), "late-us")
			b.ReportMetric(float64(best.stopped.Microseconds()), "stopped-us")
		})
	}
}
