package plugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

func TestMetricsThatAPluginDefines(t *testing.T) {
	f := openWorld(t, newWorld(), map[string]string{"p": all})
	f.do("count /a", "1")
	f.do("count /ab", "1")
	f.do("find /x", "1")
	want := []metric.Metric{
		{Name: "done", Help: "What was done.", Type: metric.Counter, Labels: []string{"verb"}, Series: []metric.Series{
			{Labels: []string{"count"}, Value: 4}, {Labels: []string{"find"}, Value: 2},
		}},
		{Name: "level", Type: metric.Gauge, Labels: []string{}, Series: []metric.Series{{Labels: []string{}, Value: 2}}},
	}
	require.Equal(t, want, f.only().Metrics)
	f.put("p.yaml", []byte(all+"config: {again: true}"))
	require.Equal(t, want, f.only().Metrics, "they outlive a version")
}

func TestHooksAreCounted(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", says(abi.VerdictReject, []byte("no")))
	for range 40 {
		_, err := f.call(request())
		require.NoError(t, err)
	}
	info := f.only()
	require.Len(t, info.Hooks, 1)
	h := info.Hooks[0]
	require.Equal(t, hook.KindInbound, h.Kind)
	require.EqualValues(t, 40, h.Calls)
	require.EqualValues(t, 40, h.Verdicts[abi.VerdictReject])
	require.EqualValues(t, 80, h.Written)
	measured := uint64(0)
	for _, n := range h.Sampled.Buckets {
		measured += n
	}
	require.Contains(t, []uint64{1, 2}, measured, "one in 64, of each of two instances")
	require.Positive(t, h.Sampled.Sum)
	require.Positive(t, h.Sampled.Read)
	require.EqualValues(t, 2*4<<16, info.Memory)
	f.put("p.wasm", passes())
	_, err := f.call(request())
	require.NoError(t, err)
	h = f.only().Hooks[0]
	require.EqualValues(t, 41, h.Calls, "counts outlive a version")
	require.EqualValues(t, 1, h.Verdicts[abi.VerdictPass])
}
