package difftest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
)

// stored wraps data as pipelines see stored documents.
func stored(data json.RawMessage, i int) (*datastore.Document, json.RawMessage) {
	doc := &datastore.Document{Path: fmt.Sprintf("/d/%03d", i), Data: data, Created: 1000 + int64(i), Modified: 2000}
	return doc, json.RawMessage(fmt.Sprintf(`{"path":%q,"data":%s,"created":%d,"modified":%d}`, doc.Path, data, doc.Created, doc.Modified))
}

// runs a pipeline on our side; the collection it looks up in is the same.
func ours(raw json.RawMessage, docs []*datastore.Document) (json.RawMessage, error) {
	p, err := aggregate.Compile(raw, nil)
	if err != nil {
		return nil, err
	}
	source := func(yield func(*datastore.Document) bool) error {
		for _, d := range docs {
			if !yield(d) {
				break
			}
		}
		return nil
	}
	return p.Run(context.Background(), source, aggregate.Options{
		Lookup: func(_ context.Context, _ string, yield func(*datastore.Document) bool) error { return source(yield) }})
}

// rounded takes the last digits from floats, which depend on the order in
// which things are added.
func rounded(v any) any {
	switch v := v.(type) {
	case float64:
		if v == 0 || v == math.Trunc(v) {
			return v + 0
		}
		scale := math.Pow(10, 12-math.Ceil(math.Log10(math.Abs(v))))
		return math.Round(v*scale) / scale
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = rounded(v[k])
		}
	}
	return v
}

func plainOf(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(raw, &v), "%s", raw)
	return rounded(v)
}

func failed(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["error"] != nil
}

// compare asks both sides and reports where they differ.
func compare(t *testing.T, data, pipelines []json.RawMessage) (differences map[int]string) {
	t.Helper()
	var docs []*datastore.Document
	q := question{Pipelines: pipelines}
	for i, d := range data {
		doc, wrapped := stored(d, i)
		docs, q.Docs = append(docs, doc), append(q.Docs, wrapped)
	}
	a := ask(t, q)
	differences = map[int]string{}
	for i, p := range pipelines {
		theirs := plainOf(t, a.Pipelines[i])
		raw, err := ours(p, docs)
		switch {
		case err != nil && failed(theirs):
		case err != nil:
			differences[i] = fmt.Sprintf("%s: ours fails: %v, theirs is %s", p, err, a.Pipelines[i])
		case failed(theirs):
			differences[i] = fmt.Sprintf("%s: ours is %s, theirs fails: %s", p, raw, a.Pipelines[i])
		default:
			if have := plainOf(t, raw); !equal(have, theirs) {
				differences[i] = fmt.Sprintf("%s: ours is %s, theirs is %s", p, raw, a.Pipelines[i])
			}
		}
	}
	return differences
}

