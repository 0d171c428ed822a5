package difftest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// TestKnownDifferences lists where mingo and this package disagree on purpose.
// In each case the manual of MongoDB, or how its server walks paths, is on the
// side of ours. When mingo changes its mind the entry fails, and can go.
func TestKnownDifferences(t *testing.T) {
	cases := []struct {
		criteria, doc string
		ours          bool
		reason        string
	}{
		{`{"a":{"$regex":"x"}}`, `{"a":[["x"]]}`, false, "an array inside an array is a value; only one level is looked into"},
		{`{"a.b":{"$gte":"x"}}`, `{"a":[{"b":["w"]},{"b":["x"]}]}`, true, "each array at the end of a path is looked into"},
		{`{"a.0":"x"}`, `{"a":[1,{"0":"x"}]}`, true, "a number in a path is an index, and also a name in each element"},
		{`{"a.0":"x"}`, `{"a":[["x"]]}`, false, "an element reached by its index is not looked into again"},
		{`{"a.b":null}`, `{"a":[{"b":1},{"c":1}]}`, true, "an element without the member makes the value null there"},
		{`{"a.b":[]}`, `{"a":[]}`, false, "an empty array on the way leads to no value, not to an empty array"},
		{`{"a.b.0":{"$exists":true}}`, `{"a":[1]}`, false, "nor does one without objects"},
		{`{"a.b":{"$size":1}}`, `{"a":[{"b":1}]}`, false, "$size counts one array, not what a path finds in several elements"},
		{`{"a.b":{"$elemMatch":{"$gt":0}}}`, `{"a":[{"b":1}]}`, false, "$elemMatch needs an array at the end of the path"},
		{`{"a":{"$elemMatch":{"b":{"$lt":2}}}}`, `{"a":[1]}`, false, "$elemMatch with names wants objects, scalars have no members"},
		{`{"a":{"$gte":null}}`, `{}`, true, "what is not there counts as null, also for $gte and $lte"},
		{`{"a":{"$type":"string"}}`, `{"a":["x"]}`, true, "$type looks at the elements of an array"},
		{`{"a":{"$mod":[2,0]}}`, `{"a":""}`, false, "only numbers have a remainder"},
		{`{"a":{"$mod":[2,1]}}`, `{"a":1.5}`, true, "the fraction of a number is dropped first"},
		{`{"a":{"$bitsAllClear":1}}`, `{}`, false, "only whole numbers have bits"},
		{`{"a":{"$all":["x"]}}`, `{"a":"x"}`, true, "$all of one value also matches that value by itself"},
		{`{"a":{"$in":[["x"],1]}}`, `{"a":["x"]}`, true, "$in matches a whole array too"},
		{`{"a":{"$lt":["x"]}}`, `{"a":[]}`, true, "an empty array sorts before any other"},
		{`{"a":{"$lt":{"c":"ab"}}}`, `{"a":{"a":{"b":1}}}`, false, "objects compare member by member: type, then name, then value"},
		{`{"a":{"b":1,"c":2}}`, `{"a":{"c":2,"b":1}}`, false, "objects are equal if their members come in the same order"},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, false, "numbers are not rounded to floats"},
	}
	var q question
	for _, c := range cases {
		q.Docs = append(q.Docs, json.RawMessage(c.doc))
		q.Filters = append(q.Filters, json.RawMessage(c.criteria))
	}
	a := ask(t, q)
	for i, c := range cases {
		f, err := match.CompileFilter(q.Filters[i])
		require.NoError(t, err)
		require.Equal(t, c.ours, f.Match(&datastore.Document{Data: q.Docs[i]}), "%s on %s: %s", c.criteria, c.doc, c.reason)
		theirs := decoded[[]json.RawMessage](t, a.Filters[i], q.Filters[i])
		if agrees := string(theirs[i]) == "true" == c.ours; agrees {
			t.Errorf("mingo agrees by now: %s on %s (%s)", c.criteria, c.doc, c.reason)
		}
	}
}
