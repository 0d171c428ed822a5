package match_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// ascending is values in MongoDB's order; those on one line are equal.
var ascending = [][]string{
	{`null`},
	{`-1e999999999999999999999`}, {`-1e400`}, {`-1e61`}, {`-12345678901234567890.5`}, {`-100`, `-1e2`, `-100.00`}, {`-10.1`}, {`-10`},
	{`-1.5`}, {`-1`}, {`-0.5`, `-5e-1`}, {`-1e-70`}, {`-1e-400`},
	{`0`, `-0`, `0.000`, `0e5`}, {`1e-400`}, {`1e-61`}, {`0.001`}, {`0.01`, `1e-2`}, {`0.1`}, {`1`, `1.0`, `10e-1`}, {`1.01`}, {`1.1`},
	{`2`}, {`9`}, {`10`, `1E+1`}, {`10.01`}, {`11`}, {`99`}, {`100`}, {`101`}, {`12345678901234567890`}, {`12345678901234567891`}, {`1e60`}, {`1e61`}, {`1e400`},
	{`""`}, {`"\u0000"`}, {`"\u0000a"`}, {`"\u0001"`}, {`"A"`, `"\u0041"`}, {`"a"`}, {`"a\u0000"`}, {`"a\u0001"`}, {`"aa"`}, {`"b"`}, {`"é"`}, {`"😀"`},
	{`{}`}, {`{"a":1}`, `{"\u0061":1.0}`}, {`{"a":1,"b":1}`}, {`{"a":2}`}, {`{"b":0}`}, {`{"a":""}`}, {`{"a":{}}`},
	{`false`}, {`true`},
}

func indexKeys(t *testing.T, fields ...datastore.IndexField) *match.IndexKeys {
	t.Helper()
	x, err := match.CompileIndexKeys(fields)
	require.NoError(t, err)
	return x
}

// onlyKey returns the document's key, of which there must be one.
func onlyKey(t *testing.T, x *match.IndexKeys, data string) string {
	t.Helper()
	keys, _, ok := x.Append(nil, document(data))
	require.True(t, ok, data)
	require.Len(t, keys, 1, data)
	return keys[0]
}

func TestIndexKeysAreInTheOrderOfTheValues(t *testing.T) {
	for _, desc := range []bool{false, true} {
		x := indexKeys(t, datastore.IndexField{Name: "data.a", Descending: desc}, datastore.IndexField{Name: "data.b"})
		for i, as := range ascending {
			for j, bs := range ascending {
				want := cmp.Compare(i, j)
				if desc {
					want = -want
				}
				for _, a := range as {
					for _, b := range bs {
						k, l := onlyKey(t, x, `{"a":`+a+`}`), onlyKey(t, x, `{"a":`+b+`}`)
						require.Equal(t, want, cmp.Compare(k, l), "%s and %s, descending %v", a, b, desc)
					}
				}
			}
		}
	}
}

func TestIndexKeysOfRandomNumbersAreInOrder(t *testing.T) {
	x := indexKeys(t, datastore.IndexField{Name: "data.a"})
	order, err := match.CompileOrder([]byte(`{"a":1}`))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) (s string) {
		for range n {
			s += fmt.Sprint(random.IntN(10) * random.IntN(2))
		}
		return s
	}
	number := func() string {
		s := []string{"", "-"}[random.IntN(2)] + fmt.Sprint(random.IntN(10)) + digits(0)
		if s[len(s)-1] != '0' {
			s += digits(random.IntN(22))
		}
		if random.IntN(2) == 0 {
			s += "." + digits(1+random.IntN(5))
		}
		if random.IntN(3) == 0 {
			s += fmt.Sprintf("e%d", random.IntN(140)-70)
		}
		return s
	}
	for range 20_000 {
		a, b := `{"a":`+number()+`}`, `{"a":`+number()+`}`
		require.Equal(t, order.Compare(document(a), document(b)), cmp.Compare(onlyKey(t, x, a), onlyKey(t, x, b)), "%s and %s", a, b)
	}
}

func TestArraysHaveAKeyForEachElement(t *testing.T) {
	x := indexKeys(t, datastore.IndexField{Name: "data.a.b"}, datastore.IndexField{Name: "data.c"})
	for data, want := range map[string]struct {
		keys   int
		arrays bool
	}{
		`{}`:                                  {1, false},
		`{"a":5}`:                             {1, false},
		`{"a":{"b":[]}}`:                      {1, true},
		`{"a":[]}`:                            {1, true},
		`{"a":{"b":[1,2,2,1.0]}}`:             {2, true},
		`{"a":[{"b":1},{"b":[2,3]},{},7]}`:    {4, true},
		`{"a":[{"b":1},{"b":2}],"c":9}`:       {2, true},
		`{"a":{"b":1},"c":[1,2,3]}`:           {3, true},
		`{"a":{"b":[1,2]},"c":[1]}`:           {2, true},
		`{"a":{"b":[1,2]},"c":[1,2]}`:         {0, true},
		`{"a":{"b":"` + long(1<<10) + `"}}`:   {0, false},
		`{"a":{"b":["` + long(1<<10) + `"]}}`: {0, true},
	} {
		keys, arrays, ok := x.Append(nil, document(data))
		require.Len(t, keys, want.keys, data)
		require.Equal(t, want.keys > 0, ok, data)
		require.Equal(t, want.arrays, arrays, data)
	}
}

