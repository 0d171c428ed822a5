package match_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

type hostile struct{ name, criteria, data string }

// hostilePairs are criteria and documents that make naive matchers take
// exponential or quadratic time. None of the documents satisfies its criteria, so
// nothing ends the search early.
func hostilePairs() []hostile {
	ambiguous := strings.Repeat(`{"0":[`, 60) + `1` + strings.Repeat(`]}`, 60)
	long := `"` + strings.Repeat("a", 1<<20) + `"`
	return []hostile{
		{"numbers in a path that are names and indexes",
			`{"a.0.0.0.0.0.0.0.0":2}`, `{"a":[` + strings.Repeat(ambiguous+",", 500) + `1]}`},
		{"nested $elemMatch with such paths",
			`{"a":{"$elemMatch":{"0.0.0.0":{"$elemMatch":{"0.0.0.0":{"$elemMatch":{"b":1}}}}}}}`, `{"a":[` + strings.Repeat(ambiguous+",", 500) + `1]}`},
		{"a regular expression that backtracks elsewhere",
			`{"a":{"$regex":"^(a+)+b$"}}`, `{"a":` + long + `}`},
		{"a long path into a deep document",
			`{"` + strings.Repeat("a.", 120) + `a":1}`, strings.Repeat(`{"a":`, 121) + long + strings.Repeat(`}`, 121)},
		{"a long list against a long array",
			`{"a":{"$in":[` + strings.Repeat(`"x",`, 40_000) + `"y"]}}`, `{"a":[` + strings.Repeat(`"z",`, 200_000) + `1]}`},
		{"many pieces against a long text",
			`{"a":{"$contains":[` + strings.Repeat(`"aaaaaaaaaaaaaaaaaaaaaaab",`, 9000) + `"ab"]}}`, `{"a":` + long + `}`},
		{"many different pieces against a long text",
			`{"a":{"$containsAny":` + strings.ReplaceAll(texts("aaaaaaaaaa", 9000), `",`, `b",`) + `}}`, `{"a":` + long + `}`},
		{"many names against a large object",
			`{"a":{"$contains":` + texts("x", 20_000) + `}}`, `{"a":{` + strings.Repeat(`"y":1,`, 200_000) + `"z":1}}`},
		{"numbers with long exponents",
			`{"a":{"$gt":1e` + strings.Repeat("9", 100_000) + `}}`, `{"a":-1e` + strings.Repeat("9", 1<<20) + `}`},
	}
}

// TestHostileCriteriaAreDecided asks no clock: what grows exponentially does not
// end at all. What would take quadratic time is counted in
// TestLongListsMeetLongArraysOnce, and measured by BenchmarkHostileCriteria.
func TestHostileCriteriaAreDecided(t *testing.T) {
	for _, c := range hostilePairs() {
		t.Run(c.name, func(t *testing.T) {
			f, err := match.CompileFilter([]byte(c.criteria))
			require.NoError(t, err)
			require.False(t, f.Match(document(c.data)))
		})
	}
}

// TestAPathLooksAtFewerValuesThanADocumentHasBytes counts them where each number
// in the path can be an index and a name, which doubles the ways at each level.
func TestAPathLooksAtFewerValuesThanADocumentHasBytes(t *testing.T) {
	twoWays := strings.Repeat(`{"0":[`, 60) + `1` + strings.Repeat(`]}`, 60)
	data := `{"a":[` + strings.Repeat(twoWays+",", 50) + `1]}`
	path := "a"
	for {
		_, err := match.CompileFilter([]byte(`{"` + path + `":2}`))
		if err != nil {
			require.ErrorContains(t, err, "numeric path components")
			require.Greater(t, strings.Count(path, "0"), 4, "ordinary paths have some")
			return
		}
		require.Less(t, match.Visits(path, []byte(data)), len(data), path)
		path += ".0"
	}
}

func TestPatternsThatBacktrackAreRefused(t *testing.T) {
	for _, pattern := range []string{`(a)\\1`, `(?=a)b`, `(?<!a)b`, `(?>a+)b`, `a++b`} {
		_, err := match.CompileFilter([]byte(`{"a":{"$regex":"` + pattern + `"}}`))
		require.ErrorContains(t, err, "$regex", pattern)
	}
}

// BenchmarkHostileCriteria tells the time for each byte of the document.
func BenchmarkHostileCriteria(b *testing.B) {
	for _, c := range hostilePairs() {
		b.Run(c.name, func(b *testing.B) {
			f, err := match.CompileFilter([]byte(c.criteria))
			if err != nil {
				b.Fatal(err)
			}
			doc := document(c.data)
			b.SetBytes(int64(len(c.data)))
			for b.Loop() {
				if f.Match(doc) {
					b.Fatal("matched")
				}
			}
		})
	}
}
