package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/protocol"
)

// grants are rights in a few lines: path prefixes by action, "!" before one
// takes it away again.
type grants map[abi.Action][]string

func (g grants) MayAsk(action abi.Action, pattern []byte) bool {
	may := false
	for _, prefix := range g[action] {
		if no, found := strings.CutPrefix(prefix, "!"); found && strings.HasPrefix(string(pattern), no) {
			return false
		}
		may = may || strings.HasPrefix(string(pattern), prefix)
	}
	return may
}

func (g grants) Picks(action abi.Action, _ []byte) bool {
	return strings.Contains(strings.Join(g[action], " "), "!")
}

// onA are rights to everything under /a/ but for /a/secret.
func onA() grants {
	some := []string{"/a/", "!/a/secret"}
	return grants{abi.ActionGet: some, abi.ActionSet: some, abi.ActionOn: some, abi.ActionRemove: some}
}

// inbox keeps what an agent or a link is handed.
type inbox struct {
	arrived chan abi.Record
	closed  chan string
}

func newInbox() *inbox {
	return &inbox{make(chan abi.Record, 10_000), make(chan string, 10)}
}

func (i *inbox) Record(rec *abi.Record) {
	copied := *rec
	for s := rec.Next(0); s != 0; s = rec.Next(s) {
		*copied.Section(s) = append([]byte{}, *rec.Section(s)...)
	}
	i.arrived <- copied
}

func (i *inbox) Close(reason string) { i.closed <- reason }

func (i *inbox) take(t testing.TB) abi.Record {
	t.Helper()
	select {
	case rec := <-i.arrived:
		return rec
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no record arrived")
		return abi.Record{}
	}
}

func (i *inbox) none(t testing.TB) {
	t.Helper()
	select {
	case rec := <-i.arrived:
		assert.Failf(t, "a record too many", "%s on %s: %s", rec.Kind, rec.Channel, rec.Data)
	default:
	}
}

func openAgent(t testing.TB, p *pipeline.Pipeline, o pipeline.AgentOptions) *pipeline.Agent {
	t.Helper()
	if o.Name == "" {
		o.Name = "plugin:test"
	}
	a := p.OpenAgent(o)
	t.Cleanup(a.Close)
	return a
}

// hosts are pipelines with and without access control.
func hosts(t *testing.T, f func(t *testing.T, p *pipeline.Pipeline)) {
	t.Run("without access control", func(t *testing.T) { f(t, newPipeline(t, memory.DurabilityNone)) })
	t.Run("with access control", func(t *testing.T) {
		p, _, _ := secured(t)
		f(t, p)
	})
}

// store writes documents past everybody.
func store(t testing.TB, p *pipeline.Pipeline, paths ...string) {
	t.Helper()
	for i, path := range paths {
		p.Store.Write(t.Context(), &datastore.Write{
			Op: datastore.Put, Path: []byte(path), Data: fmt.Appendf(nil, `{"n":%d,"path":%q}`, i, path), Now: int64(i + 1),
		}, ignored{})
	}
}

func found(t *testing.T, a *pipeline.Agent, pattern, options string) (all []string) {
	t.Helper()
	require.NoError(t, a.Find(t.Context(), []byte(pattern), []byte(options), func(i *pipeline.Item) bool {
		all = append(all, i.Path+string(i.Data))
		return true
	}))
	return all
}

