package heapfloor_test

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/heapfloor"
)

const floor = 16 << 20

func percent() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

func awaitPercent(t *testing.T, ok func(int) bool, says string) {
	t.Helper()
	for range 100 {
		runtime.GC()
		if ok(percent()) {
			return
		}
	}
	require.Fail(t, says, "it is %d", percent())
}

func collections() uint32 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumGC
}

// litter makes so much garbage.
func litter(bytes int) (last []byte) {
	for range bytes >> 16 {
		last = make([]byte, 1<<16)
	}
	return last
}

func TestASmallHeapIsSeldomCollected(t *testing.T) {
	before := percent()
	runtime.GC()
	usual := collections()
	runtime.KeepAlive(litter(4 * floor))
	usual = collections() - usual

	stop := heapfloor.Set(floor)
	awaitPercent(t, func(p int) bool { return p > 150 }, "a heap that is nearly empty may grow to the floor")
	with := collections()
	runtime.KeepAlive(litter(4 * floor))
	with = collections() - with
	t.Logf("%d collections, %d with a floor", usual, with)
	require.Less(t, with*4, usual)

	stop()
	require.Equal(t, before, percent(), "it is as it was")
	stop()
	require.Equal(t, before, percent(), "it stops once")
}

func TestALargeHeapIsCollectedAsUsual(t *testing.T) {
	stop := heapfloor.Set(floor)
	defer stop()
	held := make([][]byte, 0, 2*floor>>16)
	for range cap(held) {
		held = append(held, make([]byte, 1<<16))
	}
	awaitPercent(t, func(p int) bool { return p == 100 }, "the heap is above the floor")
	runtime.KeepAlive(held)
	held = nil
	awaitPercent(t, func(p int) bool { return p > 150 }, "the heap is small again")
	runtime.KeepAlive(held)
}
