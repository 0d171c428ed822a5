package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/internal/rawjson"
)

func from(docs ...*datastore.Document) aggregate.Source {
	return func(yield func(*datastore.Document) bool) error {
		for _, d := range docs {
			if !yield(d) {
				break
			}
		}
		return nil
	}
}

func numbered(n int) []*datastore.Document {
	docs := make([]*datastore.Document, n)
	for i := range docs {
		docs[i] = &datastore.Document{Path: fmt.Sprintf("/d/%05d", i), Created: 1, Modified: 2,
			Data: fmt.Appendf(nil, `{"n":%d,"r":"r%d","note":"a longer text that nobody searches for"}`, i, i%10)}
	}
	return docs
}

func run(t *testing.T, pipeline string, o aggregate.Options, docs ...*datastore.Document) (string, error) {
	t.Helper()
	p, err := aggregate.Compile([]byte(pipeline), nil)
	require.NoError(t, err, pipeline)
	out, err := p.Run(context.Background(), from(docs...), o)
	return string(out), err
}

func TestAPipelineSeesStoredDocuments(t *testing.T) {
	doc := &datastore.Document{Path: `/a/"b`, Data: []byte(`{"v": 1}`), Created: 1, Modified: 2, ModifiedBy: "joe"}
	out, err := run(t, ` [] `, aggregate.Options{}, doc)
	require.NoError(t, err)
	require.Equal(t, `[{"path":"/a/\"b","data":{"v": 1},"created":1,"modified":2,"modifiedBy":"joe"}]`, out)
	out, err = run(t, `[{"$match":{"data.v":1}},{"$group":{"_id":"$modifiedBy","total":{"$sum":"$data.v"}}},{"$match":{"total":{"$gt":0}}}]`, aggregate.Options{}, doc)
	require.NoError(t, err)
	require.Equal(t, `[{"_id":"joe","total":1}]`, out)
}

func TestMistakesNameTheStageAndThePlace(t *testing.T) {
	for pipeline, want := range map[string]string{
		`{}`:                   "a pipeline must be an array of stages at aggregate",
		`[{"$bogus":1}]`:       "unknown stage $bogus at aggregate[0]",
		`[{}]`:                 `a stage must be an object with the name of the stage, such as {"$match": {...}} at aggregate[0]`,
		`[{"$limit":1,"x":1}]`: "a stage must have one name only at aggregate[0]",
		`[{"$limit":1},{"$match":{"a":{"$bogus":1}}}]`:                        "unknown operator $bogus at aggregate[1].$match.a",
		`[{"$group":{"_id":1,"x":{"$sum":{"$bogus":1}}}}]`:                    "unknown operator $bogus at aggregate[0].$group.x.$sum",
		`[{"$group":{"_id":1,"x":{"$bogus":1}}}]`:                             "unknown accumulator $bogus at aggregate[0].$group.x",
		`[{"$project":{"x":{"$add":[1,{"$abs":[1,2]}]}}}]`:                    "$abs takes one argument, found 2 at aggregate[0].$project.x.$add[1].$abs",
		`[{"$facet":{"x":[{"$skip":-1}]}}]`:                                   "$skip needs a positive whole number at aggregate[0].$facet.x[0].$skip",
		`[{"$lookup":{"from":"/x","as":"y"}}]`:                                "$lookup needs localField and foreignField, or a pipeline at aggregate[0].$lookup",
		`[{"$project":{"a":"$$nobody"}}]`:                                     "the variable $$nobody is not defined at aggregate[0].$project.a",
		`[{"$project":{"a":{"$regexMatch":{"input":"$a","regex":"(?=x)"}}}}]`: "$regex: error parsing regexp: invalid or unsupported Perl syntax: `(?=`; lookaround and backreferences are not available at aggregate[0].$project.a.$regexMatch",
	} {
		_, err := aggregate.Compile([]byte(pipeline), nil)
		require.EqualError(t, err, want, pipeline)
		require.ErrorAs(t, err, new(*aggregate.Error))
	}
	_, err := run(t, `[{"$project":{"x":{"$add":[1,"$path"]}}}]`, aggregate.Options{}, numbered(1)...)
	require.EqualError(t, err, "$add needs numbers or a date, found string at aggregate[0].$project.x.$add")
}