func TestAnAgentReadsWhatItsRightsAllow(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		store(t, p, "/a/1", "/a/2", "/a/secret", "/b/1", "/_SYSTEM/x")
		a, ctx := openAgent(t, p, pipeline.AgentOptions{Rights: onA()}), t.Context()

		item, err := a.Get(ctx, []byte("/a/2"), nil)
		require.NoError(t, err)
		assert.Equal(t, `{"n":1,"path":"/a/2"}`, string(item.Data))
		assert.JSONEq(t, fmt.Sprintf(`{"path":"/a/2","created":%d,"modified":2}`, item.Document.Created), string(item.AppendMeta(nil)))
		item, err = a.Get(ctx, []byte("/a/2"), []byte(`{"fields":{"data.n":1}}`))
		require.NoError(t, err)
		assert.JSONEq(t, `{"n":1}`, string(item.Data))
		item, err = a.Get(ctx, []byte("/a/2"), []byte(`{"path_only":true}`))
		require.NoError(t, err)
		assert.Nil(t, item.Data)
		assert.JSONEq(t, `{"path":"/a/2"}`, string(item.AppendMeta(nil)))
		item, err = a.Get(ctx, []byte("/a/*"), []byte(`{"aggregate":[{"$group":{"_id":null,"sum":{"$sum":"$data.n"}}}]}`))
		require.NoError(t, err)
		assert.JSONEq(t, `{"value":[{"_id":null,"sum":1}]}`, string(item.Data))
		assert.Equal(t, "{}", string(item.AppendMeta(nil)))

		assert.Equal(t, []string{`/a/1{"n":0,"path":"/a/1"}`, `/a/2{"n":1,"path":"/a/2"}`}, found(t, a, "/a/*", ""))
		assert.Equal(t, []string{`/a/2{"n":1}`}, found(t, a, "/a/*", `{"criteria":{"n":{"$gt":0}},"fields":{"data.n":1}}`))
		assert.Equal(t, []string{`/a/2`, `/a/1`}, found(t, a, "/a/*", `{"sort":{"data.n":-1},"path_only":true,"options":{"limit":2}}`))
		n, err := a.Count(ctx, []byte("/a/*"), nil)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		calls := 0
		require.NoError(t, a.Find(ctx, []byte("/a/*"), nil, func(*pipeline.Item) bool { calls++; return false }))
		assert.Equal(t, 1, calls)
	})
}

