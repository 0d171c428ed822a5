package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
)

// searches has the operators $near, which ranks by the distance of a number from
// its argument within 100, $even, and $fails; and the query list, which finds what
// hits are, in their order.
type searches struct {
	hits     []pipeline.Hit
	endless  bool  // says that there is more for ever
	err      error // of the query, and of $fails
	calls    atomic.Int32
	most     atomic.Int32 // values shown at once
	gone     atomic.Bool
	asker    atomic.Pointer[pipeline.Asker]
	limits   []int
	argument string
	parting  func()
}

func (s *searches) HasOperator(name string) bool {
	return !s.gone.Load() && slices.Contains([]string{"$near", "$even", "$fails"}, name)
}
func (s *searches) HasQuery(name string) bool { return name == "list" }

func (s *searches) Operator(name string) pipeline.SearchOperator {
	return operator{s, name}
}
func (s *searches) Query(string) pipeline.SearchQuery { return s }

// Reads keeps /a/hidden from the plugin.
func (s *searches) Reads(path []byte) bool { return !bytes.HasPrefix(path, []byte("/a/hidden")) }

func (s *searches) Part(_ context.Context, asker *pipeline.Asker, argument []byte, skip, limit int) ([]pipeline.Hit, bool, error) {
	s.asker.Store(asker)
	s.argument = string(argument)
	s.limits = append(s.limits, limit)
	if s.parting != nil {
		s.parting()
	}
	if s.err != nil {
		return nil, false, s.err
	}
	end := min(len(s.hits), skip+limit)
	return slices.Clone(s.hits[min(skip, end):end]), end < len(s.hits) || s.endless, nil
}

type operator struct {
	*searches
	name string
}

func (o operator) Ranks() bool { return o.name == "$near" || o.name == "$fails" }

func (o operator) Score(_ context.Context, asker *pipeline.Asker, argument []byte, values [][]byte, scores []pipeline.Score) error {
	o.calls.Add(1)
	o.most.Store(max(o.most.Load(), int32(len(values))))
	o.asker.Store(asker)
	if o.name == "$fails" {
		return o.err
	}
	at, _ := strconv.ParseFloat(string(argument), 64)
	for i, raw := range values {
		switch x, err := strconv.ParseFloat(string(raw), 64); {
		case err != nil:
		case o.name == "$even":
			scores[i] = pipeline.Score{Matches: int(x)%2 == 0}
		case x-at <= 100 && at-x <= 100:
			scores[i] = pipeline.Score{Value: max(x-at, at-x), Matches: true}
		}
	}
	return nil
}

func searching(t testing.TB, s *searches) *pipeline.Pipeline {
	return pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Searches = s })
}

// numbers stores /a/<n> with {"n": n, "list": [{"n": n}, {"n": n + 1000}]}.
func numbers(t testing.TB, p *pipeline.Pipeline, n int) {
	for i := range n {
		p.Store.Write(t.Context(), &datastore.Write{
			Op: datastore.Put, Path: fmt.Appendf(nil, "/a/%04d", i), Now: int64(i + 1),
			Data: fmt.Appendf(nil, `{"n":%d,"m":%d,"list":[{"n":%d},{"n":%d}]}`, i, i%10, i, i+1000),
		}, ignored{})
	}
}

