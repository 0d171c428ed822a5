package match_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// sorted returns the paths of documents in the order of a sort; documents get
// the paths a, b, c, ...
func sorted(t *testing.T, sort string, data ...string) string {
	t.Helper()
	o, err := match.CompileOrder([]byte(sort))
	require.NoError(t, err)
	var docs []*datastore.Document
	for i, d := range data {
		docs = append(docs, &datastore.Document{Path: string(rune('a' + i)), Data: []byte(d), Created: int64(100 - i)})
	}
	reversed := make([]*datastore.Document, 0, len(docs))
	for _, d := range docs {
		reversed = append([]*datastore.Document{d}, reversed...)
	}
	o.Sort(docs)
	o.Sort(reversed)
	require.Equal(t, docs, reversed, "the order does not depend on where documents come from")
	out := ""
	for _, d := range docs {
		out += d.Path
	}
	return out
}

func TestSortOrdersTypesAsMongoDBDoes(t *testing.T) {
	values := []string{`{"v":[]}`, `{"v":null}`, `{}`, `{"v":-1}`, `{"v":1e400}`, `{"v":""}`, `{"v":"a"}`, `{"v":"é"}`, `{"v":{}}`,
		`{"v":{"a":1}}`, `{"v":[[]]}`, `{"v":false}`, `{"v":true}`}
	require.Equal(t, "abcdefghijklm", sorted(t, `{"v":1}`, values...))
	require.Equal(t, "mlkjihgfedbca", sorted(t, `{"v":-1}`, values...))
}

func TestSort(t *testing.T) {
	cases := []struct {
		sort string
		data []string
		want string
	}{
		{`{"v":1}`, []string{`{"v":3}`, `{"v":1}`, `{"v":2}`}, "bca"},
		{`{"v":-1}`, []string{`{"v":3}`, `{"v":1}`, `{"v":2}`}, "acb"},
		{`{"v":-1.0}`, []string{`{"v":1}`, `{"v":2}`}, "ba"},
		{`{"v":"-1"}`, []string{`{"v":2}`, `{"v":1}`}, "ba"},
		{`{"v":0}`, []string{`{"v":2}`, `{"v":1}`}, "ba"},
		{`{"r":1,"v":-1}`, []string{`{"r":"b","v":1}`, `{"r":"a","v":1}`, `{"r":"b","v":2}`, `{"r":"a","v":1}`}, "bdca"},
		{`{"r":1,"s":1,"t":-1}`, []string{`{"r":1,"s":1,"t":1}`, `{"r":1,"s":0,"t":1}`, `{"r":1,"s":0,"t":2}`}, "cba"},
		{`{"deep.a":1}`, []string{`{"deep":{"a":2}}`, `{"deep":{"a":1}}`, `{"deep":5}`}, "cba"},
		{`{"v":1}`, []string{`{"v":[5,2]}`, `{"v":3}`, `{"v":[9,1]}`}, "cab"},
		{`{"v":-1}`, []string{`{"v":[5,2]}`, `{"v":6}`, `{"v":[9,1]}`}, "cba"},
		{`{"v.k":1}`, []string{`{"v":[{"k":5},{"k":2}]}`, `{"v":[{"k":3}]}`, `{"v":[{"k":4},7]}`}, "cab"},
		{`{"v.1":1}`, []string{`{"v":[1,9]}`, `{"v":[2,3]}`, `{"v":{"1":5}}`}, "bca"},
		{`{"_meta.created":1}`, []string{`{}`, `{}`, `{}`}, "cba"},
		{`{"path":-1}`, []string{`{}`, `{}`}, "ba"},
		{`{"v":1}`, []string{`{"v":9007199254740993}`, `{"v":9007199254740992}`}, "ba"},
		{`{}`, []string{`{"v":2}`, `{"v":1}`}, "ab"},
		{`{"v":1,"r":1,"v":-1}`, []string{`{"v":1,"r":2}`, `{"v":2,"r":1}`}, "ba"},
	}
	for _, c := range cases {
		require.Equal(t, c.want, sorted(t, c.sort, c.data...), c.sort)
	}
}

func TestTopKeepsTheFirstOnly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	o, err := match.CompileOrder([]byte(`{"v":-1,"w":1}`))
	require.NoError(t, err)
	for range 200 {
		n := 1 + rnd.IntN(30)
		var docs []*datastore.Document
		for i := range rnd.IntN(60) {
			data := fmt.Sprintf(`{"v":%d,"w":%d}`, rnd.IntN(5), rnd.IntN(3))
			docs = append(docs, &datastore.Document{Path: fmt.Sprint(i), Data: []byte(data)})
		}
		top := o.Top(n)
		for _, d := range docs {
			top.Add(d)
		}
		o.Sort(docs)
		require.Equal(t, paths(docs[:min(n, len(docs))]), paths(top.Docs()))
		for i := 1; i < len(docs); i++ {
			require.LessOrEqual(t, o.Compare(docs[i-1], docs[i]), 0)
		}
	}
}

func paths(docs []*datastore.Document) []string {
	out := []string{}
	for _, d := range docs {
		out = append(out, d.Path)
	}
	return out
}

func TestOrderSourceAndMistakes(t *testing.T) {
	o, err := match.CompileOrder([]byte(`{"v":-1,"_meta.created":1,"data.x":"-1"}`))
	require.NoError(t, err)
	require.Equal(t, `{"data.v":-1,"created":1,"data.x":1}`, string(o.Source()))
	for sort, want := range map[string]string{
		`5`:              "sort must be an object",
		`{"$natural":1}`: "unknown operator $natural at sort",
	} {
		_, err := match.CompileOrder([]byte(sort))
		require.EqualError(t, err, want)
	}
	var unordered *match.Order
	require.Zero(t, unordered.Compare(document(`{}`), document(`{}`)))
}
