package match_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

func TestOptionsCountAtTheirLevel(t *testing.T) {
	parse := func(raw string) *match.Options {
		t.Helper()
		o, err := match.ParseOptions([]byte(raw))
		require.NoError(t, err, raw)
		return o
	}
	for _, raw := range []string{``, `null`, `[]`, `5`, `{}`, `{"timeout":60000}`, `{"criteria":null,"fields":null,"sort":null,"options":null}`,
		`{"limit":2,"skip":1,"count":true}`, `{"options":{"criteria":{"v":1}}}`, `{"options":{"limit":0,"skip":"0","limit":null}}`, `{"options":7}`} {
		require.Equal(t, &match.Options{}, parse(raw), raw)
	}

	o := parse(`{"criteria":{"v":1},"timeout":1}`)
	require.Equal(t, `{"data.v":1}`, string(o.Filter.Source()))
	require.Nil(t, parse(`{"criteria":{}}`).Filter, "an empty criterion is none")

	o = parse(`{"fields":{"a":1},"sort":{"a":1},"options":{"fields":{"b":1},"sort":{"b":1}}}`)
	require.Equal(t, `{"data.b":1}`, string(o.Fields.Source()), "the inner fields win")
	require.Equal(t, `{"data.a":1}`, string(o.Order.Source()), "the outer sort wins")
	o = parse(`{"options":{"sort":{"b":1}},"fields":{"a":1}}`)
	require.Equal(t, `{"data.b":1}`, string(o.Order.Source()))
	require.Equal(t, `{"data.a":1}`, string(o.Fields.Source()))

	o = parse(`{"options":{"limit":2,"skip":1}}`)
	require.Equal(t, &match.Options{Limit: 2, Skip: 1}, o)
	require.Equal(t, 2, parse(`{"options":{"limit":"2"}}`).Limit)
	require.Equal(t, -1, parse(`{"options":{"limit":-1}}`).Limit)
	require.Equal(t, 2, parse(`{"options":{"limit":2.9}}`).Limit)
	require.Equal(t, 1<<31-1, parse(`{"options":{"limit":1e300}}`).Limit)
	require.Equal(t, -1<<31, parse(`{"options":{"skip":-1e300}}`).Skip)

	require.True(t, parse(`{"path_only":true}`).PathOnly)
	require.True(t, parse(`{"options":{"path_only":1}}`).PathOnly)
	require.False(t, parse(`{"path_only":0,"options":{"path_only":""}}`).PathOnly)
	require.True(t, parse(`{"options":{"count":true}}`).Count)
	require.True(t, parse(`{"aggregate":[]}`).Aggregate)
	require.True(t, parse(`{"options":{"aggregate":[]}}`).Aggregate)
	require.True(t, parse(`{"options":{"collation":{"locale":"en"}}}`).Collation)
}

func TestOptionsNameTheirMistakes(t *testing.T) {
	for raw, want := range map[string]string{
		`{"options":{"limit":"many"}}`:    `a whole number is expected, found "many" at options.options.limit`,
		`{"options":{"skip":{}}}`:         `a whole number is expected, found {} at options.options.skip`,
		`{"options":{"limit":true}}`:      `a whole number is expected, found true at options.options.limit`,
		`{"criteria":{"a":{"$bogus":1}}}`: `unknown operator $bogus at criteria.a`,
		`{"criteria":5}`:                  `criteria must be an object`,
		`{"sort":"v"}`:                    `sort must be an object`,
		`{"fields":["v"]}`:                `fields must be an object`,
	} {
		_, err := match.ParseOptions([]byte(raw))
		require.EqualError(t, err, want)
	}
}

func TestOptionsOfMostRequestsAllocateNothing(t *testing.T) {
	raw := []byte(`{"timeout":60000}`)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = match.ParseOptions(raw) }))
}
