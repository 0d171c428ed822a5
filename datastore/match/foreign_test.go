package match_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// foreign has the operators $near and $within, and the query fulltext.
type foreign struct{}

func (foreign) HasOperator(name string) bool { return name == "$near" || name == "$within" }
func (foreign) HasQuery(name string) bool    { return name == "fulltext" }

func TestForeignPartsAreTakenOutOfCriteria(t *testing.T) {
	for _, c := range []struct {
		criteria  string
		operators string // name, argument and values of each
		search    string
		source    string // of the rest; "" for nothing
		native    bool
	}{
		{`{"at":{"$near":[1,2]},"n":1}`, `$near [1,2] {"x":1}`, "", `{"data.n":1}`, true},
		{`{"at":{"$near":1,"$exists":true}}`, `$near 1 {"x":1}`, "", `{"data.at":{"$exists":true}}`, true},
		{`{"$and":[{"at":{"$near":1}},{"n":{"$gt":0}},{"list.p":{"$within":2}}]}`,
			`$near 1 {"x":1};$within 2 [1,2] [3]`, "", `{"$and":[{},{"data.n":{"$gt":0}},{}]}`, true},
		{`{"$search":{"fulltext":{"query":"a"}},"n":1}`, "", `fulltext {"query":"a"}`, `{"data.n":1}`, true},
		{`{"$search":{"fulltext":"a"}}`, "", `fulltext "a"`, "", true},
		{`{"list":{"$near":1}}`, `$near 1 [{"p":[1,2]},{"p":[3]},{"q":1},{"p":null}]`, "", "", true},
		{`{"_meta.path":{"$near":1},"none":{"$near":2}}`, `$near 1 "/a";$near 2`, "", "", true},
		{`{"list.1.p":{"$near":1}}`, `$near 1 [3]`, "", "", true},
		{`{"n":1}`, "", "", `{"data.n":1}`, true},
	} {
		t.Run(c.criteria, func(t *testing.T) {
			o, err := match.ParseOptionsWith([]byte(`{"criteria":`+c.criteria+`}`), foreign{})
			require.NoError(t, err)
			doc := &datastore.Document{Path: "/a", Data: []byte(`{"at":{"x":1},"n":1,"list":[{"p":[1,2]},{"p":[3]},{"q":1},{"p":null}]}`)}
			var all []string
			for i := range o.Operators {
				text := o.Operators[i].Name + " " + string(o.Operators[i].Argument)
				o.Operators[i].Values(doc, func(raw []byte) bool {
					text += " " + string(raw)
					return true
				})
				all = append(all, text)
			}
			assert.Equal(t, c.operators, strings.Join(all, ";"))
			search := ""
			if o.Search != nil {
				search = o.Search.Name + " " + string(o.Search.Argument)
			}
			assert.Equal(t, c.search, search)
			assert.Equal(t, c.search != "" || c.operators != "", o.Foreign())
			if c.source == "" {
				assert.Nil(t, o.Filter)
				return
			}
			assert.Equal(t, c.source, string(o.Filter.Source()))
			assert.Equal(t, c.native, o.Filter.Native())
			assert.True(t, o.Filter.Match(doc))
			_, exact := o.Filter.Bounds()
			assert.Equal(t, c.criteria == `{"n":1}` || strings.Contains(c.source, `{"data.n":1}`), exact)
		})
	}
}

func TestForeignPartsStandOnlyWhereTheyNarrowDownTheWhole(t *testing.T) {
	for criteria, says := range map[string]string{
		`{"$or":[{"at":{"$near":1}},{"n":1}]}`:                           "$near is worked out by a plugin",
		`{"$nor":[{"at":{"$near":1}}]}`:                                  "$near is worked out by a plugin",
		`{"at":{"$not":{"$near":1}}}`:                                    "$near is worked out by a plugin",
		`{"at":{"$or":[{"$near":1}]}}`:                                   "$near is worked out by a plugin",
		`{"at":{"$elemMatch":{"$near":1}}}`:                              "$near is worked out by a plugin",
		`{"at":{"$elemMatch":{"b":{"$near":1}}}}`:                        "$near is worked out by a plugin",
		`{"at":{"$size":{"$near":1}}}`:                                   "$near is worked out by a plugin",
		`{"at":{"$far":1}}`:                                              "unknown operator $far",
		`{"$search":{"other":1}}`:                                        "unknown operator $search",
		`{"$search":1}`:                                                  "$search needs an object",
		`{"$search":{}}`:                                                 "$search takes one query",
		`{"$search":{"fulltext":1,"other":2}}`:                           "$search takes one query",
		`{"$or":[{"$search":{"fulltext":1}}]}`:                           "$search can stand once",
		`{"$search":{"fulltext":1},"$and":[{"$search":{"fulltext":1}}]}`: "$search can stand once",
		`{"at":{"$elemMatch":{"$search":{"fulltext":1}}}}`:               "$search",
	} {
		_, err := match.ParseOptionsWith([]byte(`{"criteria":`+criteria+`}`), foreign{})
		require.ErrorContains(t, err, says, criteria)
		require.ErrorAs(t, err, new(*match.Error), criteria)
	}
	for criteria, says := range map[string]string{
		`{"at":{"$near":1}}`:          "unknown operator $near",
		`{"$search":{"fulltext":{}}}`: "unknown operator $search",
	} {
		_, err := match.ParseOptions([]byte(`{"criteria":` + criteria + `}`))
		require.ErrorContains(t, err, says)
	}
}

func TestWhichNamesAreTaken(t *testing.T) {
	for _, name := range []string{"$eq", "$regex", "$options", "$not", "$and", "$expr", "$comment", "$search", "$contains", "$$eq", "$jgt"} {
		assert.True(t, match.IsOperator(name), name)
	}
	for _, name := range []string{"$near", "$geoWithin", "$far"} {
		assert.False(t, match.IsOperator(name), name)
	}
}
