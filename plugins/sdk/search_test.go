//go:build !wasip1

package sdk_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func TestASearchHookAnswersInParts(t *testing.T) {
	p := sdktest.Native(t, sdk.Plugin{Search: func(q *sdk.SearchQuery) (r sdk.SearchResult, err error) {
		require.Equal(t, []string{"all", `{"a":"\u00fc"}`, "/a/*"}, []string{q.Name, string(q.Argument), q.Pattern})
		for i := q.Skip; i < 250 && len(r.Hits) < q.Limit; i++ {
			r.Hits = append(r.Hits, sdk.Hit{Path: fmt.Sprintf("/a/\"%d", i), Score: 1 / float64(i+1)})
		}
		r.More = q.Skip+len(r.Hits) < 250
		return r, nil
	}}, "")
	hits, err := p.Search("/a/*", "all", `{"a":"\u00fc"}`)
	require.NoError(t, err)
	require.Len(t, hits, 250)
	require.Equal(t, pipeline.Hit{Path: `/a/"249`, Score: 1.0 / 250}, hits[249])

	p = sdktest.Native(t, sdk.Plugin{Search: func(*sdk.SearchQuery) (sdk.SearchResult, error) { return sdk.SearchResult{}, errors.New("no") }}, "")
	_, err = p.Search("*", "x", "1")
	require.EqualError(t, err, "no")
	_, err = p.Operator("$x", "1", false)
	require.EqualError(t, err, "the plugin has no operators")
	p = sdktest.Native(t, sdk.Plugin{}, "")
	_, err = p.Search("*", "x", "1")
	require.EqualError(t, err, "the plugin has no queries")
}

func TestAnOperatorHookAnswersForSomeValues(t *testing.T) {
	no, yes := pipeline.Score{}, func(v float64) pipeline.Score { return pipeline.Score{Value: v, Matches: true} }
	answers := map[string]func(c *sdk.OperatorCall){
		"$none": func(*sdk.OperatorCall) {},
		"$all":  func(c *sdk.OperatorCall) { c.Score(0, 1.5); c.Match(1); c.Score(2, -1e300); c.Match(3) },
		"$some": func(c *sdk.OperatorCall) { c.Score(2, 7) },
		"$late": func(c *sdk.OperatorCall) { c.Score(2, 7); c.Score(1, 7) },
		"$nan":  func(c *sdk.OperatorCall) { c.Score(2, math.NaN()) },
		"$more": func(c *sdk.OperatorCall) { c.Score(4, 1) },
	}
	var values []string
	p := sdktest.Native(t, sdk.Plugin{Operator: func(c *sdk.OperatorCall) error {
		values = nil
		for n, raw := range c.Values() {
			require.Len(t, values, n)
			values = append(values, string(raw))
		}
		answers[c.Name](c)
		return nil
	}}, "")
	for name, want := range map[string][]pipeline.Score{
		"$none": {no, no, no, no}, "$all": {yes(1.5), yes(0), yes(-1e300), yes(0)}, "$some": {no, no, yes(7), no},
	} {
		got, err := p.Operator(name, "1", false, `"a"`, `[1,2]`, `{"b":1}`, `1`)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
		require.Equal(t, []string{`"a"`, `[1,2]`, `{"b":1}`, `1`}, values)
	}
	for name, says := range map[string]string{"$late": "too late", "$nan": "not finite", "$more": "more than the 4 scores"} {
		_, err := p.Operator(name, "1", false, `"a"`, `[1,2]`, `{"b":1}`, `1`)
		require.ErrorContains(t, err, says)
	}
	got, err := p.Operator("$none", "1", true)
	require.NoError(t, err)
	require.Empty(t, got)
}