// What the host keeps is given only by rights that name it, whatever they say
// about patterns.
func TestAnAgentHasTheHostsOwnDocumentsOnlyByName(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		store(t, p, "/_SYSTEM/x", "/_SYSTEM/y")
		careless := grants{abi.ActionGet: {"*", "/_SYSTEM/y"}, abi.ActionRemove: {"*"}}
		a := openAgent(t, p, pipeline.AgentOptions{Rights: careless})
		for _, got := range found(t, a, "*", `{"path_only":true}`) {
			assert.Equal(t, "/_SYSTEM/y", got)
		}
		_, err := a.Get(t.Context(), []byte("/_SYSTEM/x"), nil)
		require.ErrorIs(t, err, pipeline.ErrDenied)
		n, err := a.Remove(t.Context(), []byte("*"), nil)
		require.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestWhyAnAgentsCallFailsIsToldByKind(t *testing.T) {
	refusing := &hook{request: func(rec *abi.Record) abi.Verdict {
		switch string(rec.Path) {
		case "/a/rejected":
			rec.Error = []byte(`{"name":"No","message":"because"}`)
			return abi.VerdictReject
		case "/a/closed":
			rec.Error = []byte("out")
			return abi.VerdictClose
		case "/a/dropped":
			return abi.VerdictDrop
		}
		return abi.VerdictPass
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) {
		o.Layers, o.MaxPathBytes, o.MaxJSONDepth, o.MaxSubscriptions = refusing, 100, 16, 1
	})
	store(t, p, "/a/1", "/a/text")
	a, ctx := openAgent(t, p, pipeline.AgentOptions{Rights: onA(), Deliver: newInbox().Record}), t.Context()
	_, err := a.On("/ALL@/a/1", nil)
	require.NoError(t, err)
	set := func(path, data, options string) func() error {
		return func() error { return a.Set(ctx, []byte(path), []byte(data), []byte(options)) }
	}
	get := func(path, options string) func() error {
		return func() error { _, err := a.Get(ctx, []byte(path), []byte(options)); return err }
	}
	on := func(channel, options string) func() error {
		return func() error { _, err := a.On(channel, []byte(options)); return err }
	}
	remove := func(path, options string) func() error {
		return func() error { _, err := a.Remove(ctx, []byte(path), []byte(options)); return err }
	}
	find := func(path, options string) func() error {
		return func() error {
			return a.Find(ctx, []byte(path), []byte(options), func(*pipeline.Item) bool { return true })
		}
	}
	for _, c := range []struct {
		name string
		call func() error
		kind error
	}{
		{"set of another's", set("/b/1", "{}", ""), pipeline.ErrDenied},
		{"set of the host's", set("/_SYSTEM/x", "{}", ""), pipeline.ErrDenied},
		{"set of what is taken away", set("/a/secret", "{}", ""), pipeline.ErrDenied},
		{"set for somebody else", set("/a/1", "{}", `{"onBehalfOf":"bob"}`), pipeline.ErrDenied},
		{"bulk with another's", set("/a/", `[{"path":"/a/secret","data":{}}]`, `{"bulk":true}`), pipeline.ErrDenied},
		{"get of another's", get("/b/1", ""), pipeline.ErrDenied},
		{"find of another's", find("/*", ""), pipeline.ErrDenied},
		{"remove of another's", remove("/b/*", ""), pipeline.ErrDenied},
		{"on of another's", on("/ALL@/b/*", ""), pipeline.ErrDenied},
		{"lookup of another's", get("/a/*", `{"aggregate":[{"$lookup":{"from":"/b/*","as":"x","localField":"a","foreignField":"b"}}]}`), pipeline.ErrDenied},
		{"rejected", set("/a/rejected", "{}", ""), pipeline.ErrRejected},
		{"closed", set("/a/closed", "{}", ""), pipeline.ErrRejected},
		{"dropped", set("/a/dropped", "{}", ""), pipeline.ErrRejected},
		{"no path", set("", "{}", ""), pipeline.ErrInvalid},
		{"wildcard in set", set("/a/*", "{}", ""), pipeline.ErrInvalid},
		{"bad characters", set("/a/#", "{}", ""), pipeline.ErrInvalid},
		{"not UTF-8", set("/a/\xff", "{}", ""), pipeline.ErrInvalid},
		{"long path", set("/a/"+strings.Repeat("x", 100), "{}", ""), pipeline.ErrInvalid},
		{"data cut off", set("/a/1", `{"a":`, ""), pipeline.ErrInvalid},
		{"data and more", set("/a/1", `{},"_meta":{}`, ""), pipeline.ErrInvalid},
		{"data not UTF-8", set("/a/1", "\"\xff\"", ""), pipeline.ErrInvalid},
		{"deep data", set("/a/1", strings.Repeat("[", 17)+strings.Repeat("]", 17), ""), pipeline.ErrInvalid},
		{"options cut off", set("/a/1", "{}", `{"merge"`), pipeline.ErrInvalid},
		{"increment by text", set("/a/1", `"n"`, `{"increment":"x"}`), pipeline.ErrInvalid},
		{"tag of nothing", set("/a/none", ``, `{"tag":"t"}`), pipeline.ErrInvalid},
		{"write to an archive", set("/a/1", `{}`, `{"archiveId":1}`), pipeline.ErrInvalid},
		{"no path to get", get("", ""), pipeline.ErrInvalid},
		{"get not UTF-8", get("/a/\xff", ""), pipeline.ErrInvalid},
		{"get long path", get("/a/"+strings.Repeat("x", 100), ""), pipeline.ErrInvalid},
		{"get of many", get("/a/*", ""), pipeline.ErrInvalid},
		{"get options cut off", get("/a/1", "{"), pipeline.ErrInvalid},
		{"get bad criteria", get("/a/1", `{"criteria":{"$no":1}}`), pipeline.ErrInvalid},
		{"find bad sort", find("/a/*", `{"sort":5}`), pipeline.ErrInvalid},
		{"find a number", find("/a/*", `{"options":{"count":true}}`), pipeline.ErrInvalid},
		{"find an aggregation", find("/a/*", `{"aggregate":[]}`), pipeline.ErrInvalid},
		{"remove bad criteria", remove("/a/*", `{"criteria":{"$no":1}}`), pipeline.ErrInvalid},
		{"on a bad channel", on("/ALL@/a/#", ""), pipeline.ErrInvalid},
		{"on nothing", on("", ""), pipeline.ErrInvalid},
		{"on with values", on("/ALL@/a/*", `{"initialEmit":true}`), pipeline.ErrInvalid},
		{"on with bad criteria", on("/ALL@/a/*", `{"criteria":{"$no":1}}`), pipeline.ErrInvalid},
		{"on once more", on("/ALL@/a/*", ``), pipeline.ErrLimit},
		{"off of nothing", func() error { return a.Off("none") }, pipeline.ErrNotFound},
		{"get of nothing", get("/a/none", ""), pipeline.ErrNotFound},
		{"get of what does not match", get("/a/1", `{"criteria":{"n":9}}`), pipeline.ErrNotFound},
		{"insert over another", set("/a/1", "{}", `{"upsertType":2}`), pipeline.ErrCondition},
		{"update of nothing", set("/a/none", "{}", `{"upsertType":1}`), pipeline.ErrCondition},
		{"increment of text", set("/a/text", `"path"`, `{"increment":1}`), pipeline.ErrCondition},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.call()
			require.ErrorIs(t, err, c.kind)
			for _, other := range []error{
				pipeline.ErrDenied, pipeline.ErrRejected, pipeline.ErrInvalid, pipeline.ErrNotFound,
				pipeline.ErrCondition, pipeline.ErrStore, pipeline.ErrLimit, pipeline.ErrClosed,
			} {
				assert.Equal(t, other == c.kind, errorsIs(err, other), "%v", other)
			}
		})
	}
	var told *protocol.Error
	require.ErrorAs(t, set("/a/rejected", "{}", "")(), &told)
	assert.JSONEq(t, `{"name":"No","message":"because"}`, string(told.JSON()))
	require.ErrorIs(t, set("/a/none", "{}", `{"upsertType":1}`)(), datastore.ErrMissing)
	_, err = a.Get(ctx, []byte("/a/none"), nil)
	require.ErrorIs(t, err, pipeline.ErrNotFound, "nothing of all that was written")
	require.NoError(t, p.Store.Close())
	require.ErrorIs(t, set("/a/1", "{}", "")(), pipeline.ErrStore)
	require.ErrorIs(t, get("/a/1", "")(), datastore.ErrClosed)
	a.Close()
	require.ErrorIs(t, set("/a/1", "{}", "")(), pipeline.ErrClosed)
	require.ErrorIs(t, get("/a/1", "")(), pipeline.ErrClosed)
	require.ErrorIs(t, on("/ALL@/a/*", "")(), pipeline.ErrClosed)
}

