package mongo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/tests/testhost"
)

// explained is what Explain tells of a query.
type explained struct {
	Criteria   json.RawMessage `json:"criteria"`
	Matched    string          `json:"matched"`
	Sort       string          `json:"sort"`
	Projection json.RawMessage `json:"projection"`
	Index      string          `json:"index"`
	Keys       int             `json:"keys examined"`
	Examined   int             `json:"documents examined"`
	Found      int             `json:"documents found"`
}

func explain(t *testing.T, store *mongo.Store, q datastore.Query) (out explained) {
	t.Helper()
	raw, err := store.Explain(context.Background(), &q)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func fill(t *testing.T, store *mongo.Store, path string, n int) {
	t.Helper()
	for i := range n {
		_, err := durable.Put(context.Background(), store, fmt.Sprintf(path, i), fmt.Appendf(nil, `{"n":%d,"name":"N%d"}`, i, i), time.UnixMilli(1000))
		require.NoError(t, err)
	}
}

func TestTheServerIsAskedWhatItUnderstandsAlike(t *testing.T) {
	_, o := collection(t)
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	fill(t, store, "/d/%d", 4)
	const anyPath = `{"path":{"$gte":"/d/","$lt":"/d0"}}`
	and := func(criteria string) string { return `{"$and":[` + anyPath + `,` + criteria + `]}` }
	like := func(letters ...string) string { // what a collation finds equal, and all that is not ASCII
		const ignored = `[\\x00-\\x08\\x0e-\\x1f\\x7f]*`
		return `{"$regularExpression":{"options":"","pattern":"^` + ignored + strings.Join(letters, ignored) + ignored + `\\z|[^\\x00-\\x7f]"}}`
	}
	for options, want := range map[string][3]string{ // criteria, who matches, who sorts
		`{"criteria":{"n":2}}`:                                                               {and(`{"data.n":{"$eq":2}}`), "server", "server"},
		`{"criteria":{"name":"N1","n":{"$gt":0}}}`:                                           {and(`{"$and":[{"data.name":{"$eq":"N1"}},{"data.n":{"$gt":0}}]}`), "server", "server"},
		`{"criteria":{"n":2,"name":{"$regex":"^N"}}}`:                                        {and(`{"data.n":{"$eq":2}}`), "host", "server"},
		`{"criteria":{"n":{"$gt":1,"$mod":[2,0]}}}`:                                          {and(`{"data.n":{"$gt":1}}`), "host", "server"},
		`{"criteria":{"$or":[{"n":1},{"name":{"$regex":"3"}}]}}`:                             {anyPath, "host", "server"},
		`{"criteria":{"a.b":1},"sort":{"n":-1}}`:                                             {and(`{"data.a.b":{"$eq":1}}`), "server", "server"},
		`{"criteria":{"n":2},"collation":{"locale":"en","strength":1}}`:                      {and(`{"data.n":{"$eq":2}}`), "host", "server"},
		`{"criteria":{"name":"n1","n":1},"collation":{"locale":"en"}}`:                       {and(`{"$and":[{"data.name":{"$in":[` + like("n", "1") + `]}},{"data.n":{"$eq":1}}]}`), "host", "server"},
		`{"criteria":{"n":{"$in":[1,"x"]}},"collation":{"locale":"en"}}`:                     {and(`{"data.n":{"$in":[1,` + like("x") + `]}}`), "host", "server"},
		`{"criteria":{"name":"N","n":{"$ne":"x"}},"collation":{"locale":"en","strength":2}}`: {and(`{"data.name":{"$in":[` + like("[nN]") + `]}}`), "host", "server"},
		`{"criteria":{"$or":[{"name":"N"},{"n":1}]},"collation":{"locale":"en"}}`:            {and(`{"$or":[{"data.name":{"$in":[` + like("N") + `]}},{"data.n":{"$eq":1}}]}`), "host", "server"},
		`{"criteria":{"$nor":[{"name":"N"}]},"collation":{"locale":"en"}}`:                   {anyPath, "host", "server"},
		`{"criteria":{"name":{"$not":{"$eq":"N"}}},"collation":{"locale":"en"}}`:             {anyPath, "host", "server"},
		`{"criteria":{"name":{"$gt":"N"}},"collation":{"locale":"en"}}`:                      {anyPath, "host", "server"},
		`{"criteria":{"name":"N"},"collation":{"locale":"hu"}}`:                              {anyPath, "host", "server"},
		`{"sort":{"name":1},"collation":{"locale":"en"}}`:                                    {anyPath, "server", "host"},
		`{"sort":{"_meta.created":-1},"collation":{"locale":"en"}}`:                          {anyPath, "server", "server"},
		`{"criteria":{"n":{"$contains":1}}}`:                                                 {anyPath, "host", "server"},
		`{"criteria":{"n":1e9999}}`:                                                          {anyPath, "host", "server"},
	} {
		parsed, err := match.ParseOptions([]byte(options))
		require.NoError(t, err)
		q := datastore.Query{Pattern: []byte("/d/*")}
		if parsed.Filter != nil {
			q.Filter = parsed.Filter
		}
		if parsed.Order != nil {
			q.Order = parsed.Order
		}
		got := explain(t, store, q)
		require.JSONEq(t, want[0], string(got.Criteria), options)
		require.Equal(t, want[1:], []string{got.Matched, got.Sort}, options)
	}
}

func TestOnlyMembersThatSomebodyLooksAtAreSent(t *testing.T) {
	_, o := collection(t)
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	fill(t, store, "/d/%d", 2)
	const meta = `"_id":0,"path":1,"created":1,"modified":1,"modifiedBy":1,"_tag":1`
	for _, c := range []struct {
		members        []string
		criteria, want string
	}{
		{nil, `{}`, `{"_id":0}`},
		{[]string{}, `{}`, `{` + meta + `}`},
		{[]string{"n"}, `{"name":"x"}`, `{` + meta + `,"data.n":1}`},                                // the server matches
		{[]string{"n"}, `{"name":{"$regex":"x"}}`, `{` + meta + `,"data.n":1,"data.name":1}`},       // the host matches
		{[]string{"n"}, `{"$expr":{"$eq":["$data.name","x"]}}`, `{"_id":0}`},                        // whatever an expression looks at
		{[]string{"a.b", "n"}, `{"n":{"$mod":[1,0]}}`, `{` + meta + `,"data.n":1,"data.％a%2Eb":1}`}, // names as they are stored
		{[]string{"value"}, `{}`, `{"_id":0}`},                                                      // which may be the name of others' data
	} {
		f, err := match.CompileFilter([]byte(c.criteria))
		require.NoError(t, err)
		got := explain(t, store, datastore.Query{Pattern: []byte("/d/*"), Members: c.members, Filter: f})
		require.JSONEq(t, c.want, string(got.Projection))
	}
}

func TestAPatternUsesTheIndexOnPath(t *testing.T) {
	if _, ferret := testhost.Mongo(t); ferret {
		t.Skip("FerretDB does not tell which index a search uses")
	}
	_, o := collection(t)
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	fill(t, store, "/many/%d", 50)
	fill(t, store, "/few/%d/x", 5)
	for pattern, most := range map[string]int{"/few/*": 5, "/few/*/x": 5, "/few/3/x": 1, "/few/*/y": 5} {
		got := explain(t, store, datastore.Query{Pattern: []byte(pattern)})
		require.Equal(t, "path_1", got.Index, pattern)
		require.LessOrEqual(t, got.Examined, most, pattern)
		require.LessOrEqual(t, got.Keys, most+1, pattern)
	}
}

// A search ends with its context, also while the server still sends.
func TestASearchEndsWithItsContext(t *testing.T) {
	_, o := collection(t)
	store := open(t, o)
	defer func() { require.NoError(t, store.Close()) }()
	var docs []*datastore.Document
	for i := range 150 { // more than come at once
		docs = append(docs, document(fmt.Sprint("/d/", i), `{}`))
	}
	require.NoError(t, store.Import(context.Background(), docs))
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err := store.Find(ctx, &datastore.Query{Pattern: []byte("/d/*")}, func(*datastore.Document) bool {
		seen++
		cancel()
		return true
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, seen, 150)
	require.NoError(t, store.Check(context.Background()), "the connection is not lost with the search")
}