// shown asks for a list and returns paths, and scores where there are.
func (k *talker) shown(action, path, options string) string {
	k.t.Helper()
	answer := k.ask(fmt.Sprintf(`{"action":%q,"eventId":5,"path":%q,"options":%s}`, action, path, options))
	if answer["data"] != nil && answer["list"] == nil {
		out, _ := json.Marshal(answer["data"])
		if score := field(answer, "_meta", "score"); score != nil {
			return fmt.Sprint(string(out), " ", score)
		}
		return string(out)
	}
	list, ok := answer["list"].([]any)
	if !ok {
		return fmt.Sprint(field(answer, "_meta", "error"), answer["error"], answer["data"])
	}
	var all []string
	for _, item := range list[:len(list)-1] {
		meta := item.(map[string]any)["_meta"].(map[string]any)
		text := strings.TrimPrefix(fmt.Sprint(meta["path"]), "/a/")
		if score, ok := meta["score"]; ok {
			text += fmt.Sprint(":", score)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestOperatorsOfOthersSelectAndRank(t *testing.T) {
	s := &searches{}
	p := searching(t, s)
	numbers(t, p, 1000)
	store(t, p, "/a/hidden/10")
	k := connect(t, p, false)
	for _, c := range []struct{ options, want string }{
		{`{"criteria":{"n":{"$near":500}},"options":{"limit":3}}`, "0500:0 0499:1 0501:1"},
		{`{"criteria":{"n":{"$near":500}},"options":{"limit":2,"skip":2}}`, "0501:1 0498:2"},
		{`{"criteria":{"n":{"$near":0},"m":3},"options":{"limit":-8}}`, "0003:3 0013:13"},
		{`{"criteria":{"n":{"$near":500},"m":3},"sort":{"n":-1},"options":{"limit":2}}`, "0593:93 0583:83"},
		{`{"criteria":{"$and":[{"n":{"$near":500}},{"n":{"$even":1,"$gt":500}}]},"options":{"limit":2}}`, "0502:2 0504:4"},
		{`{"criteria":{"n":{"$even":1}},"options":{"limit":3}}`, "0000 0002 0004"},
		{`{"criteria":{"n":{"$even":1}},"options":{"limit":2,"skip":498}}`, "0996 0998"},
		{`{"criteria":{"n":{"$even":1}},"options":{"limit":-498}}`, "0000 0002"},
		{`{"criteria":{"list.n":{"$near":1500}},"options":{"limit":2}}`, "0500:0 0499:1"},
		{`{"criteria":{"none":{"$near":1}}}`, ""},
		{`{"criteria":{"n":{"$near":500}},"fields":{"m":1},"options":{"limit":1}}`, "0500:0"},
		{`{"criteria":{"n":{"$near":500}},"path_only":true,"options":{"limit":1}}`, "0500:0"},
		{`{"criteria":{"n":{"$near":500}},"aggregate":[{"$group":{"_id":null,"n":{"$sum":1}}}]}`, `{"value":[{"_id":null,"n":201}]}`},
		{`{"criteria":{"n":{"$near":500}},"options":{"count":true}}`, `{"value":201}`},
	} {
		assert.Equal(t, c.want, k.shown("get", "/a/*", c.options), c.options)
	}
	assert.Equal(t, `{"value":500}`, k.shown("count", "/a/*", `{"criteria":{"n":{"$even":1}}}`))
	assert.Contains(t, k.shown("get", "/a/0007", `{"criteria":{"n":{"$near":9}}}`), `"n":7} 2`)
	assert.NotContains(t, k.shown("get", "/a/0007", `{"criteria":{"n":{"$near":900}}}`), "list")
	assert.LessOrEqual(t, s.most.Load(), int32(256), "in batches")
	assert.Equal(t, "/a/0007", string(s.asker.Load().Pattern))
	assert.Equal(t, k.peer.Session().ID, s.asker.Load().SessionID)
}

func TestASearchWithoutOrderStopsWhenItHasEnough(t *testing.T) {
	s := &searches{}
	p := searching(t, s)
	numbers(t, p, 5000)
	k := connect(t, p, false)
	assert.Equal(t, "0000 0002", k.shown("get", "/a/*", `{"criteria":{"n":{"$even":1}},"options":{"limit":2}}`))
	assert.EqualValues(t, 1, s.calls.Load())
	assert.Equal(t, "0000", k.shown("get", "/a/*", `{"criteria":{"n":{"$even":1,"$eq":0}}}`), "the other criteria first")
	assert.EqualValues(t, 2, s.calls.Load())
}

func TestQueriesOfOthersArePagedThrough(t *testing.T) {
	s := &searches{}
	p := searching(t, s)
	numbers(t, p, 1000)
	store(t, p, "/a/hidden/1", "/b/1")
	for i := range 1000 {
		s.hits = append(s.hits, pipeline.Hit{Path: fmt.Sprintf("/a/%04d", 999-i), Score: float64(1000 - i)})
	}
	s.hits = slices.Insert(s.hits, 1, pipeline.Hit{Path: "/a/hidden/1", Score: 1}, pipeline.Hit{Path: "/b/1", Score: 1},
		pipeline.Hit{Path: "/a/none", Score: 1}, pipeline.Hit{Path: "/a/0999", Score: 1})
	k := connect(t, p, false)
	for _, c := range []struct{ options, want string }{
		{`{"criteria":{"$search":{"list":{"q":1}}},"options":{"limit":3}}`, "0999:1000 0998:999 0997:998"},
		{`{"criteria":{"$search":{"list":{"q":1}}},"options":{"limit":2,"skip":997}}`, "0002:3 0001:2"},
		{`{"criteria":{"$search":{"list":{"q":1}},"m":3},"options":{"limit":2,"skip":98}}`, "0013:14 0003:4"},
		{`{"criteria":{"$search":{"list":{"q":1}},"m":3},"options":{"limit":-98}}`, "0993:994 0983:984"},
		{`{"criteria":{"$search":{"list":{"q":1}}},"sort":{"m":1,"n":1},"options":{"limit":2}}`, "0000:1 0010:11"},
		{`{"criteria":{"$search":{"list":{"q":1}},"n":{"$near":500}},"options":{"limit":2}}`, "0600:601 0599:600"},
		{`{"criteria":{"$search":{"list":{"q":1}}},"options":{"count":true}}`, `{"value":1000}`},
		{`{"criteria":{"$search":{"list":{"q":1}}},"aggregate":[{"$sort":{"data.n":1}},{"$limit":1},{"$project":{"data.n":1,"_id":0}}]}`, `{"value":[{"data":{"n":0}}]}`},
	} {
		assert.Equal(t, c.want, k.shown("get", "/a/*", c.options), c.options)
	}
	assert.JSONEq(t, `{"q":1}`, s.argument)
	assert.Contains(t, k.shown("get", "/a/0007", `{"criteria":{"$search":{"list":1}}}`), `"n":7} 8`)
	assert.LessOrEqual(t, slices.Max(s.limits), 1024)
}

func TestASearchShowsNothingThatItsCallerMayNotRead(t *testing.T) {
	s := &searches{hits: []pipeline.Hit{{Path: "/a/secret", Score: 9}, {Path: "/a/1", Score: 8}, {Path: "/_SYSTEM/x", Score: 7}, {Path: "/b/1", Score: 6}}}
	p := searching(t, s)
	store(t, p, "/a/1", "/a/secret", "/_SYSTEM/x", "/b/1", "/a/hidden/1")
	a, ctx := openAgent(t, p, pipeline.AgentOptions{Rights: onA()}), t.Context()
	for _, criteria := range []string{`{"$search":{"list":1}}`, `{"n":{"$near":1}}`, `{"n":{"$near":1}, "$search":{"list":1}}`} {
		options := []byte(`{"criteria":` + criteria + `}`)
		assert.Equal(t, []string{`/a/1{"n":0,"path":"/a/1"}`}, found(t, a, "/a/*", string(options)))
		n, err := a.Count(ctx, []byte("/a/*"), options)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		_, err = a.Get(ctx, []byte("/a/hidden/1"), options)
		require.ErrorIs(t, err, pipeline.ErrNotFound)
		item, err := a.Get(ctx, []byte("/a/1"), options)
		require.NoError(t, err)
		assert.Contains(t, string(item.AppendMeta(nil)), `,"score":`)
	}
	k := connect(t, p, false)
	assert.Equal(t, "secret:9 1:8 /b/1:6", k.shown("get", "*", `{"criteria":{"$search":{"list":1}}}`), "nothing of the host's own")
}

func TestSearchesOfOthersThatAreRefused(t *testing.T) {
	s := &searches{}
	p := searching(t, s)
	numbers(t, p, 10)
	k := connect(t, p, false)
	ask := func(action, criteria, more string) string {
		answer := k.ask(fmt.Sprintf(`{"action":%q,"eventId":5,"path":%q,"options":{"criteria":%s%s}}`,
			action, map[string]string{"on": "/ALL@/a/*"}[action]+map[bool]string{true: "/a/*"}[action != "on"], criteria, more))
		out, err := json.Marshal(answer)
		require.NoError(t, err)
		return string(out)
	}
	near := `{"n":{"$near":1}}`
	assert.Contains(t, ask("remove", near, ""), "$near is worked out by a plugin, which is asked for get and count only, not for remove")
	assert.Contains(t, ask("on", `{"$search":{"list":1}}`, ""), "$search is worked out by a plugin, which is asked for get and count only, not for on")
	assert.Contains(t, ask("get", `{"n":{"$near":1},"m":{"$fails":1}}`, ""), "not both $near and $fails")
	assert.Contains(t, ask("get", `{"n":{"$far":1}}`, ""), "unknown operator $far")
	assert.Contains(t, ask("get", near, `,"options":{"explain":true}`), "explain")
	assert.Contains(t, ask("get", near, `,"options":{"queryArchiveCollection":true}`), "archive")
	assert.Contains(t, ask("get", `{}`, `,"aggregate":[{"$match":{"n":{"$near":1}}}]`), "unknown operator $near")

	s.err = &pipeline.SearchError{Told: []byte(`{"name":"Mine","message":"told"}`)}
	assert.Contains(t, ask("get", `{"$search":{"list":1}}`, ""), `{"message":"told","name":"Mine"}`)
	assert.Contains(t, ask("count", `{"n":{"$fails":1}}`, ""), `{"message":"told","name":"Mine"}`)
	s.err = &pipeline.SearchError{Told: []byte(`in words`)}
	assert.Contains(t, ask("get", `{"n":{"$fails":1}}`, `,"aggregate":[]`), `"message":"in words"`)
	a := openAgent(t, p, pipeline.AgentOptions{Rights: grants{abi.ActionGet: {"/"}}})
	_, err := a.Count(t.Context(), []byte("/a/*"), []byte(`{"criteria":{"$search":{"list":1}}}`))
	require.ErrorIs(t, err, pipeline.ErrRejected)
	s.err = errors.New("other")
	assert.Contains(t, ask("get", `{"n":{"$fails":1}}`, ""), `other`)
	s.gone.Store(true)
	assert.Contains(t, ask("get", near, ""), "unknown operator $near")
}

func TestASearchOfOthersEnds(t *testing.T) {
	s := &searches{endless: true}
	now := time.Unix(0, 0)
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) {
		o.Searches, o.Now = s, func() time.Time { return now }
	})
	numbers(t, p, 10)
	k := connect(t, p, false)
	search := `{"action":"get","eventId":5,"path":"/a/*","options":{"criteria":{"$search":{"list":1}}}}`
	says := func() string { return fmt.Sprint(k.ask(search)) }
	assert.Contains(t, says(), "says that there is more, and gives nothing")
	s.hits = make([]pipeline.Hit, 200_000)
	for i := range s.hits {
		s.hits[i].Path = fmt.Sprint("/a/x", i)
	}
	assert.Contains(t, says(), "more than 100000 documents")
	s.parting = func() { now = now.Add(time.Second) }
	assert.Contains(t, says(), "takes longer than 10s")
}

func BenchmarkOperatorOfOthers(b *testing.B) {
	s := &searches{}
	p := searching(b, s)
	numbers(b, p, 10_000)
	a := p.OpenAgent(pipeline.AgentOptions{Rights: grants{abi.ActionGet: {"/"}}})
	defer a.Close()
	for name, options := range map[string]string{
		"none":     `{"criteria":{"n":{"$gte":4900,"$lte":5100}},"options":{"limit":10}}`,
		"ranked":   `{"criteria":{"n":{"$near":5000}},"options":{"limit":10}}`,
		"filtered": `{"criteria":{"n":{"$gte":4900,"$lte":5100,"$even":1}},"options":{"limit":10}}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				if err := a.Find(context.Background(), []byte("/a/*"), []byte(options), func(*pipeline.Item) bool { n++; return true }); err != nil || n != 10 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