func TestAnAgentWithoutRightsMayNothing(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		store(t, p, "/a/1")
		a := openAgent(t, p, pipeline.AgentOptions{})
		require.ErrorIs(t, a.Set(t.Context(), []byte("/a/1"), []byte("{}"), nil), pipeline.ErrDenied)
		_, err := a.Get(t.Context(), []byte("/a/1"), nil)
		require.ErrorIs(t, err, pipeline.ErrDenied)
		_, err = a.Count(t.Context(), []byte("/a/*"), nil)
		require.ErrorIs(t, err, pipeline.ErrDenied)
	})
}

// sub is a client that has subscribed to everything under /a/.
func subscribed(t *testing.T, p *pipeline.Pipeline) *talker {
	t.Helper()
	k := connect(t, p, false)
	if p.Access != nil {
		k = loggedIn(t, p, "bob")
	}
	requireStatus(t, "ok", k.ask(`{"action":"on","eventId":3,"path":"/ALL@/a/*"}`))
	return k
}

func TestWhatAnAgentWritesIsStoredAndPublishedInItsName(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		k, ctx := subscribed(t, p), t.Context()
		a := openAgent(t, p, pipeline.AgentOptions{Name: "plugin:fulltext", Rights: onA()})
		require.NoError(t, a.Set(ctx, []byte("/a/9"), []byte(` {"n":1, "big":12345678901234567890 } `), nil))
		doc, err := p.Store.Get(ctx, []byte("/a/9"))
		require.NoError(t, err)
		assert.Equal(t, `{"n":1, "big":12345678901234567890 }`, string(doc.Data))
		assert.Equal(t, "plugin:fulltext", doc.ModifiedBy)
		event := k.wire.take(t)
		assert.Equal(t, map[string]any{"username": "plugin:fulltext", "id": a.Session().ID}, field(event, "_meta", "eventOrigin"))
		assert.Equal(t, a.Session().ID+"-1", field(event, "_meta", "publicationId"))
		assert.Equal(t, "plugin:fulltext", field(event, "_meta", "modifiedBy"))

		require.NoError(t, a.Set(ctx, []byte("/a/9"), []byte(`{"m":2}`), []byte(`{"merge":true,"noPublish":true}`)))
		require.NoError(t, a.Set(ctx, []byte("/a/9"), []byte(`"count"`), []byte(`{"increment":2,"noPublish":true}`)))
		require.NoError(t, a.Set(ctx, []byte("/a/event"), []byte(`{"only":"published"}`), []byte(`{"noStore":true,"consistency":3,"meta":{"mine":1}}`)))
		event = k.wire.take(t)
		assert.Equal(t, "published", field(event, "data", "only"))
		assert.EqualValues(t, 1, field(event, "_meta", "mine"))
		doc, err = p.Store.Get(ctx, []byte("/a/event"))
		require.NoError(t, err)
		assert.Nil(t, doc)

		require.NoError(t, a.Set(ctx, []byte("/a/"), []byte(`[{"path":"/a/b1","data":{}},{"path":"/a/b2","data":{}}]`), []byte(`{"bulk":true}`)))
		k.wire.take(t)
		assert.Equal(t, "/a/b2", field(k.wire.take(t), "_meta", "path"))
		n, err := a.Remove(ctx, []byte("/a/b*"), nil)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, "/REMOVE@/a/b*", field(k.wire.take(t), "_meta", "action"))
		require.NoError(t, a.StartRemove(ctx, []byte("/a/9"), nil))
		assert.Equal(t, "/REMOVE@/a/9", field(k.wire.take(t), "_meta", "action"))
		k.wire.none(t)
	})
}

