package aggregate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
)

// shuffled has many documents with equal values to sort by.
func shuffled(n int) []*datastore.Document {
	r := rand.New(rand.NewPCG(1, 2))
	docs := make([]*datastore.Document, n)
	for i := range docs {
		docs[i] = &datastore.Document{Path: fmt.Sprintf("/d/%05d", i),
			Data: fmt.Appendf(nil, `{"n":%d,"s":"%c","l":[%d,%d]}`, r.IntN(20), 'a'+r.IntN(3), r.IntN(9), r.IntN(9))}
	}
	return docs
}

func listOf(t *testing.T, out string) (list []json.RawMessage) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	return list
}

// TestASortKeepsOnlyWhatALimitWants gives room for just as many documents as
// the limit lets through, and asks for what sorting all of them gives.
func TestASortKeepsOnlyWhatALimitWants(t *testing.T) {
	docs := shuffled(500)
	for _, sort := range []string{`{"data.n":1}`, `{"data.n":-1,"data.s":1}`, `{"data.l":1}`, `{"data.l":-1}`, `{"data.nothing":1}`} {
		all, err := run(t, `[{"$sort":`+sort+`},{"$project":{"path":1}}]`, aggregate.Options{}, docs...)
		require.NoError(t, err)
		want := listOf(t, all)
		for _, c := range []struct {
			stages   string
			from, to int
			keeps    int
		}{
			{stages: `{"$limit":1}`, to: 1, keeps: 1},
			{stages: `{"$limit":10}`, to: 10, keeps: 10},
			{stages: `{"$skip":5},{"$limit":10}`, from: 5, to: 15, keeps: 15},
			{stages: `{"$limit":10},{"$skip":5}`, from: 5, to: 10, keeps: 10},
			{stages: `{"$skip":2},{"$skip":3},{"$limit":7},{"$limit":4}`, from: 5, to: 9, keeps: 12},
			{stages: `{"$set":{"x":1}},{"$limit":3}`, to: 3, keeps: 3},
			{stages: `{"$limit":1000}`, to: 500, keeps: 500},
		} {
			out, err := run(t, `[{"$sort":`+sort+`},`+c.stages+`,{"$project":{"path":1}}]`, aggregate.Options{Limits: aggregate.Limits{Documents: c.keeps}}, docs...)
			require.NoError(t, err, "%s %s", sort, c.stages)
			require.Equal(t, want[c.from:c.to], listOf(t, out), "%s %s", sort, c.stages)
		}
	}
}

func TestAccumulatorsThatKeepSomeOfAnOrder(t *testing.T) {
	docs := shuffled(300)
	out, err := run(t, `[{"$sort":{"data.n":1,"data.s":-1}},{"$project":{"path":1}}]`, aggregate.Options{}, docs...)
	require.NoError(t, err)
	var sorted []string
	for _, d := range listOf(t, out) {
		var p struct{ Path string }
		require.NoError(t, json.Unmarshal(d, &p))
		sorted = append(sorted, p.Path)
	}
	for accumulator, want := range map[string]any{
		`{"$topN":{"n":7,"sortBy":{"data.n":1,"data.s":-1},"output":"$path"}}`:    sorted[:7],
		`{"$bottomN":{"n":7,"sortBy":{"data.n":1,"data.s":-1},"output":"$path"}}`: sorted[293:],
		`{"$topN":{"n":999,"sortBy":{"data.n":1,"data.s":-1},"output":"$path"}}`:  sorted,
		`{"$top":{"sortBy":{"data.n":1,"data.s":-1},"output":"$path"}}`:           sorted[0],
		`{"$bottom":{"sortBy":{"data.n":1,"data.s":-1},"output":"$path"}}`:        sorted[299],
		`{"$firstN":{"n":2,"input":"$path"}}`:                                     []string{"/d/00000", "/d/00001"},
		`{"$lastN":{"n":2,"input":"$path"}}`:                                      []string{"/d/00298", "/d/00299"},
		`{"$minN":{"n":3,"input":"$path"}}`:                                       []string{"/d/00000", "/d/00001", "/d/00002"},
		`{"$maxN":{"n":2,"input":"$path"}}`:                                       []string{"/d/00299", "/d/00298"},
	} {
		out, err := run(t, `[{"$group":{"_id":null,"x":`+accumulator+`}},{"$project":{"_id":0,"x":1}}]`, aggregate.Options{}, docs...)
		require.NoError(t, err)
		wanted, err := json.Marshal([]map[string]any{{"x": want}})
		require.NoError(t, err)
		require.JSONEq(t, string(wanted), out, accumulator)
	}
}

