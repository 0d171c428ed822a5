package match_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

// counting is the order of bytes, and counts how often it is asked.
type counting struct{ asked int }

func (c *counting) Compare(a, b []byte) int {
	c.asked++
	return bytes.Compare(a, b)
}

func (c *counting) AppendKey(dst, s []byte) []byte { return append(dst, s...) }

func texts(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%s%05d"`, prefix, i)
	}
	return "[" + b.String()[1:] + "]"
}

// TestLongListsMeetLongArraysOnce counts the comparisons of texts when a list of
// 4000 values is looked for in an array of 4000: 16 million if each meets each.
func TestLongListsMeetLongArraysOnce(t *testing.T) {
	const size, most = 4000, 4000 * (8 + 13) // 8 values of $all look for themselves; 2^12 > 4000
	have, lacking := texts("x", size), strings.Replace(texts("x", size), `"x03999"`, `"y"`, 1)
	for _, operator := range []string{"$all", "$in", "$nin"} {
		var by counting
		f, err := match.CompileObjectFilter([]byte(`{"a":{"`+operator+`":`+have+`}}`), "criteria", &by)
		require.NoError(t, err)
		for _, arr := range []string{have, lacking, texts("z", size)} {
			by.asked = 0
			got := f.Match([]byte(`{"a":`+arr+`}`), nil)
			require.Equal(t, operator == "$all" && arr == have || operator == "$in" && arr[2] == 'x' || operator == "$nin" && arr[2] == 'z', got)
			require.LessOrEqual(t, by.asked, most, operator)
		}
	}
	for _, every := range []bool{true, false} {
		var by counting
		holds := match.ContainsBy(&by, []byte(have), every)
		for _, arr := range []string{have, lacking, texts("z", size)} {
			by.asked = 0
			require.Equal(t, arr == have || !every && arr == lacking, holds([]byte(arr)))
			require.LessOrEqual(t, by.asked, most)
		}
	}
}

