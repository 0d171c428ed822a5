package match_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

// TestHostileCriteriaStayCheap pairs criteria and documents that make naive
// matchers take exponential or quadratic time. The limit is a hundred times
// what a slow machine needs.
func TestHostileCriteriaStayCheap(t *testing.T) {
	ambiguous := strings.Repeat(`{"0":[`, 60) + `1` + strings.Repeat(`]}`, 60)
	long := `"` + strings.Repeat("a", 1<<20) + `"`
	cases := map[string]struct{ criteria, data string }{
		"numbers in a path that are names and indexes": {
			`{"a.0.0.0.0.0.0.0.0":2}`, `{"a":[` + strings.Repeat(ambiguous+",", 500) + `1]}`},
		"nested $elemMatch with such paths": {
			`{"a":{"$elemMatch":{"0.0.0.0":{"$elemMatch":{"0.0.0.0":{"$elemMatch":{"b":1}}}}}}}`, `{"a":[` + strings.Repeat(ambiguous+",", 500) + `1]}`},
		"a regular expression that backtracks elsewhere": {
			`{"a":{"$regex":"^(a+)+b$"}}`, `{"a":` + long + `}`},
		"a long path into a deep document": {
			`{"` + strings.Repeat("a.", 120) + `a":1}`, strings.Repeat(`{"a":`, 121) + long + strings.Repeat(`}`, 121)},
		"a long list against a long array": {
			`{"a":{"$in":[` + strings.Repeat(`"x",`, 40_000) + `"y"]}}`, `{"a":[` + strings.Repeat(`"z",`, 200_000) + `1]}`},
		"many pieces against a long text": {
			`{"a":{"$contains":[` + strings.Repeat(`"aaaaaaaaaaaaaaaaaaaaaaab",`, 9000) + `"ab"]}}`, `{"a":` + long + `}`},
		"many different pieces against a long text": {
			`{"a":{"$containsAny":` + strings.ReplaceAll(texts("aaaaaaaaaa", 9000), `",`, `b",`) + `}}`, `{"a":` + long + `}`},
		"many names against a large object": {
			`{"a":{"$contains":` + texts("x", 20_000) + `}}`, `{"a":{` + strings.Repeat(`"y":1,`, 200_000) + `"z":1}}`},
		"numbers with long exponents": {
			`{"a":{"$gt":1e` + strings.Repeat("9", 100_000) + `}}`, `{"a":-1e` + strings.Repeat("9", 1<<20) + `}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := match.CompileFilter([]byte(c.criteria))
			require.NoError(t, err)
			start := time.Now()
			require.False(t, f.Match(document(c.data)))
			require.Less(t, time.Since(start), 20*time.Second)
			t.Log(time.Since(start))
		})
	}
}