func TestMedianAndPercentile(t *testing.T) {
	for accumulator, want := range map[string]string{
		`{"$median":{"input":"$data.n","method":"approximate"}}`:                               `50`,
		`{"$percentile":{"input":"$data.n","method":"approximate","p":[0,0.25,0.9,0.999,1]}}`:  `[1,25,90,100,100]`,
		`{"$median":{"input":"$data.nothing","method":"approximate"}}`:                         `null`,
		`{"$percentile":{"input":"$path","method":"approximate","p":[0.5]}}`:                   `[null]`,
		`{"$max":{"$median":{"input":[5,"x",1,{"$add":[1,1]}],"method":"approximate"}}}`:       `2`,
		`{"$max":{"$median":{"input":7,"method":"approximate"}}}`:                              `7`,
		`{"$first":{"$percentile":{"input":[3,1,2],"method":"approximate","p":[0.34,0.33]}}}`:  `[2,1]`,
		`{"$first":{"$percentile":{"input":"$data.none","method":"approximate","p":[0.5,1]}}}`: `[null,null]`,
	} {
		out, err := run(t, `[{"$group":{"_id":null,"x":`+accumulator+`}}]`, aggregate.Options{}, numbered(101)[1:]...)
		require.NoError(t, err)
		require.Equal(t, `[{"_id":null,"x":`+want+`}]`, out, accumulator)
	}
}

// TestASetCountsOnceWhatComesAgain has room for few values, and many documents.
func TestASetCountsOnceWhatComesAgain(t *testing.T) {
	for _, accumulator := range []string{`{"$addToSet":"$data.r"}`, `{"$mergeObjects":{"r":"$data.r"}}`, `{"$first":"$path"}`, `{"$max":"$path"}`, `{"$topN":{"n":3,"sortBy":{"path":-1},"output":"$path"}}`} {
		_, err := run(t, `[{"$group":{"_id":null,"x":`+accumulator+`}}]`, aggregate.Options{Limits: aggregate.Limits{Bytes: 10_000}}, numbered(2000)...)
		require.NoError(t, err, accumulator)
	}
}

func TestAccumulatorsCompareByTheCollation(t *testing.T) {
	p, err := aggregate.Compile([]byte(`[{"$group":{"_id":null,"set":{"$addToSet":"$data.s"},"max":{"$max":"$data.s"}}}]`), backwards{})
	require.NoError(t, err)
	docs := []*datastore.Document{{Data: []byte(`{"s":"a"}`)}, {Data: []byte(`{"s":"b"}`)}, {Data: []byte(`{"s":"a"}`)}}
	out, err := p.Run(t.Context(), from(docs...), aggregate.Options{})
	require.NoError(t, err)
	require.Equal(t, `[{"_id":null,"set":["a","b"],"max":"a"}]`, string(out))
}

// backwards is the order of bytes from behind.
type backwards struct{}

func (backwards) Compare(a, b []byte) int { return bytes.Compare(b, a) }

func (backwards) AppendKey(dst, text []byte) []byte { return append(dst, text...) }

func TestMistakesOfAccumulators(t *testing.T) {
	for accumulator, want := range map[string]string{
		`{"$count":1}`:                                                 `$count needs an empty object at aggregate[0].$group.x.$count`,
		`{"$median":1}`:                                                `$median needs an object with input, method at aggregate[0].$group.x.$median`,
		`{"$median":{"input":1}}`:                                      `$median needs method to be "approximate" at aggregate[0].$group.x.$median`,
		`{"$median":{"method":"x"}}`:                                   `$median needs "input" at aggregate[0].$group.x.$median`,
		`{"$median":{"input":1,"method":"exact"}}`:                     `$median needs method to be "approximate" at aggregate[0].$group.x.$median`,
		`{"$percentile":{"input":1,"method":"approximate"}}`:           `$percentile needs p, an array of numbers from 0 to 1 at aggregate[0].$group.x.$percentile`,
		`{"$percentile":{"input":1,"method":"approximate","p":[2]}}`:   `$percentile needs p, an array of numbers from 0 to 1 at aggregate[0].$group.x.$percentile`,
		`{"$percentile":{"input":1,"method":"approximate","p":["x"]}}`: `$percentile needs p, an array of numbers from 0 to 1 at aggregate[0].$group.x.$percentile`,
		`{"$firstN":{"input":1,"n":0}}`:                                `$firstN with n needs a positive whole number at aggregate[0].$group.x.$firstN`,
		`{"$topN":{"output":1,"n":1}}`:                                 `a sort needs at least one field at aggregate[0].$group.x.$topN.sortBy`,
		`{"$top":{"sortBy":{"a":1}}}`:                                  `$top needs "output" at aggregate[0].$group.x.$top`,
		`{"$sum":1,"$max":1}`:                                          `a field of a group needs one accumulator only at aggregate[0].$group.x`,
		`5`:                                                            `a field of a group needs an accumulator, such as {"$sum": 1} at aggregate[0].$group.x`,
		`{"$max":{"$median":{"input":[1],"method":"approximate","p":[0.5]}}}`: `$median does not know "p", only input, method at aggregate[0].$group.x.$max.$median`,
	} {
		_, err := aggregate.Compile([]byte(`[{"$group":{"_id":1,"x":`+accumulator+`}}]`), nil)
		require.EqualError(t, err, want, accumulator)
	}
}
