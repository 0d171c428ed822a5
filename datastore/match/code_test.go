package match_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

func codes(t *testing.T, field string) *match.Codes {
	t.Helper()
	c, err := match.CompileCodes(field)
	require.NoError(t, err)
	return c
}

// alike is values whose codes are near each other, or the same.
var alike = []string{
	`"abcde"`, `"abcdef"`, `"abcdefg"`, `"abcdefh"`, `"abcdf"`, `"abcd"`, `"abcde\u0000"`, `"abcde\u0000\u0000"`,
	`0.1`, `0.3`, `0.30000000000000004`, `0.1000000000000000055`, `0.09999999999999999`, `4.99999999999999999`, `5`, `5.00000000000000001`,
	`9007199254740991`, `9007199254740992`, `9007199254740993`, `562949953421311`, `562949953421312`, `562949953421313`, `562949953421313.5`,
	`-4.99999999999999999`, `-5`, `-5.00000000000000001`, `-0.1`, `-0.3`, `-0.0`, `1e-5`, `0.00001`, `21.5`, `1764208000123`, `[1]`, `{"a":1}`,
}

func TestCodesAreInTheOrderOfTheValues(t *testing.T) {
	c := codes(t, "data.a")
	for i, as := range ascending {
		for j, bs := range ascending {
			for _, a := range as {
				for _, b := range bs {
					x, y := c.Of(document(`{"a":`+a+`}`)), c.Of(document(`{"a":`+b+`}`))
					switch {
					case x == match.CodeLook || y == match.CodeLook:
					case i == j:
						require.Equal(t, x, y, "%s and %s", a, b)
					case i < j:
						require.LessOrEqual(t, match.Rank(x), match.Rank(y), "%s and %s", a, b)
					}
				}
			}
		}
	}
}

// TestSpansHoldTheCodesOfWhatMatches compares spans with the criteria that they
// come from, on values of all kinds.
func TestSpansHoldTheCodesOfWhatMatches(t *testing.T) {
	values := append([]string{}, alike...)
	for _, equal := range ascending {
		values = append(values, equal...)
	}
	for range 100 {
		values = append(values, fmt.Sprint(rand.Float64()*10), fmt.Sprint(rand.IntN(100)-50), fmt.Sprintf("%q", strings.Repeat("x", rand.IntN(9))))
	}
	c := codes(t, "data.a")
	for _, op := range []string{"$eq", "$gt", "$gte", "$lt", "$lte", "$in"} {
		for _, bound := range values {
			if op == "$in" {
				bound = "[" + bound + ",7]"
			}
			f, err := match.CompileFilter([]byte(`{"a":{"` + op + `":` + bound + `}}`))
			require.NoError(t, err)
			bounds, exact := f.Bounds()
			if !exact || len(bounds) != 1 {
				continue
			}
			for _, v := range values {
				doc := document(`{"a":` + v + `}`)
				code := c.Of(doc)
				within, known, sure := false, true, true
				for _, in := range bounds[0].Intervals {
					first, last, decided, ok := c.Span(in)
					known, sure = known && ok, sure && decided
					within = within || first <= code && code <= last
				}
				if !known || code == match.CodeLook {
					continue
				}
				if f.Match(doc) {
					require.True(t, within, "%s %s misses %s", op, bound, v)
				} else if sure {
					require.False(t, within, "%s %s decides for %s", op, bound, v)
				}
			}
		}
	}
}

func TestCodesTellWhatIsCommonInFull(t *testing.T) {
	c := codes(t, "data.a")
	for _, v := range []string{`1`, `-7`, `21.5`, `1764208000123`, `"eu"`, `"asia"`, `true`, `null`, `0`} {
		first, last, decided, ok := c.Span(datastore.Interval{Low: []byte(v), High: []byte(v)})
		require.True(t, ok && decided, v)
		require.Equal(t, first, last)
		require.Equal(t, first, c.Of(document(`{"a":`+v+`}`)), v)
		require.GreaterOrEqual(t, first, match.FirstCode)
	}
	require.Equal(t, c.Of(document(`{}`)), c.Of(document(`{"a":null}`)))
	require.NotEqual(t, c.Of(document(`{"a":"customer-1"}`)), c.Of(document(`{"a":"customer-2"}`)), "texts that begin alike differ")
	_, err := match.CompileCodes("region")
	require.Error(t, err)
}