func TestAnAgentsWritesArePublishedInOrderWhetherItWaitsOrNot(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			p := newPipeline(t, durability)
			k := subscribed(t, p)
			a := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
			const n = 200
			for i := range n {
				data, options := fmt.Appendf(nil, `{"i":%d}`, i), []byte(nil)
				if i%3 == 0 {
					options = []byte(`{"noStore":true}`)
				}
				if i%20 == 0 {
					require.NoError(t, a.Set(t.Context(), []byte("/a/1"), data, options))
				} else {
					require.NoError(t, a.StartSet(t.Context(), []byte("/a/1"), data, options))
				}
				clear(data) // it was borrowed
			}
			for i := range n {
				require.EqualValues(t, i, field(k.wire.take(t), "data", "i"))
			}
		})
	}
}

func TestSubscriptionsOfAnAgentDeliverRecords(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		in := newInbox()
		a, ctx := openAgent(t, p, pipeline.AgentOptions{Rights: onA(), Deliver: in.Record}), t.Context()
		writer := openAgent(t, p, pipeline.AgentOptions{Name: "writer", Rights: grants{abi.ActionSet: {"/"}, abi.ActionRemove: {"/"}}})
		all, err := a.On("/ALL@/a/*", nil)
		require.NoError(t, err)
		_, err = a.On("/SET@/a/2", []byte(`{"criteria":{"n":{"$gt":5}}}`))
		require.NoError(t, err)

		data := `{"n":1, "text":"ü\"}{", "big":12345678901234567890}`
		require.NoError(t, writer.Set(ctx, []byte("/a/1"), []byte(data), nil))
		rec := in.take(t)
		assert.Equal(t, abi.KindPublication, rec.Kind)
		assert.Equal(t, abi.ActionSet, rec.Action)
		assert.Equal(t, []string{"/a/1", "/ALL@/a/*", data}, []string{string(rec.Path), string(rec.Channel), string(rec.Data)})
		var meta map[string]any
		require.NoError(t, json.Unmarshal(rec.Meta, &meta))
		assert.Equal(t, "/SET@/a/1", meta["action"])
		assert.Equal(t, "writer", meta["modifiedBy"])

		require.NoError(t, writer.Set(ctx, []byte("/a/2"), []byte(`{"n":9}`), nil))
		channels := []string{string(in.take(t).Channel), string(in.take(t).Channel)}
		assert.ElementsMatch(t, []string{"/ALL@/a/*", "/SET@/a/2"}, channels)
		_, err = writer.Remove(ctx, []byte("/a/1"), nil)
		require.NoError(t, err)
		rec = in.take(t)
		assert.Equal(t, abi.ActionRemove, rec.Action)
		assert.JSONEq(t, `{"removed":1}`, string(rec.Data))

		require.NoError(t, writer.Set(ctx, []byte("/a/secret"), []byte(`{}`), nil)) // of which it may not hear
		require.NoError(t, writer.Set(ctx, []byte("/a/3"), []byte(`{}`), nil))
		assert.Equal(t, "/a/3", string(in.take(t).Path))
		require.NoError(t, a.Off(all))
		require.ErrorIs(t, a.Off(all), pipeline.ErrNotFound)
		require.NoError(t, writer.Set(ctx, []byte("/a/3"), []byte(`{}`), nil))
		require.NoError(t, writer.Set(ctx, []byte("/a/2"), []byte(`{"n":7}`), nil))
		assert.Equal(t, "/SET@/a/2", string(in.take(t).Channel))
		in.none(t)
	})
}

