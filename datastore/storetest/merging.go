package storetest

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// mergeCases are stored data, what is merged and what must come out; stored ""
// is no document.
var mergeCases = []struct{ name, stored, patch, want string }{
	{"into nothing it is a put", ``, `{"a":1}`, `{"a":1}`},
	{"members are replaced and added", `{"a":1,"b":2}`, `{"b":3,"c":4}`, `{"a":1,"b":3,"c":4}`},
	{"it is shallow", `{"a":{"x":1,"y":2}}`, `{"a":{"z":3}}`, `{"a":{"z":3}}`},
	{"an empty patch changes no data", `{"a":1}`, `{}`, `{"a":1}`},
	{"into an empty object", `{}`, `{"a":1}`, `{"a":1}`},
	{"null is a value", `{"a":1}`, `{"a":null}`, `{"a":null}`},
	{"arrays are values", `{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`},
	{"names are compared decoded", `{"\u0061":1}`, `{"a":2}`, `{"a":2}`},
	{"names may hold anything", `{"a\"b":1,"ü":2,"":3}`, `{"\u00fc":4,"a\"b":5,"":6}`, `{"a\"b":5,"ü":4,"":6}`},
	{"white space does not matter", "{ \"a\" : 1 ,\n\"b\":2 }", "{\t\"b\" : [ 1 ] }", `{"a":1,"b":[1]}`},
	{"a wrapped value is a member like others", `{"value":1,"x":2}`, `{"value":"s"}`, `{"value":"s","x":2}`},
}

var merging = []test{
	{"top-level members are replaced or added", func(s *subject) {
		for i, c := range mergeCases {
			path := fmt.Sprintf("/merge/%d", i)
			if c.stored != "" {
				s.put(path, c.stored)
			}
			got := s.must(merge(path, c.patch, 2000))
			require.JSONEq(s, c.want, string(got.Data), c.name)
			require.Equal(s, got, s.get(path), c.name)
		}
	}},
	{"times are those of a put", func(s *subject) {
		got := s.must(merge("/a", `{"a":1}`, 1000))
		require.Equal(s, [2]int64{1000, 1000}, [2]int64{got.Created, got.Modified})
		got = s.must(merge("/a", `{"b":1}`, 2000))
		require.Equal(s, [2]int64{1000, 2000}, [2]int64{got.Created, got.Modified})
	}},
	{"values that are kept are kept to the byte", func(s *subject) {
		if s.has(KeepsValues) {
			s.Skip("the store keeps values, not texts")
		}
		s.put("/a", `{"n":12345678901234567890,"f":1.10,"s":"\u00e9","o":{"k":[1]}}`)
		data := string(s.must(merge("/a", `{"x":1e2}`, 2000)).Data)
		for _, want := range []string{"12345678901234567890", "1.10", `{"k":[1]}`, "1e2"} {
			require.Contains(s, data, want)
		}
	}},
	{"many members", func(s *subject) {
		var stored, patch, want []string
		for i := range 500 {
			stored = append(stored, fmt.Sprintf(`"m%d":%d`, i, i))
			if i%2 == 0 {
				patch = append(patch, fmt.Sprintf(`"m%d":"new"`, i))
				want = append(want, fmt.Sprintf(`"m%d":"new"`, i))
			} else {
				want = append(want, stored[i])
			}
			patch = append(patch, fmt.Sprintf(`"p%d":true`, i))
			want = append(want, fmt.Sprintf(`"p%d":true`, i))
		}
		object := func(members []string) string { return "{" + strings.Join(members, ",") + "}" }
		s.put("/a", object(stored))
		require.JSONEq(s, object(want), string(s.must(merge("/a", object(patch), 2000)).Data))
	}},
}

var countingUp = []test{
	{"a gauge starts at 0 and is added to", func(s *subject) {
		got := s.must(increment("/a", "counter", 3))
		require.JSONEq(s, `{"counter":{"value":3}}`, string(got.Data))
		require.Equal(s, got, s.get("/a"))
		s.must(increment("/a", "counter", 1))
		got = s.must(increment("/a", "g2", 1.5))
		require.JSONEq(s, `{"counter":{"value":4},"g2":{"value":1.5}}`, string(got.Data))
		require.JSONEq(s, `{"counter":{"value":2},"g2":{"value":1.5}}`, string(s.must(increment("/a", "counter", -2)).Data))
	}},
	{"other members stay", func(s *subject) {
		s.put("/a", `{"x":[1],"g":{"unit":"s","value":10},"y":{}}`)
		require.JSONEq(s, `{"x":[1],"g":{"unit":"s","value":15},"y":{}}`, string(s.must(increment("/a", "g", 5)).Data))
	}},
	{"a gauge without a value starts at 0", func(s *subject) {
		s.put("/a", `{"g":{"unit":"s"}}`)
		require.JSONEq(s, `{"g":{"unit":"s","value":1}}`, string(s.must(increment("/a", "g", 1)).Data))
	}},
	{"the modification time changes, the creation time does not", func(s *subject) {
		s.put("/a", `{}`)
		w := increment("/a", "g", 1)
		w.Now = 2000
		got := s.must(w)
		require.Equal(s, [2]int64{1000, 2000}, [2]int64{got.Created, got.Modified})
	}},
	{"whole numbers are written as whole numbers", func(s *subject) {
		for i, c := range []struct {
			stored string
			by     float64
			want   string
		}{
			{`1`, 1, `2`}, {`1.5`, 1.5, `3`}, {`0.5`, -0.5, `0`}, {`1e2`, 1, `101`}, {`-1`, 1, `0`},
			{`9007199254740991`, 0, `9007199254740991`}, {`999999999999999`, 1, `1000000000000000`},
			{`0.25`, 0.5, `0.75`},
		} {
			path := fmt.Sprintf("/n/%d", i)
			s.put(path, `{"g":{"value":`+c.stored+`}}`)
			require.Equal(s, `{"g":{"value":`+c.want+`}}`, string(s.must(increment(path, "g", c.by)).Data))
		}
	}},
	{"what is not a number is an error and changes nothing", func(s *subject) {
		for i, gauge := range []string{`{"value":"1"}`, `{"value":null}`, `{"value":true}`, `{"value":{}}`, `{"value":[1]}`, `5`, `"x"`, `null`, `[]`} {
			path, data := fmt.Sprintf("/n/%d", i), `{"g":`+gauge+`,"ok":{"value":1}}`
			before := s.put(path, data)
			got := s.write(increment(path, "g", 1))
			require.ErrorIs(s, got.err, datastore.ErrNotANumber, gauge)
			require.Nil(s, got.doc)
			require.Equal(s, before, s.get(path), gauge)
			require.NoError(s, s.write(increment(path, "ok", 1)).err)
		}
	}},
	{"a sum beyond all numbers is an error", func(s *subject) {
		s.put("/a", `{"g":{"value":1.7e308}}`)
		require.ErrorIs(s, s.write(increment("/a", "g", 1.7e308)).err, datastore.ErrNotANumber)
		s.sameData(`{"g":{"value":1.7e308}}`, string(s.get("/a").Data))
	}},
	{"names may hold anything but are one name", func(s *subject) {
		for _, gauge := range []string{"a.b", `q"uote`, "ü", "", "value", "back\\slash"} {
			s.must(increment("/names", gauge, 1))
			s.must(increment("/names", gauge, 1))
		}
		require.JSONEq(s, `{"a.b":{"value":2},"q\"uote":{"value":2},"ü":{"value":2},"":{"value":2},"value":{"value":2},"back\\slash":{"value":2}}`,
			string(s.get("/names").Data))
	}},
}
