//go:build !wasip1

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const rules = `{"rules":[{"from":"/readings/*","to":"/hourly","field":"value","period":"1h","keep":"2h"}]}`

func TestDownsample(t *testing.T) {
	sdktest.Both(t, (&downsampler{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(rules)
		ctx := context.Background()
		var written time.Time
		for i, data := range []string{`{"value":1}`, `{"value":2.5}`, `{"value":-4}`, `{"other":1}`, `"text"`} {
			doc, err := p.Client().Set(ctx, fmt.Sprintf("/readings/boiler/%d", i), json.RawMessage(data), nil)
			require.NoError(t, err)
			written = time.UnixMilli(doc.Meta.Modified)
		}
		_, err := p.Client().Set(ctx, "/readings/cellar/1", json.RawMessage(`{"value":9}`), nil)
		require.NoError(t, err)
		hour := written.Truncate(time.Hour)
		name := fmt.Sprintf("/hourly/readings/boiler/%d", hour.UnixMilli())

		require.NoError(t, p.Tick(hour.Add(time.Minute)), "their hour is not over")
		_, err = p.Client().Get(ctx, name, nil)
		require.ErrorIs(t, err, client.ErrNotFound)

		for range 2 { // a tick that comes twice comes to the same
			require.NoError(t, p.Tick(hour.Add(time.Hour+time.Minute)))
			doc, err := p.Client().Get(ctx, name, nil)
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"count":3,"mean":%v,"min":-4,"max":2.5,"from":%d,"to":%d}`,
				-0.5/3, hour.UnixMilli(), hour.Add(time.Hour).UnixMilli()), string(doc.Data))
		}
		n, err := p.Client().Count(ctx, "/hourly/*", nil)
		require.NoError(t, err)
		require.EqualValues(t, 2, n, "a series each")
		n, err = p.Client().Count(ctx, "/readings/*", nil)
		require.NoError(t, err)
		require.EqualValues(t, 6, n)

		require.NoError(t, p.Tick(written.Add(3*time.Hour)))
		n, err = p.Client().Count(ctx, "/readings/*", nil)
		require.NoError(t, err)
		require.Zero(t, n, "older than is kept")
	})
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"rules":[{"from":"/a"}]}`:                                                       "rules[0].from must be a pattern",
		`{"rules":[{"from":"/a/*","to":"/b/*"}]}`:                                         "rules[0].to must be a path",
		`{"rules":[{"from":"/a/*","to":"/b"}]}`:                                           "rules[0].field is missing",
		`{"rules":[{"from":"/a/*","to":"/b","field":"v","period":"1"}]}`:                  `rules[0].period "1"`,
		`{"rules":[{"from":"/a/*","to":"/b","field":"v","period":"1h","keep":"1m"}]}`:     `rules[0].keep "1m"`,
		`{"rules":[{"from":"/a/*","to":"/b","field":"v","period":"1h","keeps":"1000h"}]}`: `unknown field "keeps"`,
	} {
		require.ErrorContains(t, (&downsampler{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&downsampler{}).plugin(), rules)) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), rules)) }

// bench averages a thousand readings.
func bench(b *testing.B, p sdktest.Host) {
	var hour time.Time
	for i := range 1000 {
		doc, err := p.Client().Set(context.Background(), fmt.Sprintf("/readings/%d/%d", i%10, i), json.RawMessage(`{"value":1}`), nil)
		if err != nil {
			b.Fatal(err)
		}
		hour = time.UnixMilli(doc.Meta.Modified).Truncate(time.Hour)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Tick(hour.Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
