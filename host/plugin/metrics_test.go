package plugin_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

func TestMetricsThatAPluginDefines(t *testing.T) {
	f := openWorld(t, newWorld(), map[string]string{"p": all})
	f.do("count /a", "1")
	f.do("count /ab", "1")
	f.do("find /x", "1")
	want := []plugin.Metric{
		{Name: "done", Help: "What was done.", Type: plugin.Counter, Labels: []string{"verb"}, Series: []plugin.Series{
			{Labels: []string{"count"}, Value: 4}, {Labels: []string{"find"}, Value: 2},
		}},
		{Name: "level", Type: plugin.Gauge, Labels: []string{}, Series: []plugin.Series{{Labels: []string{}, Value: 2}}},
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

func TestMetricsAreBounded(t *testing.T) {
	var m plugin.Metrics
	for definition, says := range map[string]string{
		`{`: "the metric", `{"name":"a b","type":"gauge"}`: "the metric's name", `{"name":"a","type":"x"}`: "the metric's type",
		`{"name":"a","type":"gauge","labels":["1","2","3","4","5"]}`: "at most 4", `{"name":"a","type":"gauge","labels":["x","x"]}`: `label "x"`,
		`{"name":"a","type":"gauge","labels":["plugin"]}`: `label "plugin"`, `{"name":"a","type":"gauge","unit":"s"}`: `unknown field`,
	} {
		_, err := m.Define([]byte(definition))
		require.ErrorContains(t, err, says, definition)
	}
	n, err := m.Define([]byte(`{"name":"a","type":"counter","labels":["l"]}`))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		number int
		value  float64
		labels string
	}{
		"another number": {n + 1, 1, "x\x00"}, "a negative one": {-1, 1, "x\x00"}, "no label": {n, 1, ""}, "two labels": {n, 1, "x\x00y\x00"},
		"no end": {n, 1, "x"}, "a fall": {n, -1, "x\x00"}, "no number": {n, math.NaN(), "x\x00"}, "no end of it": {n, math.Inf(1), "x\x00"},
		"a long value": {n, 1, strings.Repeat("x", 200) + "\x00"},
	} {
		require.Error(t, m.Add(c.number, c.value, []byte(c.labels)), name)
	}
	for i := range 300 {
		err := m.Add(n, 1, fmt.Appendf(nil, "%d\x00", i))
		require.Equal(t, i >= 256, err != nil, i)
	}
	require.Len(t, m.All()[0].Series, 256)
	require.EqualValues(t, 44, m.All()[0].Lost)
	for i := range 40 {
		_, err := m.Define(fmt.Appendf(nil, `{"name":"m%d","type":"gauge"}`, i))
		require.Equal(t, i >= 31, err != nil, i)
	}
}
