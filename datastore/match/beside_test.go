package match_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

func TestAFieldComparesWithAnother(t *testing.T) {
	const data = `{"spent":7,"budget":5,"same":7,"text":"7","early":"2020-01-01","late":1577836800000,"digits":"a0 1000","l":["a",7],"o":{"limit":9},"lists":[{"n":1},{"n":9}]}`
	for criteria, want := range map[string]bool{
		`{"spent":{"$$gt":"budget"}}`: true, `{"spent":{"$$lt":"budget"}}`: false, `{"spent":{"$$eq":"same"}}`: true, `{"spent":{"$$ne":"same"}}`: false,
		`{"spent":{"$$lt":"o.limit"}}`: true, `{"spent":{"$$jlte":"o.limit"}}`: true, `{"spent":{"$$aeq":"text"}}`: true, `{"spent":{"$$eq":"text"}}`: false,
		`{"spent":{"$$in":"l"}}`: true, `{"budget":{"$$nin":"l"}}`: true, `{"l":{"$$contains":"spent"}}`: true, `{"l":{"$$containsNone":"budget"}}`: true, `{"digits":{"$$contains":"nothing"}}`: false, `{"digits":{"$$contains":"_meta.created"}}`: true, `{"l":{"$$containsAny":"l"}}`: true,
		`{"spent":{"$$gt":"nothing"}}`: false, `{"lists.n":{"$$gt":"spent"}}`: true, `{"spent":{"$$gte":"l.1"}}`: true, `{"_meta.created":{"$$ne":"spent"}}`: true,
		`{"spent":{"$$lte":"same"}}`: true, `{"spent":{"$$lte":"budget"}}`: false, `{"early":{"$$dteq":"late"}}`: true, `{"early":{"$$dteq":"text"}}`: false,
		`{"lists":{"$elemMatch":{"n":{"$$eq":"n"}}}}`: true, `{"spent":{"$not":{"$$gt":"budget"}}}`: false,
	} {
		f, err := match.CompileFilter([]byte(criteria))
		require.NoError(t, err, criteria)
		require.Equal(t, want, f.Match(document(data)), criteria)
		require.False(t, f.Native())
	}
	for criteria, want := range map[string]string{
		`{"a":{"$$bogus":"b"}}`:             "unknown operator $$bogus at criteria.a",
		`{"a":{"$$gt":1}}`:                  "$$gt needs the name of a field at criteria.a",
		`{"a":{"$elemMatch":{"$$gt":"b"}}}`: "$$gt needs a field to compare with another at criteria.a.$elemMatch",
		`{"a":{"$len":{"$$gt":"b"}}}`:       "$$gt needs a field to compare with another at criteria.a.$len",
	} {
		_, err := match.CompileFilter([]byte(criteria))
		require.EqualError(t, err, want)
	}
}