func long(n int) string { return fmt.Sprintf("%0*d", n, 0) }

func TestRangesHoldTheKeysOfWhatTheCriterionMatches(t *testing.T) {
	var values []string
	for _, equal := range ascending {
		values = append(values, equal...)
	}
	for _, desc := range []bool{false, true} {
		x := indexKeys(t, datastore.IndexField{Name: "data.a", Descending: desc})
		for _, operator := range []string{"$eq", "$lt", "$lte", "$gt", "$gte"} {
			for _, bound := range values {
				criteria := fmt.Sprintf(`{"a":{%q:%s}}`, operator, bound)
				f, err := match.CompileFilter([]byte(criteria))
				require.NoError(t, err)
				bounds, exact := f.Bounds()
				require.True(t, exact, criteria)
				require.Len(t, bounds, 1, criteria)
				require.Equal(t, "data.a", bounds[0].Field)
				for _, v := range append(values, `[]`) {
					doc := document(`{"a":` + v + `}`)
					key := onlyKey(t, x, string(doc.Data))
					within := false
					for _, in := range bounds[0].Intervals {
						low, high := x.Range("", 0, in)
						within = within || low <= key && key < high
					}
					require.Equal(t, f.Match(doc), within, "%s on %s, descending %v", criteria, v, desc)
				}
			}
		}
	}
}

func TestBoundsAreWhatIsKnown(t *testing.T) {
	point := func(raws ...string) (out []datastore.Interval) {
		for _, raw := range raws {
			out = append(out, datastore.Interval{Low: []byte(raw), High: []byte(raw)})
		}
		return out
	}
	low := func(raw string) []datastore.Interval { return []datastore.Interval{{Low: []byte(raw)}} }
	for criteria, c := range map[string]struct {
		bounds []datastore.Bound
		exact  bool
	}{
		`{}`:                           {nil, true},
		`{"a":1}`:                      {[]datastore.Bound{{Field: "data.a", Intervals: point("1")}}, true},
		`{"a":"x\u0041"}`:              {[]datastore.Bound{{Field: "data.a", Intervals: point(`"xA"`)}}, true},
		`{"a":{"b":1}}`:                {[]datastore.Bound{{Field: "data.a", Intervals: point(`{"b":1}`)}}, true},
		`{"a.b.c":{"$gte":5}}`:         {[]datastore.Bound{{Field: "data.a.b.c", Intervals: low("5")}}, true},
		`{"_meta.created":5}`:          {[]datastore.Bound{{Field: "created", Intervals: point("5")}}, true},
		`{"modifiedBy":"x"}`:           {[]datastore.Bound{{Field: "modifiedBy", Intervals: point(`"x"`)}}, true},
		`{"path":"x"}`:                 {[]datastore.Bound{{Field: "path", Intervals: point(`"x"`)}}, true},
		`{"modified":{"$gt":5}}`:       {[]datastore.Bound{{Field: "modified", Intervals: []datastore.Interval{{Low: []byte("5"), LowOpen: true}}}}, true},
		`{"a":{"$in":[2,null,"x",1]}}`: {[]datastore.Bound{{Field: "data.a", Intervals: point("null", "1", "2", `"x"`)}}, true},
		`{"a":1,"$and":[{"b":2}]}`:     {[]datastore.Bound{{Field: "data.a", Intervals: point("1")}, {Field: "data.b", Intervals: point("2")}}, true},
		`{"a":1,"b":{"$regex":"x"}}`:   {[]datastore.Bound{{Field: "data.a", Intervals: point("1")}}, false},
		`{"a":{"$gte":1,"$ne":4}}`:     {[]datastore.Bound{{Field: "data.a", Intervals: low("1")}}, false},
		`{"$or":[{"a":1},{"b":1}]}`:    {nil, false},
		`{"a":{"$ne":1}}`:              {nil, false},
		`{"a":[1]}`:                    {nil, false},
		`{"a":{"$in":[1,[2]]}}`:        {nil, false},
		`{"a":{"$size":1}}`:            {nil, false},
		`{"_id":1}`:                    {nil, false},
	} {
		f, err := match.CompileFilter([]byte(criteria))
		require.NoError(t, err)
		bounds, exact := f.Bounds()
		require.Equal(t, c.bounds, bounds, criteria)
		require.Equal(t, c.exact, exact, criteria)
	}
	bounds, exact := (*match.Filter)(nil).Bounds()
	require.Empty(t, bounds)
	require.True(t, exact)
}

func TestFieldsThatNoIndexCanHave(t *testing.T) {
	for _, fields := range [][]datastore.IndexField{
		nil, {{Name: ""}}, {{Name: "$x"}}, {{Name: "_id"}}, {{Name: "region"}}, {{Name: "data.a"}, {Name: "data.a", Descending: true}},
		make([]datastore.IndexField, 33),
	} {
		_, err := match.CompileIndexKeys(fields)
		require.Error(t, err, fields)
	}
}
