package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

func TestAggregations(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for i, region := range []string{"N", "S", "N", "W"} {
		k.ask(fmt.Sprintf(`{"action":"set","eventId":2,"path":"/a/%d","data":{"n":%d,"region":%q}}`, i, i, region))
	}
	k.ask(`{"action":"set","eventId":2,"path":"/names/N","data":{"id":"N","name":"North"}}`)
	const byRegion = `"aggregate":[{"$group":{"_id":"$data.region","sum":{"$sum":"$data.n"}}},{"$sort":{"_id":1}}]`
	group := func(region string, sum float64) any { return map[string]any{"_id": region, "sum": sum} }
	for _, c := range []struct {
		path, options string
		want          []any
	}{
		{"/a/*", `{` + byRegion + `}`, []any{group("N", 2), group("S", 1), group("W", 3)}},
		{"/a/*", `{"options":{` + byRegion + `}}`, []any{group("N", 2), group("S", 1), group("W", 3)}},
		{"/a/*", `{"criteria":{"n":{"$gt":0}},` + byRegion + `}`, []any{group("N", 2), group("S", 1), group("W", 3)}},
		{"/a/*", `{"criteria":{"region":"N"},` + byRegion + `}`, []any{group("N", 2)}},
		{"/a/3", `{` + byRegion + `}`, []any{group("W", 3)}},
		{"/nothing", `{` + byRegion + `}`, []any{}},
		{"/a/0", `{"aggregate":[{"$lookup":{"from":"/names/*","localField":"data.region","foreignField":"data.id","as":"of"}},{"$unwind":"$of"},{"$project":{"_id":0,"name":"$of.data.name"}}]}`,
			[]any{map[string]any{"name": "North"}}},
	} {
		answer := k.ask(fmt.Sprintf(`{"action":"get","eventId":3,"path":%q,"options":%s}`, c.path, c.options))
		assert.Equal(t, map[string]any{"value": c.want}, answer["data"], "%s %s", c.path, c.options)
	}
}

func TestAggregationsThatAreRefused(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for request, want := range map[string]string{
		`"action":"get","path":"/a/*","options":{"aggregate":[{"$bogus":1}]}`:                              "$bogus",
		`"action":"get","path":"/a/*","options":{"aggregate":5}`:                                           "array",
		`"action":"count","path":"/a/*","options":{"aggregate":[]}`:                                        "option of get only",
		`"action":"on","path":"/ALL@/a/*","options":{"initialCallback":true,"aggregate":[{"$count":"n"}]}`: "option of get only",
	} {
		answer := k.ask(`{"eventId":3,` + request + `}`)
		assert.Contains(t, field(answer, "_meta", "error", "message"), want, request)
	}
}

// explaining is a store that tells what it was asked.
type explaining struct{ datastore.Store }

func (explaining) Explain(_ context.Context, q *datastore.Query) ([]byte, error) {
	return fmt.Appendf(nil, `{"plan":%q,"limit":%d}`, q.Pattern, q.Limit), nil
}

func TestExplainTellsThePlan(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	plain := p.Store
	defer func() { p.Store = plain }()
	const get = `{"action":"get","eventId":3,"path":"/a/*","options":{"options":{"explain":true,"limit":3}}}`
	p.Store = struct{ datastore.Store }{plain}
	assert.Contains(t, field(k.ask(get), "_meta", "error", "message"), "explain feature not available")
	p.Store = explaining{plain}
	assert.Equal(t, map[string]any{"plan": "/a/*", "limit": 3.0}, k.ask(get)["data"])
	k.say(`{"action":"get","eventId":3,"path":"/a/*","options":{"options":{"explain":false}}}`)
	assert.Len(t, k.wire.take(t)["list"], 1)
}

func TestCollationOfSearchesAndAggregations(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for i, name := range []string{"b", "A", "a", "B"} {
		k.ask(fmt.Sprintf(`{"action":"set","eventId":2,"path":"/c/%d","data":{"name":%q}}`, i, name))
	}
	const fold = `"collation":{"locale":"en","strength":2}`
	assert.Equal(t, map[string]any{"value": 2.0}, k.ask(`{"action":"count","eventId":3,"path":"/c/*","options":{"criteria":{"name":"a"},` + fold + `}}`)["data"])
	answer := k.ask(`{"action":"get","eventId":3,"path":"/c/*","options":{` + fold + `,"aggregate":[{"$group":{"_id":"$data.name","n":{"$sum":1}}},{"$count":"groups"}]}}`)
	assert.Equal(t, map[string]any{"value": []any{map[string]any{"groups": 2.0}}}, answer["data"])
	answer = k.ask(`{"action":"get","eventId":3,"path":"/c/*","options":{"collation":{"locale":"no such language!"}}}`)
	assert.Contains(t, field(answer, "_meta", "error", "message"), "collation")
}