// TestLongListsMeanWhatShortOnesDo compares operators on a list with conditions
// for each of its values, on lists below and above the lengths at which other
// ways are taken.
func TestLongListsMeanWhatShortOnesDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	scalars := []string{`null`, `true`, `1`, `1.0`, `"1"`, `"a"`, `"\u0061"`, `""`, `"ab"`, `{"a":1}`, `{"a":1.0}`, `[]`, `["a"]`, `"null"`, `1e1`, `10`}
	pick := func(n, more int) (list []string) {
		for range n {
			if i := r.IntN(len(scalars) + more); i < len(scalars) {
				list = append(list, scalars[i])
			} else {
				list = append(list, fmt.Sprintf(`"x%d"`, i))
			}
		}
		return list
	}
	each := func(list []string, form string) string {
		var all []string
		for _, v := range list {
			all = append(all, fmt.Sprintf(form, v))
		}
		return strings.Join(all, ",")
	}
	held := 0
	for range 400 {
		list := pick(1+r.IntN([]int{3, 12, 300}[r.IntN(3)]), r.IntN(2)*50)
		many := strings.Join(list, ",")
		docs := []string{`{}`, `{"t":null}`, `{"t":1}`, `{"t":[` + many + `]}`, `{"t":[[` + many + `]]}`, `{"t":[` + strings.Join(pick(40, 3), ",") + `]}`,
			`{"t":"` + strings.NewReplacer(`"`, "", `\`, "").Replace(many) + `"}`, `{"t":"a1x17nulltrue"}`, `{"t":{"a":1,"1":2,"\u0061b":3,"":0,"null":1}}`, `{"t":{"x17":1}}`, `{"t":[{"a":1},"a",1]}`}
		for long, short := range map[string]string{
			`{"t":{"$all":[` + many + `]}}`:          `{"$and":[` + each(list, `{"t":%s}`) + `]}`,
			`{"t":{"$contains":[` + many + `]}}`:     `{"$and":[` + each(list, `{"t":{"$contains":[%s]}}`) + `]}`,
			`{"t":{"$containsAny":[` + many + `]}}`:  `{"$or":[` + each(list, `{"t":{"$contains":[%s]}}`) + `]}`,
			`{"t":{"$containsNone":[` + many + `]}}`: `{"$nor":[` + each(list, `{"t":{"$contains":[%s]}}`) + `]}`,
			`{"t":{"$not":{"$all":[` + many + `]}}}`: `{"$nor":[{"t":{"$all":[` + many + `]}}]}`,
			`{"t.t":{"$all":[` + many + `]}}`:        `{"$and":[` + each(list, `{"t.t":%s}`) + `]}`,
		} {
			f, err := match.CompileFilter([]byte(long))
			require.NoError(t, err, long)
			g, err := match.CompileFilter([]byte(short))
			require.NoError(t, err, short)
			for _, d := range append(docs, `{"t":[{"t":`+list[0]+`},{"t":[`+many+`]}]}`) {
				require.Equal(t, g.Match(document(d)), f.Match(document(d)), "%s on %s", long, d)
				if f.Match(document(d)) {
					held++
				}
			}
		}
	}
	require.Greater(t, held, 1000)
}

func TestALongAllInsideElemMatchIsAboutOneElement(t *testing.T) {
	ones := strings.Repeat("1,", 20)
	check(t, []matchCase{
		{`{"t":{"$elemMatch":{"$all":[` + ones + `1]}}}`, docs{`{"t":[2,1]}`}, docs{`{"t":[2]}`, `{"t":[[1]]}`}},
		{`{"t":{"$elemMatch":{"$all":[` + ones + `2]}}}`, nil, docs{`{"t":[2,1]}`, `{"t":[1]}`}},
		{`{"path":{"$all":["/s/n",` + strings.Repeat(`"/s/n",`, 20) + `"/s/n"]}}`, docs{`{}`}, nil},
	})
}

func TestSchemasTellValuesApartWithoutTheOrderOfMembers(t *testing.T) {
	same := [][]string{
		{`{"a":1,"b":[{"c":2,"d":3}]}`, `{"b":[{"d":3.0,"c":2}],"a":1}`, `{"\u0061":1,"b":[ {"c":2, "d":3} ]}`, `{"a":7,"b":[{"c":2,"d":3}],"a":1}`},
		{`{"a":1}`, `{"a":2,"a":1.0}`}, {`{"a":{}}`}, {`{"a":[]}`}, {`{"a":null}`}, {`{}`}, {`{"":0}`}, {`{"a":{"b":1},"c":1}`}, {`{"a":{"b":1,"c":1}}`},
		{`[]`}, {`[[]]`}, {`[[],[]]`}, {`[[[]]]`}, {`[1,2]`}, {`[2,1]`}, {`[12]`}, {`["1"]`}, {`[1]`, `[1.0]`, `[10e-1]`}, {`1`, `1.0`}, {`"1"`, `"\u0031"`}, {`true`}, {`false`}, {`null`}, {`0`, `-0`}, {`""`},
	}
	for i, group := range same {
		for _, a := range group {
			for j, other := range same {
				for _, b := range other {
					require.Equal(t, i == j, match.Unordered([]byte(a)) == match.Unordered([]byte(b)), "%s and %s", a, b)
				}
			}
		}
	}
	for schema, want := range map[string]bool{
		`{"properties":{"x":{"enum":[{"a":1,"b":2}]}}}`: true, `{"properties":{"x":{"enum":[{"a":2,"b":1}]}}}`: false,
		`{"properties":{"l":{"uniqueItems":true}}}`: false, `{"properties":{"m":{"uniqueItems":true}}}`: true,
	} {
		f, err := match.CompileFilter([]byte(`{"$jsonSchema":` + schema + `}`))
		require.NoError(t, err)
		require.Equal(t, want, f.Match(document(`{"x":{"b":2,"a":1},"l":[{"a":1,"b":2},{"b":2,"a":1}],"m":[{"a":1,"b":2},{"b":1,"a":2}]}`)), schema)
	}
}

// TestLongSchemasMeetLongObjects has more names than a word of bits has room for.
func TestLongSchemasMeetLongObjects(t *testing.T) {
	names := func(form string, from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(form, i))
		}
		return strings.Join(all, ",")
	}
	full, lacking := `{`+names(`"n%d":1`, 0, 300)+`}`, `{`+names(`"n%d":1`, 0, 299)+`}`
	for schema, want := range map[string][2]bool{ // for full, for lacking
		`{"required":[` + names(`"n%d"`, 0, 300) + `]}`:                                 {true, false},
		`{"required":[` + names(`"n%d"`, 0, 299) + `]}`:                                 {true, true},
		`{"dependencies":{"n0":[` + names(`"n%d"`, 1, 300) + `]}}`:                      {true, false},
		`{"dependencies":{"q":[` + names(`"n%d"`, 1, 300) + `]}}`:                       {true, true},
		`{"dependencies":{"n299":["q"],` + names(`"n%d":["n0"]`, 0, 299) + `}}`:         {false, true},
		`{"dependencies":{"n1":["q"],"n1":["n2"]},"required":["n1"],"required":["n3"]}`: {true, true},
		`{"dependencies":{"n299":{"maxProperties":299}},"required":["n64","n63"]}`:      {false, true},
	} {
		f, err := match.CompileFilter([]byte(`{"$jsonSchema":` + schema + `}`))
		require.NoError(t, err)
		require.Equal(t, want, [2]bool{f.Match(document(full)), f.Match(document(lacking))}, schema)
	}
}