// A publication of the host's own documents, which clients cannot cause without
// access control, is told only to whom its rights name them.
func TestPublicationsBelowSystemReachOnlyWhoMayHear(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	k.ask(`{"action":"on","eventId":3,"path":"/ALL@*"}`)
	hears, deaf := newInbox(), newInbox()
	listener := openAgent(t, p, pipeline.AgentOptions{Rights: grants{abi.ActionOn: {"*", "/_SYSTEM/"}}, Deliver: hears.Record})
	other := openAgent(t, p, pipeline.AgentOptions{Rights: grants{abi.ActionOn: {"*"}}, Deliver: deaf.Record})
	for _, a := range []*pipeline.Agent{listener, other} {
		_, err := a.On("/ALL@*", nil)
		require.NoError(t, err)
	}
	writer := openAgent(t, p, pipeline.AgentOptions{Rights: grants{abi.ActionSet: {"/"}}})
	require.NoError(t, writer.Set(t.Context(), []byte("/_SYSTEM/x"), []byte(`{}`), nil))
	assert.Equal(t, "/_SYSTEM/x", string(hears.take(t).Path))
	require.NoError(t, writer.Set(t.Context(), []byte("/seen"), []byte(`{}`), nil))
	assert.Equal(t, "/seen", field(k.wire.take(t), "_meta", "path"))
	deaf.none(t)
	listener.Close()
	other.Close()
	require.NoError(t, writer.Set(t.Context(), []byte("/_SYSTEM/x"), []byte(`{}`), nil))
	require.NoError(t, writer.Set(t.Context(), []byte("/seen"), []byte(`{}`), nil))
	assert.Equal(t, "/seen", field(k.wire.take(t), "_meta", "path"))
	hears.none(t)
}

func TestAnAgentAcknowledgesWhatItIsDelivered(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	in := newInbox()
	a := openAgent(t, p, pipeline.AgentOptions{Rights: onA(), Deliver: in.Record})
	_, err := a.On("/ALL@/a/*", nil)
	require.NoError(t, err)
	k := connect(t, p, false)
	k.ask(`{"action":"set","eventId":2,"path":"/a/1","data":1,"options":{"consistency":3}}`)
	ack := k.wire.take(t)
	assert.Equal(t, "ok", ack["status"])
	assert.EqualValues(t, 1, field(ack, "result", "acknowledged"))
	assert.Equal(t, "/a/1", string(in.take(t).Path))
}

func TestAnAgentIsSeenButNotCounted(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	a := p.OpenAgent(pipeline.AgentOptions{Name: "plugin:x"})
	assert.Zero(t, p.Sessions.Count())
	seen := p.Sessions.Get(a.Session().ID)
	require.NotNil(t, seen)
	assert.Equal(t, "plugin:x", seen.Origin.Endpoint)
	assert.Contains(t, string(seen.AppendRecord(nil, p.Server)), `"user":{"username":"plugin:x"}`)
	a.Close()
	a.Close()
	assert.Nil(t, p.Sessions.Get(a.Session().ID))
	assert.Zero(t, p.Sessions.Count())
	assert.Zero(t, p.Stats().Requests.Load())
}

func TestARaceOfAgentsAndClients(t *testing.T) {
	p := newPipeline(t, memory.DurabilityAsync)
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			in := newInbox()
			a := p.OpenAgent(pipeline.AgentOptions{Name: fmt.Sprint("plugin:", n), Rights: onA(), Deliver: in.Record})
			defer a.Close()
			for i := range 50 {
				id, err := a.On("/ALL@/a/*", nil)
				assert.NoError(t, err)
				assert.NoError(t, a.Set(context.Background(), fmt.Appendf(nil, "/a/%d", i%3), []byte(`{}`), nil))
				_, err = a.Get(context.Background(), fmt.Appendf(nil, "/a/%d", i%3), nil)
				assert.NoError(t, err)
				assert.NoError(t, a.Off(id))
			}
		})
	}
	wg.Wait()
}
