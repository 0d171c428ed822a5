package match_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

func TestACollationCountsForCriteriaAndSort(t *testing.T) {
	for _, c := range []struct {
		criteria, data string
		want           bool
	}{
		{`{"a":"NORTH"}`, `{"a":"north"}`, true},
		{`{"a":{"$ne":"NORTH"}}`, `{"a":"north"}`, false},
		{`{"a":{"$in":["x","NORTH",null]}}`, `{"a":["y","north"]}`, true},
		{`{"a":{"$in":["x",null]}}`, `{}`, true},
		{`{"a":{"$gt":"B"}}`, `{"a":"a"}`, false},
		{`{"a":{"$lte":"A"}}`, `{"a":"a"}`, true},
		{`{"a":{"b":"X"}}`, `{"a":{"b":"x"}}`, true},
		{`{"$expr":{"$eq":["$data.a","NORTH"]}}`, `{"a":"north"}`, true},
		{`{"a":1}`, `{"a":1.0}`, true},
	} {
		o, err := match.ParseOptions([]byte(`{"criteria":` + c.criteria + `,"options":{"collation":{"locale":"en","strength":2}}}`))
		require.NoError(t, err)
		require.Equal(t, c.want, o.Filter.Match(document(c.data)), c.criteria)
	}
	o, err := match.ParseOptions([]byte(`{"sort":{"a":1},"collation":{"locale":"en","numericOrdering":true}}`))
	require.NoError(t, err)
	a, b := &datastore.Document{Data: []byte(`{"a":"x9"}`)}, &datastore.Document{Data: []byte(`{"a":"X10"}`)}
	require.Negative(t, o.Order.Compare(a, b))
	_, err = match.ParseOptions([]byte(`{"collation":{"locale":"!!"}}`))
	require.EqualError(t, err, `the locale "!!" is not known at options.collation`)
}
