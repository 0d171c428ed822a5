package match_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

func TestFields(t *testing.T) {
	const data = `{"region":"East","v":2,"tags":["x",{"a":1,"b":2},[{"a":3}]],"deep":{"a":{"b":3,"c":4},"d":5},"created":"mine"}`
	const path = `"path":"/s/\"n"`
	const rest = `,"created":1,"modified":2,"modifiedBy":"joe"`
	cases := []struct{ fields, data, meta string }{
		{`{}`, data, path + rest},
		{`{"region":1}`, `{"region":"East"}`, path},
		{`{"region":true,"v":"yes"}`, `{"region":"East","v":2}`, path},
		{`{"data.region":1,"_data.v":1}`, `{"region":"East","v":2}`, path},
		{`{"_meta.created":1,"region":1}`, `{"region":"East"}`, path + `,"created":1`},
		{`{"modified":1,"modifiedBy":1}`, `{}`, path + `,"modified":2,"modifiedBy":"joe"`},
		{`{"_meta":1}`, `{}`, path + rest},
		{`{"path":1}`, `{}`, path},
		{`{"_id":0,"v":1}`, `{"v":2}`, path},
		{`{"v":1,"path":0}`, `{"v":2}`, path},
		{`{"data.created":1}`, `{"created":"mine"}`, path},
		{`{"deep.a.b":1,"deep.d":1}`, `{"deep":{"a":{"b":3},"d":5}}`, path},
		{`{"deep.a":1,"deep.a.b":1}`, `{"deep":{"a":{"b":3,"c":4}}}`, path},
		{`{"deep.a.b":1,"deep.a":1}`, `{"deep":{"a":{"b":3,"c":4}}}`, path},
		{`{"deep.x":1,"v.x":1}`, `{"deep":{}}`, path},
		{`{"tags.a":1}`, `{"tags":[{"a":1},[{"a":3}]]}`, path},
		{`{"nothing":1}`, `{}`, path},
		{`{"region":0,"tags":false,"deep":0,"data.created":0}`, `{"v":2}`, path + rest},
		{`{"deep.a.b":0,"tags.a":0,"v.x":0,"data.created":0}`, `{"region":"East","v":2,"tags":["x",{"b":2},[{}]],"deep":{"a":{"c":4},"d":5}}`, path + rest},
		{`{"_meta.created":0}`, data, path + `,"modified":2,"modifiedBy":"joe"`},
		{`{"_meta":0}`, data, path},
		{`{"path":0}`, data, path + rest},
		{`{"tags":{"$slice":1},"deep":0,"region":0,"data.created":0}`, `{"v":2,"tags":["x"]}`, path + rest},
		{`{"tags":{"$slice":1},"v":1}`, `{"v":2,"tags":["x"]}`, path},
		{`{"tags":{"$slice":-1},"v":1}`, `{"v":2,"tags":[[{"a":3}]]}`, path},
		{`{"tags":{"$slice":[1,1]},"v":1}`, `{"v":2,"tags":[{"a":1,"b":2}]}`, path},
		{`{"tags":{"$slice":[-2,1]},"v":1}`, `{"v":2,"tags":[{"a":1,"b":2}]}`, path},
		{`{"v":{"$slice":1},"region":1}`, `{"region":"East","v":2}`, path},
		{`{"tags":{"$elemMatch":{"a":{"$gte":1}}}}`, `{"tags":[{"a":1,"b":2}]}`, path},
		{`{"tags":{"$elemMatch":{"a":9}},"v":1}`, `{"v":2}`, path},
	}
	doc := &datastore.Document{Path: `/s/"n`, Data: []byte(data), Created: 1, Modified: 2, ModifiedBy: "joe"}
	for _, c := range cases {
		f, err := match.CompileFields([]byte(c.fields))
		require.NoError(t, err, c.fields)
		got, meta := f.Append([]byte("<"), []byte("<"), doc)
		require.Equal(t, "<"+c.data, string(got), c.fields)
		require.Equal(t, "<"+c.meta, string(meta), c.fields)
	}
	got, meta := (*match.Fields)(nil).Append(nil, nil, doc)
	require.Equal(t, data, string(got))
	require.Equal(t, path+rest, string(meta))
}

func TestFieldsSourceAndMistakes(t *testing.T) {
	f, err := match.CompileFields([]byte(`{"region":1,"_meta.created":true}`))
	require.NoError(t, err)
	require.Equal(t, `{"data.region":1,"created":1}`, string(f.Source()))
	for fields, want := range map[string]string{
		`["a"]`:                              "fields must be an object",
		`{"a":1,"b":0}`:                      "fields are either all taken (1) or all left out (0), found both at fields.b",
		`{"a":{"$bogus":1}}`:                 "unknown operator $bogus at fields.a",
		`{"a":{"$slice":"x"}}`:               "$slice needs a whole number, or [skip, number] with a positive number at fields.a",
		`{"a":{"$elemMatch":1}}`:             "$elemMatch needs an object at fields.a",
		`{"a":0,"b":{"$elemMatch":{"x":1}}}`: "fields are either all taken (1) or all left out (0), found both at fields.b",
		`{"$expr":1}`:                        "unknown operator $expr at fields",
		`{"a":0,"modified":1}`:               "fields are either all taken (1) or all left out (0), found both at fields.modified",
	} {
		_, err := match.CompileFields([]byte(fields))
		require.EqualError(t, err, want)
	}
}
