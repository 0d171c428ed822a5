package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
)

func pathOf(frame map[string]any) string {
	path, _ := field(frame, "_meta", "path").(string)
	return path
}

func TestSiblingsGetPathsOfTheirOwn(t *testing.T) {
	for _, path := range []string{"/s/of", "/s/of/"} {
		p := newPipeline(t, memory.DurabilityNone)
		k := connect(t, p, false)
		k.ask(`{"action":"on","eventId":2,"path":"/SET@/s/of/*"}`)
		for _, options := range []string{`{"set_type":"sibling"}`, `{"set_type":"sibling","noStore":true}`, `{"set_type":"sibling","noDataResponse":true}`} {
			k.say(`{"action":"set","eventId":3,"path":"` + path + `","data":{"n":1},"options":` + options + `}`)
			publication, answer := k.wire.take(t), k.wire.take(t)
			assert.Regexp(t, `^/s/of/[0-9a-f-]{36}$`, pathOf(answer))
			assert.Equal(t, pathOf(answer), pathOf(publication))
			assert.Equal(t, "/SET@"+pathOf(answer), field(publication, "_meta", "action"))
		}
		list := k.ask(`{"action":"get","eventId":4,"path":"/s/of*"}`)["list"].([]any)
		assert.Len(t, list, 2+1, "two documents and the answer's meta")
	}
}

func TestATagKeepsASnapshot(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	k.ask(`{"action":"set","eventId":2,"path":"/t/doc","data":{"n":1}}`)
	k.ask(`{"action":"on","eventId":2,"path":"/ALL@/_TAGS/t/doc/*"}`)
	k.say(`{"action":"set","eventId":3,"path":"/t/doc","data":null,"options":{"tag":"first","meta":{"tag":"forged"}}}`)
	publication, answer := k.wire.take(t), k.wire.take(t)
	for _, frame := range []map[string]any{publication, answer} {
		assert.Regexp(t, `^/_TAGS/t/doc/[0-9a-f-]{36}$`, pathOf(frame))
		assert.Equal(t, "first", field(frame, "_meta", "tag"))
		assert.Equal(t, map[string]any{"n": 1.0}, field(frame, "data", "data"))
		assert.Equal(t, "/t/doc", field(frame, "data", "_meta", "path"))
	}
	k.ask(`{"action":"set","eventId":4,"path":"/t/doc","data":{"n":2}}`)
	k.ask(`{"action":"off","eventId":4,"path":"*"}`)

	one := k.ask(`{"action":"get","eventId":5,"path":"` + pathOf(answer) + `"}`)
	assert.Equal(t, map[string]any{"n": 1.0}, field(one, "data", "data"))
	assert.Equal(t, "first", field(one, "_meta", "tag"))
	k.say(`{"action":"get","eventId":6,"path":"/_TAGS/t/doc/*"}`)
	k.wire.mu.Lock()
	assert.Equal(t, 1, strings.Count(k.wire.frames[0], `"_meta":{"path"`), "one _meta in each item")
	k.wire.mu.Unlock()
	item := k.wire.take(t)["list"].([]any)[0].(map[string]any)
	assert.Equal(t, pathOf(answer), pathOf(item))
	assert.Equal(t, "first", field(item, "_meta", "tag"))
	assert.Equal(t, map[string]any{"n": 1.0}, item["data"])
}

func TestTagsThatAreRefused(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	p.MaxPathBytes = 40
	k := connect(t, p, false)
	k.ask(`{"action":"set","eventId":2,"path":"/t","data":{"n":1}}`)
	for request, want := range map[string]string{
		`"path":"/t","data":{"n":2},"options":{"tag":"x"}`:                   "Cannot set tag with new data.",
		`"path":"/nothing","data":null,"options":{"tag":"x"}`:                "Attempt to tag something that doesn't exist in the first place",
		`"path":"/t","data":null,"options":{"tag":"x"}`:                      "at most 40 are allowed",
		`"path":"/siblings/of","data":null,"options":{"set_type":"sibling"}`: "at most 40 are allowed",
	} {
		answer := k.ask(`{"action":"set","eventId":3,` + request + `}`)
		assert.Contains(t, field(answer, "_meta", "error", "message"), want)
	}
	assert.EqualValues(t, 1, field(k.ask(`{"action":"count","eventId":4,"path":"*"}`), "data", "value"))
}

func TestUpsertTypes(t *testing.T) {
	const upsert, update, insert, bulk = "0", "1", "2", "3"
	for _, c := range []struct {
		path, upsertType, options string
		ok, publishes             bool
	}{
		{"/u/old", upsert, ``, true, true},
		{"/u/new", upsert, ``, true, true},
		{"/u/old", update, ``, true, true},
		{"/u/new", update, ``, false, false},
		{"/u/new", update, `,"merge":true`, false, false},
		{"/u/old", insert, ``, false, false},
		{"/u/old", insert, `,"merge":true`, false, false},
		{"/u/new", insert, ``, true, true},
		{"/u/old", insert, `,"noStore":true`, true, true},
		{"/u/new", bulk, ``, true, false},
		{"/u/old", bulk, ``, true, false},
	} {
		p := newPipeline(t, memory.DurabilityNone)
		k := connect(t, p, false)
		k.ask(`{"action":"set","eventId":2,"path":"/u/old","data":{"n":1}}`)
		k.ask(`{"action":"on","eventId":2,"path":"/ALL@/u/*"}`)
		k.say(`{"action":"set","eventId":3,"path":"` + c.path + `","data":{"n":2},"options":{"upsertType":` + c.upsertType + c.options + `}}`)
		answer := k.wire.take(t)
		if c.publishes {
			require.EqualValues(t, 2, field(answer, "data", "n"), c)
			answer = k.wire.take(t)
		}
		k.wire.none(t)
		if c.ok {
			assert.Equal(t, "ok", field(answer, "_meta", "status"), c)
			continue
		}
		assert.Contains(t, field(answer, "_meta", "error", "message"), c.path, c)
	}
}

func TestCountOfAListing(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for _, path := range []string{"/n/1", "/n/2", "/n/3"} {
		k.ask(`{"action":"set","eventId":2,"path":"` + path + `","data":{"p":"` + path + `"}}`)
	}
	answer := k.ask(`{"action":"get","eventId":3,"path":"/n/*","options":{"criteria":{"p":{"$ne":"/n/2"}},"options":{"count":true}}}`)
	assert.Equal(t, map[string]any{"value": 2.0}, answer["data"])
}