func TestALimitStopsTheWalk(t *testing.T) {
	p, err := aggregate.Compile([]byte(`[{"$match":{"data.n":{"$gte":2}}},{"$limit":3},{"$project":{"path":1}}]`), nil)
	require.NoError(t, err)
	seen := 0
	out, err := p.Run(context.Background(), func(yield func(*datastore.Document) bool) error {
		for _, d := range numbered(100) {
			seen++
			if !yield(d) {
				return nil
			}
		}
		return nil
	}, aggregate.Options{})
	require.NoError(t, err)
	require.Equal(t, `[{"path":"/d/00002"},{"path":"/d/00003"},{"path":"/d/00004"}]`, string(out))
	require.Equal(t, 5, seen)
}

func TestARunIsBounded(t *testing.T) {
	const most = "the pipeline keeps more documents than one run may; match, project or limit first"
	docs := numbered(1000)
	for _, c := range []struct {
		pipeline string
		limits   aggregate.Limits
	}{
		{`[]`, aggregate.Limits{Bytes: 10_000}},
		{`[{"$sort":{"data.n":1}}]`, aggregate.Limits{Documents: 999}},
		{`[{"$sort":{"data.n":1}},{"$limit":11}]`, aggregate.Limits{Documents: 10}},
		{`[{"$sort":{"data.n":1}},{"$match":{}},{"$limit":1}]`, aggregate.Limits{Documents: 999}},
		{`[{"$group":{"_id":"$path","x":{"$last":{"$concat":["$data.note","$data.note"]}}}},{"$count":"n"}]`, aggregate.Limits{Bytes: 100_000}},
		{`[{"$group":{"_id":"$data.n"}},{"$limit":1}]`, aggregate.Limits{Documents: 999}},
		{`[{"$group":{"_id":null,"all":{"$push":"$$ROOT"}}}]`, aggregate.Limits{Bytes: 10_000}},
		{`[{"$facet":{"a":[{"$limit":500}],"b":[{"$limit":600}]}},{"$count":"n"}]`, aggregate.Limits{Documents: 1000}},
		{`[{"$bucketAuto":{"groupBy":"$data.n","buckets":2}}]`, aggregate.Limits{Documents: 999}},
		{`[{"$lookup":{"from":"/d/*","localField":"data.n","foreignField":"data.n","as":"x"}},{"$count":"n"}]`, aggregate.Limits{Documents: 999}},
	} {
		_, err := run(t, c.pipeline, aggregate.Options{Limits: c.limits, Lookup: lookupIn(docs)}, docs...)
		require.EqualError(t, err, most, c.pipeline)
	}
}

func lookupIn(docs []*datastore.Document) aggregate.LookupFunc {
	return func(_ context.Context, _ string, yield func(*datastore.Document) bool) error {
		return from(docs...)(yield)
	}
}

func TestLookupReadsThroughItsCaller(t *testing.T) {
	const pipeline = `[{"$lookup":{"from":"/o/*","localField":"data.n","foreignField":"data.n","as":"x"}},{"$facet":{"y":[{"$lookup":{"from":"/p/*","pipeline":[],"as":"z"}}]}}]`
	p, err := aggregate.Compile([]byte(pipeline), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"/o/*", "/p/*"}, p.Lookups())
	_, err = p.Run(context.Background(), from(numbered(1)...), aggregate.Options{})
	require.EqualError(t, err, "$lookup is not available here")
	denied := errors.New("denied")
	_, err = p.Run(context.Background(), from(numbered(1)...), aggregate.Options{
		Lookup: func(_ context.Context, from string, _ func(*datastore.Document) bool) error {
			require.Equal(t, "/o/*", from)
			return denied
		}})
	require.ErrorIs(t, err, denied)
}

func TestARunStopsWhenNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, err := aggregate.Compile([]byte(`[{"$count":"n"}]`), nil)
	require.NoError(t, err)
	_, err = p.Run(ctx, from(numbered(1000)...), aggregate.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestADocumentCannotGrowWithoutEnd(t *testing.T) {
	stages := strings.Repeat(`{"$set":{"data":["$data","$data"]}},`, 60)
	_, err := run(t, "["+stages+`{"$count":"n"}]`, aggregate.Options{}, numbered(1)...)
	require.EqualError(t, err, "a document in the pipeline grows beyond 32 MiB")
}

// TestWhatStagesMultiplyIsBounded counts what comes out of stages that make many
// documents of few, or go through others for each of them.
func TestWhatStagesMultiplyIsBounded(t *testing.T) {
	const tooMuch = "the pipeline does too much for one run; match or limit before $unwind and $lookup, or give $lookup a localField and foreignField"
	lists := &datastore.Document{Data: []byte(`{"a":[1,2,3,4,5,6,7,8,9,10],"b":[1,2,3,4,5,6,7,8,9,10],"c":[1,2,3,4,5,6,7,8,9,10]}`)}
	docs := numbered(100)
	unwind := func(names ...string) string {
		var stages []string
		for _, name := range names {
			stages = append(stages, `{"$unwind":"$data.`+name+`"}`)
		}
		return strings.Join(stages, ",") + `,{"$count":"n"}`
	}
	const cross = `{"$lookup":{"from":"/x","pipeline":[],"as":"x"}}`
	for _, c := range []struct {
		stages string
		docs   []*datastore.Document
		steps  int // that suffice
		out    string
	}{
		{unwind("a"), []*datastore.Document{lists}, 10, `[{"n":10}]`},
		{unwind("a", "b"), []*datastore.Document{lists}, 110, `[{"n":100}]`},
		{unwind("a", "b", "c"), []*datastore.Document{lists}, 1110, `[{"n":1000}]`},
		{cross + `,{"$count":"n"}`, docs, 100 * 100, `[{"n":100}]`},
		{`{"$facet":{"a":[` + cross + `],"b":[` + cross + `]}},{"$project":{"n":{"$size":"$a"}}}`, docs[:10], 2 * 10 * 100, `[{"n":10}]`},
		{`{"$lookup":{"from":"/x","pipeline":[` + cross + `,{"$count":"n"}],"as":"x"}},{"$count":"n"}`, docs[:2], 2*100 + 2*100*100, `[{"n":2}]`},
		{`{"$lookup":{"from":"/x","localField":"data.n","foreignField":"data.n","as":"x"}},{"$count":"n"}`, docs, 100, `[{"n":100}]`},
	} {
		for _, few := range []int{0, 1} {
			out, err := run(t, "["+c.stages+"]", aggregate.Options{Lookup: lookupIn(docs), Limits: aggregate.Limits{Steps: c.steps - few}}, c.docs...)
			if few > 0 {
				require.EqualError(t, err, tooMuch, c.stages)
				continue
			}
			require.NoError(t, err, c.stages)
			require.Equal(t, c.out, out, c.stages)
		}
	}
}

// TestHostilePipelinesStayCheap has expressions that double what they make, or
// repeat what they do, on a document in which that costs much. The budget of an
// evaluation grows with the document, so what repeats a walk through all of it
// has to run out of it: the counted work is asserted, not how long it takes.
func TestHostilePipelinesStayCheap(t *testing.T) {
	long := &datastore.Document{Path: "/d", Data: fmt.Appendf(nil, `{"long":"%s","number":1%s,"list":[%s1]}`,
		strings.Repeat("x", 50_000), strings.Repeat("0", 50_000), strings.Repeat("1,", 12_500))}
	for name, e := range map[string]string{
		"a text that doubles":     `{"$reduce":{"input":{"$range":[0,64]},"initialValue":"xx","in":{"$concat":["$$value","$$value"]}}}`,
		"an array that doubles":   `{"$reduce":{"input":{"$range":[0,64]},"initialValue":[1],"in":{"$concatArrays":["$$value","$$value"]}}}`,
		"loops in loops":          `{"$map":{"input":{"$range":[0,10000]},"as":"a","in":{"$map":{"input":{"$range":[0,10000]},"as":"b","in":{"$add":["$$a","$$b"]}}}}}`,
		"a nest that doubles":     `{"$reduce":{"input":{"$range":[0,64]},"initialValue":1,"in":["$$value","$$value"]}}`,
		"a long range":            `{"$range":[0,2000000000]}`,
		"a long path in a loop":   `{"$map":{"input":{"$range":[0,30000]},"in":{"$let":{"vars":{"d":"$data"},"in":"$$d.zzz"}}}}`,
		"a long text in a loop":   `{"$map":{"input":{"$range":[0,30000]},"in":{"$eq":["$data.long",{"$toString":"$$this"}]}}}`,
		"a long array in a loop":  `{"$map":{"input":{"$range":[0,30000]},"in":{"$in":["$data.list",["$data.list"]]}}}`,
		"a long number in a loop": `{"$map":{"input":{"$range":[0,3000000]},"in":{"$cond":["$data.number",1,0]}}}`,
		"counting in a loop":      `{"$map":{"input":{"$range":[0,3000000]},"in":{"$size":"$data.list"}}}`,
		"filtering in a loop":     `{"$map":{"input":{"$range":[0,3000000]},"in":{"$filter":{"input":["$data.long"],"cond":{"$gt":["$$this","$data.long"]}}}}}`,
		"what was made, compared": `{"$let":{"vars":{"x":{"$map":{"input":"$data.list","in":["$$this"]}}},"in":{"$map":{"input":"$data.list","in":{"$lt":["$$x","$$x"]}}}}}`,
		"sorting what was made":   `{"$let":{"vars":{"x":{"$map":{"input":"$data.list","in":["$$this"]}}},"in":{"$map":{"input":"$data.list","in":{"$sortArray":{"input":["$$x","$$x"],"sortBy":1}}}}}}`,
		"medians in a loop":       `{"$map":{"input":{"$range":[0,3000000]},"in":{"$median":{"input":"$data.list","method":"approximate"}}}}`,
		"replacing":               `{"$reduce":{"input":{"$range":[0,64]},"initialValue":"a","in":{"$replaceAll":{"input":"$$value","find":"a","replacement":"aaaaaaaaaa"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, `[{"$project":{"x":`+e+`}}]`, aggregate.Options{}, long)
			require.EqualError(t, err, "the expression does too much for a document of this size")
		})
	}
}

func FuzzPipeline(f *testing.F) {
	for _, s := range []string{
		`[]`, `[{"$match":{"a":1}},{"$project":{"a":1,"b":{"$add":["$a",1]}}},{"$sort":{"a":1}}]`, `[{"$group":{"_id":"$a","x":{"$push":"$b"},"y":{"$topN":{"n":1,"sortBy":{"a":1},"output":"$b"}}}}]`,
		`[{"$unwind":"$data.l"},{"$bucketAuto":{"groupBy":"$a","buckets":3}}]`, `[{"$facet":{"a":[{"$count":"n"}]}},{"$replaceWith":{"$mergeObjects":["$a",{"x":1}]}}]`,
		`[{"$set":{"a.b":{"$map":{"input":"$data.l","in":{"$toString":"$$this"}}}}},{"$unset":["a.b","data"]}]`, `[{"$lookup":{"from":"x","let":{"a":"$path"},"pipeline":[{"$match":{"$expr":{"$eq":["$path","$$a"]}}}],"as":"o"}}]`,
		`[{"$project":{"x":{"$dateToString":{"date":"$created","format":"%Y%%"}},"y":{"$regexFindAll":{"input":"$path","regex":"(.)"}},"z":{"$round":["$created",-1]}}}]`, `[{"$sample":{"size":1}}]`,
		`[{"$bucket":{"groupBy":"$created","boundaries":[0,10],"default":"x"}},{"$sortByCount":"$count"}]`, `[{"$project":{"x":{"$substrCP":["$path",1,2]},"y":{"$zip":{"inputs":["$data.l",[1]]}},"z":{"$dateTrunc":{"date":"$created","unit":"week"}}}}]`,
	} {
		f.Add([]byte(s))
	}
	docs := []*datastore.Document{
		{Path: "/a", Data: []byte(`{"l":[1,"x",null,{"a":1}],"a":"b"}`), Created: 1, Modified: 2},
		{Path: "/b", Data: []byte(`{"l":[],"a":1.5e3,"b":{"c":[[]]}}`), Created: 5, Modified: 2},
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := aggregate.Compile(raw, nil)
		if err != nil {
			return
		}
		out, err := p.Run(context.Background(), from(docs...), aggregate.Options{Lookup: lookupIn(docs), Limits: aggregate.Limits{Bytes: 1 << 20, Documents: 1000}})
		if err == nil && (!json.Valid(out) || !rawjson.IsArray(out)) {
			t.Fatalf("%s gives %s", raw, out)
		}
	})
}

func BenchmarkPipeline10k(b *testing.B) {
	docs := numbered(10_000)
	for _, pipeline := range []string{
		`[{"$match":{"data.r":"r3"}},{"$count":"n"}]`, `[{"$group":{"_id":"$data.r","total":{"$sum":"$data.n"},"avg":{"$avg":"$data.n"}}}]`,
		`[{"$project":{"data.n":1,"twice":{"$multiply":["$data.n",2]}}},{"$limit":1000}]`, `[{"$sort":{"data.n":-1}},{"$limit":10}]`,
	} {
		b.Run(pipeline, func(b *testing.B) {
			p, err := aggregate.Compile([]byte(pipeline), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Run(context.Background(), from(docs...), aggregate.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
