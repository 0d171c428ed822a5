package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
)

// event publishes one thing and says whether the listener got it. What follows
// it on another channel shows that nothing is on its way any more.
func (k *talker) hears(writer *talker, request string) bool {
	k.t.Helper()
	k.ask(`{"action":"on","eventId":90,"path":"/ALL@/end"}`)
	writer.say(request)
	writer.say(`{"action":"set","eventId":91,"path":"/end","data":{}}`)
	first := field(k.wire.take(k.t), "_meta", "channel")
	if first != "/ALL@/end" {
		assert.Equal(k.t, "/ALL@/end", field(k.wire.take(k.t), "_meta", "channel"))
	}
	k.ask(`{"action":"off","eventId":92,"path":"/ALL@/end"}`)
	return first != "/ALL@/end"
}

func TestASubscriptionGetsWhatSatisfiesItsCriteria(t *testing.T) {
	set := func(data, options string) string {
		return fmt.Sprintf(`{"action":"set","eventId":5,"path":"/c/1","data":%s,"options":%s}`, data, options)
	}
	for _, c := range []struct {
		name, on, request string
		want              bool
	}{
		{"data that match", `{"criteria":{"n":{"$gt":3}}}`, set(`{"n":4}`, `{}`), true},
		{"data that do not", `{"criteria":{"n":{"$gt":3}}}`, set(`{"n":3}`, `{}`), false},
		{"empty criteria", `{"criteria":{}}`, set(`{"n":3}`, `{}`), true},
		{"null criteria", `{"criteria":null}`, set(`{"n":3}`, `{}`), true},
		{"the path", `{"criteria":{"_meta.path":"/c/1"}}`, set(`{}`, `{}`), true},
		{"another path", `{"criteria":{"path":{"$regex":"^/d"}}}`, set(`{}`, `{}`), false},
		{"times of what is stored", `{"criteria":{"_meta.created":{"$gt":0}}}`, set(`{}`, `{}`), true},
		{"times of what is not stored", `{"criteria":{"_meta.created":{"$gt":0}}}`, set(`{}`, `{"noStore":true}`), false},
		{"what is not stored", `{"criteria":{"n":1}}`, set(`{"n":1}`, `{"noStore":true}`), true},
		{"a wrapped value", `{"criteria":{"value":"x"}}`, set(`"x"`, `{}`), true},
		{"a merge, by what is stored", `{"criteria":{"n":0}}`, set(`{"m":1}`, `{"merge":true}`), true},
		{"a merge subscription, by what is stored", `{"merge":true,"criteria":{"n":0}}`, set(`{"m":1}`, `{"merge":true}`), true},
		{"an increment, by its value", `{"criteria":{"gauge":"g","value":2}}`, set(`"g"`, `{"increment":2}`), true},
		{"a remove, by the number removed", `{"criteria":{"removed":1}}`, `{"action":"remove","eventId":5,"path":"/c/1"}`, true},
		{"a remove, by what is gone", `{"criteria":{"n":0}}`, `{"action":"remove","eventId":5,"path":"/c/1"}`, false},
		{"texts as a language has them", `{"criteria":{"s":"a"},"collation":{"locale":"en","strength":2}}`, set(`{"s":"A"}`, `{}`), true},
		{"options that a search has", `{"criteria":{"n":1},"fields":{"m":1},"options":{"limit":1}}`, set(`{"n":1}`, `{}`), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPipeline(t, memory.DurabilityNone)
			listener, writer := connect(t, p, false), connect(t, p, false)
			writer.ask(`{"action":"set","eventId":4,"path":"/c/1","data":{"n":0}}`)
			answer := listener.ask(`{"action":"on","eventId":3,"path":"/ALL@/c/*","options":` + c.on + `}`)
			require.Equal(t, "ok", field(answer, "_meta", "status"), answer)
			assert.Equal(t, c.want, listener.hears(writer, c.request))
		})
	}
}

