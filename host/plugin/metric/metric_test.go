package metric_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

func TestMetricsAreBounded(t *testing.T) {
	var m metric.Set
	limits := limit.Default()
	for definition, says := range map[string]string{
		`{`: "the metric", `{"name":"a b","type":"gauge"}`: "the metric's name", `{"name":"a","type":"x"}`: "the metric's type",
		`{"name":"a","type":"gauge","labels":["1","2","3","4","5"]}`: "at most 4", `{"name":"a","type":"gauge","labels":["x","x"]}`: `label "x"`,
		`{"name":"a","type":"gauge","labels":["plugin"]}`: `label "plugin"`, `{"name":"a","type":"gauge","unit":"s"}`: `unknown field`,
	} {
		_, err := m.Define([]byte(definition), &limits)
		require.ErrorContains(t, err, says, definition)
	}
	n, err := m.Define([]byte(`{"name":"a","type":"counter","labels":["l"]}`), &limits)
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
		require.Error(t, m.Add(c.number, c.value, []byte(c.labels), &limits), name)
	}
	for i := range 300 {
		err := m.Add(n, 1, fmt.Appendf(nil, "%d\x00", i), &limits)
		require.Equal(t, i >= 256, err != nil, i)
	}
	require.Len(t, m.All()[0].Series, 256)
	require.EqualValues(t, 44, m.All()[0].Lost)
	for i := range 40 {
		_, err := m.Define(fmt.Appendf(nil, `{"name":"m%d","type":"gauge"}`, i), &limits)
		require.Equal(t, i >= 31, err != nil, i)
	}
}

func TestWhatAnotherVersionHasCountedIsKept(t *testing.T) {
	limits := limit.Default()
	limits.Series = 2
	var before, now metric.Set
	for _, s := range []*metric.Set{&before, &now} {
		for n, definition := range []string{`{"name":"done","help":"What was done.","type":"counter","labels":["verb"]}`, `{"name":"level","type":"gauge"}`} {
			number, err := s.Define([]byte(definition), &limits)
			require.NoError(t, err)
			require.Equal(t, n, number)
		}
	}
	add := func(s *metric.Set, number int, value float64, labels string) {
		require.NoError(t, s.Add(number, value, []byte(labels), &limits))
	}
	add(&before, 0, 2, "get\x00")
	add(&before, 0, 1, "set\x00")
	add(&before, 1, 7, "")
	add(&now, 0, 3, "get\x00")
	add(&now, 0, 1, "count\x00")
	add(&now, 1, 5, "")
	now.Inherit(&before, &limits)
	require.Equal(t, []metric.Metric{
		{Name: "done", Help: "What was done.", Type: metric.Counter, Labels: []string{"verb"}, Lost: 1, Series: []metric.Series{
			{Labels: []string{"count"}, Value: 1}, {Labels: []string{"get"}, Value: 5},
		}},
		{Name: "level", Type: metric.Gauge, Series: []metric.Series{{Labels: []string{}, Value: 5}}},
	}, now.All())

	number, err := now.Define([]byte(`{"name":"done","type":"gauge"}`), &limits)
	require.NoError(t, err)
	require.Zero(t, number, "a metric that means something else takes the place of the one before")
	require.Empty(t, now.All()[0].Series)
}