func equal(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// TestPipelinesAgreeWithMingo runs pipelines on random documents.
func TestPipelinesAgreeWithMingo(t *testing.T) {
	pipelines := []string{
		`[]`, `[{"$match":{"data.a":{"$gt":1}}}]`, `[{"$match":{"$expr":{"$gt":["$data.n",0]}}},{"$count":"many"}]`,
		`[{"$project":{"data.a":1,"path":1}}]`, `[{"$project":{"data.b":0,"created":0}}]`, `[{"$project":{"data":{"a":1,"c":1},"x":"$data.n"}}]`, `[{"$project":{"y":{"z":{"$add":["$data.n",1]}},"_id":0}}]`,
		`[{"$addFields":{"data.n2":{"$multiply":["$data.n",2]},"fresh.deep":"$path"}}]`, `[{"$set":{"data":{"a":"$data.n"}}}]`, `[{"$unset":["data.a","created"]}]`, `[{"$unset":"data"}]`,
		`[{"$group":{"_id":"$data.n"}},{"$sort":{"_id":1}}]`,
		`[{"$group":{"_id":{"$mod":["$data.n",2]},"sum":{"$sum":"$data.n"},"avg":{"$avg":"$data.n"},"min":{"$min":"$data.n"},"max":{"$max":"$data.n"},"c":{"$count":{}},"dev":{"$stdDevPop":"$data.n"},"samp":{"$stdDevSamp":"$data.n"}}},{"$sort":{"_id":1}}]`,
		`[{"$sort":{"path":1}},{"$group":{"_id":null,"first":{"$first":"$data.n"},"last":{"$last":"$data.n"},"all":{"$push":"$data.n"},"m":{"$mergeObjects":"$data"}}}]`,
		`[{"$group":{"_id":{"x":"$data.n"},"set":{"$addToSet":"$created"}}},{"$sort":{"_id.x":-1}},{"$unwind":"$set"},{"$sort":{"set":1}}]`,
		`[{"$sort":{"path":1}},{"$group":{"_id":{"$gt":["$data.n",0]},"f":{"$firstN":{"input":"$data.n","n":3}},"l":{"$lastN":{"input":"$data.n","n":3}},"x":{"$maxN":{"input":"$data.n","n":2}},"t":{"$top":{"sortBy":{"data.n":1,"path":1},"output":"$path"}},"b":{"$bottomN":{"n":2,"sortBy":{"data.n":1,"path":1},"output":"$path"}}}},{"$sort":{"_id":1}}]`,
		`[{"$sort":{"data.n":-1,"path":1}},{"$skip":3},{"$limit":5}]`, `[{"$limit":4},{"$skip":1}]`,
		`[{"$unwind":"$data.l"}]`, `[{"$unwind":{"path":"$data.l","includeArrayIndex":"at","preserveNullAndEmptyArrays":true}}]`,
		`[{"$facet":{"few":[{"$limit":2},{"$project":{"path":1}}],"count":[{"$count":"n"}],"none":[{"$match":{"x":1}}]}}]`,
		`[{"$bucket":{"groupBy":"$data.n","boundaries":[-4,-1,1,3],"default":"rest","output":{"n":{"$sum":1},"p":{"$push":"$path"}}}}]`, `[{"$bucket":{"groupBy":"$data.n","boundaries":[-100,0,100]}}]`, `[{"$bucket":{"groupBy":"$data.n","boundaries":[100,200]}}]`,
		`[{"$bucketAuto":{"groupBy":"$created","buckets":4}}]`, `[{"$sortByCount":"$data.n"},{"$sort":{"count":-1,"_id":1}}]`, `[{"$replaceRoot":{"newRoot":"$data"}},{"$project":{"n":1}}]`, `[{"$replaceWith":{"p":"$path","q":"$data.n"}}]`,
		`[{"$lookup":{"from":"*","localField":"data.n","foreignField":"data.n","as":"same"}},{"$project":{"path":1,"n":{"$size":"$same"},"same.path":1}}]`,
		`[{"$limit":5},{"$lookup":{"from":"*","let":{"n":"$data.n"},"pipeline":[{"$match":{"$expr":{"$lt":["$data.n","$$n"]}}},{"$sort":{"path":1}},{"$limit":2},{"$project":{"path":1,"mine":"$$n"}}],"as":"less"}}]`,
		`[{"$sort":{"data.n":1}},{"$limit":7}]`, `[{"$sort":{"data.n":-1,"created":-1}},{"$skip":2},{"$set":{"x":1}},{"$limit":9}]`,
		`[{"$group":{"_id":{"$gt":["$data.n",0]},"m":{"$median":{"input":"$data.n","method":"approximate"}},"p":{"$percentile":{"input":"$data.n","method":"approximate","p":[0.25,0.5,0.9]}}}},{"$sort":{"_id":1}}]`,
		`[{"$group":{"_id":{"$mod":["$data.n",2]},"m":{"$median":{"input":"$created","method":"approximate"}},"p":{"$percentile":{"input":"$created","method":"approximate","p":[0.25,0.5,0.9,1]}}}},{"$sort":{"_id":1}}]`,
		`[{"$group":{"_id":{"$mod":["$data.n",2]},"least":{"$minN":{"input":"$data.n","n":4}},"top":{"$topN":{"n":3,"sortBy":{"data.n":-1,"path":1},"output":["$path","$data.n"]}}}},{"$sort":{"_id":1}}]`,
		`[{"$sort":{"path":1}},{"$group":{"_id":{"$gt":["$data.n",0]},"b":{"$bottom":{"sortBy":{"data.n":1,"path":1},"output":"$path"}}}},{"$sort":{"_id":1}}]`,
		`[{"$sample":{"size":1000}},{"$sort":{"path":1}}]`, `[{"$match":{"data.n":{"$type":"number"}}},{"$group":{"_id":"$data.n","n":{"$sum":"$data.n"}}},{"$match":{"n":{"$gte":0}}},{"$sort":{"_id":1}}]`,
		`[{"$match":{"data.n":99}},{"$count":"none"}]`,
		`[{"$bogus":1}]`, `[{"$limit":0}]`, `[{"$project":{"a":1,"b":0}}]`, `[{"$group":{"x":{"$sum":1}}}]`, `[{"$replaceRoot":{"newRoot":"$path"}}]`,
	}
	both(t, func(t *testing.T, r random) {
		data := raws(40, func() string {
			return strings.Replace(r.document(), "{", `{"l":`+r.pick(`[1,2]`, `[]`, `null`, `"x"`, `["a"]`)+`,`, 1)
		})
		list := make([]json.RawMessage, len(pipelines))
		for i, p := range pipelines {
			list[i] = json.RawMessage(p)
		}
		settle(t, compare(t, data, list), func(i int) string { return pipelines[i] }, map[string]string{
			`[{"$set":{"data":{`:                                     "an object in $set stands for fields in what is there, as dotted names do",
			`[{"$sort":{"path":1}},{"$group":{"_id":{"$gt"`:          "$top is one value, not an array",
			`[{"$bucket":{"groupBy":"$data.n","boundaries":[-4`:      "an upper boundary belongs to the next bucket",
			`[{"$bucket":{"groupBy":"$data.n","boundaries":[-100`:    "an upper boundary belongs to the next bucket",
			`[{"$group":{"_id":{"$gt":["$data.n",0]},"m":{"$median"`: "numbers are in the order of numbers, not of their digits",
			`[{"$sample"`:                         "no document is in a sample twice",
			`[{"$limit":0`:                        "$limit is from 1",
			`[{"$match":{"data.n":99}},{"$count"`: "$count of no documents is no document",
		})
	})
}