func TestCriteriaAndDepthAreJudgedTogether(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	listener, writer := connect(t, p, false), connect(t, p, false)
	listener.ask(`{"action":"on","eventId":3,"path":"/ALL@/d/**","options":{"depth":1,"criteria":{"n":1}}}`)
	listener.ask(`{"action":"on","eventId":4,"path":"/ALL@/d/**","options":{"depth":3,"criteria":{"n":2}}}`)
	for _, c := range []struct {
		path string
		n    int
		want any
	}{{"/d/1", 1, 1.0}, {"/d/1/2", 1, nil}, {"/d/1", 2, 3.0}, {"/d/1/2/3", 2, 3.0}, {"/d/1/2/3/4", 2, nil}, {"/d/1", 3, nil}} {
		writer.say(fmt.Sprintf(`{"action":"set","eventId":5,"path":%q,"data":{"n":%d}}`, c.path, c.n))
		if c.want == nil {
			listener.wire.none(t)
			continue
		}
		assert.Equal(t, c.want, field(listener.wire.take(t), "_meta", "depth"), "%s %d", c.path, c.n)
	}
}

func TestCriteriaThatAreRefused(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for _, c := range []struct{ criteria, about string }{
		{`{"n":{"$bogus":1}}`, "$bogus"},
		{`5`, "criteria"},
		{`{"n":"` + strings.Repeat("x", 20_000) + `"}`, "16384"},
	} {
		answer := k.ask(`{"action":"on","eventId":3,"path":"/ALL@/c/*","options":{"criteria":` + c.criteria + `}}`)
		assert.Equal(t, "error", field(answer, "_meta", "status"))
		assert.Contains(t, field(answer, "_meta", "error", "message"), c.about)
	}
	assert.Zero(t, p.Publisher.Tree.Count())
}

func TestOffEndsCriteria(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	a, b := connect(t, p, false), connect(t, p, false)
	const on = `{"action":"on","eventId":3,"path":"/ALL@/c/*","options":{"criteria":{"n":1}}}`
	a.ask(on)
	a.ask(on)
	b.ask(on)
	b.ask(strings.Replace(on, `"n":1`, `"n":2`, 1))
	assert.Equal(t, 2, p.Publisher.Tree.Criteria())
	b.ask(strings.Replace(on, `"n":1}`, `"n":1},"collation":{"locale":"en"}`, 1))
	assert.Equal(t, 3, p.Publisher.Tree.Criteria(), "a collation makes other criteria of the same text")
	a.ask(`{"action":"off","eventId":4,"path":"/ALL@/c/*"}`)
	assert.Equal(t, 3, p.Publisher.Tree.Criteria())
	b.peer.Closed(nil)
	assert.Zero(t, p.Publisher.Tree.Criteria())
}

func TestInitialValuesFollowCriteriaAndOptions(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for i, path := range []string{"/i/a", "/i/a/b", "/i/a/b/c", "/i/d", "/j/a/b", "/k/e"} {
		k.ask(fmt.Sprintf(`{"action":"set","eventId":3,"path":%q,"data":{"n":%d,"even":%t}}`, path, i, i%2 == 0))
	}
	for _, c := range []struct {
		channel, options string
		want             []any
	}{
		{"/i/*", `{}`, []any{0.0, 1.0, 2.0, 3.0}},
		{"/i/*", `{"criteria":{"even":true}}`, []any{0.0, 2.0}},
		{"/i/*", `{"criteria":{"n":{"$gt":0}},"sort":{"n":-1},"options":{"limit":2}}`, []any{3.0, 2.0}},
		{"/i/*", `{"sort":{"n":-1},"options":{"skip":1,"limit":2}}`, []any{2.0, 1.0}},
		{"/i/*", `{"criteria":{"n":9}}`, nil},
		{"/i/**", `{"depth":1}`, []any{0.0, 3.0}},
		{"/i/**", `{"depth":2}`, []any{0.0, 1.0, 3.0}},
		{"/i/**", `{"depth":2,"options":{"limit":2},"sort":{"n":-1}}`, []any{3.0, 1.0}},
		{"/*/a/**", `{"depth":1}`, []any{1.0, 4.0}},
		{"**", `{"depth":2,"criteria":{"n":{"$exists":true}}}`, []any{0.0, 3.0, 5.0}},
	} {
		for _, how := range []string{"initialCallback", "initialEmit"} {
			options := strings.Replace(c.options, "{", fmt.Sprintf(`{%q:true,`, how), 1)
			options = strings.Replace(options, ",}", "}", 1)
			answer := k.ask(fmt.Sprintf(`{"action":"on","eventId":3,"path":"/ALL@%s","options":%s}`, c.channel, options))
			require.Equal(t, "ok", field(answer, "_meta", "status"), options)
			var got []any
			for _, item := range answer["data"].([]any) {
				got = append(got, field(item.(map[string]any), "n"))
			}
			assert.Equal(t, c.want, got, "%s %s", c.channel, options)
			k.ask(`{"action":"off","eventId":4,"path":"*"}`)
		}
	}
}

func TestInitialValuesShowTheSelectedFieldsOnly(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	k.ask(`{"action":"set","eventId":3,"path":"/i/a","data":{"n":1,"m":2}}`)
	answer := k.ask(`{"action":"on","eventId":3,"path":"/ALL@/i/*","options":{"initialCallback":true,"fields":{"m":1}}}`)
	assert.Equal(t, []any{map[string]any{"m": 2.0, "_meta": map[string]any{"path": "/i/a"}}}, answer["data"])
}

func TestRecipientsMayLeaveOutSubscribers(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	out, in, writer := connect(t, p, false), connect(t, p, false), connect(t, p, false)
	var seen []pipeline.Delivery
	p.Recipients = func(d *pipeline.Delivery) bool {
		seen = append(seen, *d)
		return d.To != out.peer.Session()
	}
	for _, k := range []*talker{out, in} {
		k.ask(`{"action":"on","eventId":3,"path":"/ALL@/r/*"}`)
	}
	answer := writer.ask(`{"action":"set","eventId":5,"path":"/r/1","data":{"n":1},"options":{"publishResults":true}}`)
	assert.EqualValues(t, 1, field(answer, "_meta", "publishResults", "queued"))
	assert.EqualValues(t, 1, field(in.wire.take(t), "data", "n"))
	out.wire.none(t)
	require.Len(t, seen, 2)
	assert.Equal(t, writer.peer.Session(), seen[0].From)
	assert.Equal(t, abi.ActionSet, seen[0].Action)
	assert.Equal(t, "/ALL@/r/*", seen[0].Channel)
	// Nobody waits for the acknowledgement of one who was left out.
	writer.ask(`{"action":"set","eventId":6,"path":"/r/1","data":{"n":2},"options":{"consistency":3}}`)
	id := field(in.wire.take(t), "_meta", "publicationId")
	in.ask(fmt.Sprintf(`{"action":"ack","eventId":7,"data":%q}`, id))
	assert.Equal(t, "ok", writer.wire.take(t)["status"])
}

// hanging is a store whose searches end only when their context does.
type hanging struct {
	datastore.Store
	began chan struct{}
}

func (h *hanging) Find(ctx context.Context, _ *datastore.Query, _ func(*datastore.Document) bool) error {
	close(h.began)
	<-ctx.Done()
	return ctx.Err()
}

func TestASearchEndsWhenItsClientHasGone(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	h := &hanging{Store: p.Store, began: make(chan struct{})}
	p.Store = h
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.say(`{"action":"get","eventId":3,"path":"/x/*"}`)
	}()
	<-h.began
	k.peer.Gone()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the search goes on")
	}
}
