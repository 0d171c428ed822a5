package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

// bulkWrite is a request for a bulk write; options are further members.
func bulkWrite(eventID int, path, documents, options string) string {
	return fmt.Sprintf(`{"action":"set","eventId":%d,"path":%q,"data":%s,"options":{"bulk":true%s}}`, eventID, path, documents, options)
}

// stored returns the data of a document, nil if there is none.
func stored(k *talker, path string) any {
	return k.ask(`{"action":"get","eventId":99,"path":"` + path + `"}`)["data"]
}

func TestABulkWriteStoresAndPublishesEachDocument(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilitySync} {
		p := newPipeline(t, durability)
		listener, writer := connect(t, p, false), connect(t, p, false)
		listener.ask(`{"action":"on","eventId":2,"path":"/SET@/b/*"}`)
		answer := writer.ask(bulkWrite(7, "/b", `[{"path":"/b/2","data":{"n":2,"_meta":{"x":1}}},{"data":"text","path":"\/b/1"},{"path":"/b/2","data":{"n":3}}]`, ``))
		assert.Equal(t, map[string]any{"written": 3.0}, answer["data"])
		assert.Equal(t, "/b", pathOf(answer))
		assert.Equal(t, true, field(answer, "_meta", "published"))
		ids := map[any]bool{}
		for _, want := range []struct {
			path string
			data map[string]any
		}{
			{"/b/2", map[string]any{"n": 2.0}}, {"/b/1", map[string]any{"value": "text"}}, {"/b/2", map[string]any{"n": 3.0}},
		} {
			publication := listener.wire.take(t)
			assert.Equal(t, want.data, publication["data"])
			assert.Equal(t, want.path, pathOf(publication))
			assert.Equal(t, "/SET@"+want.path, field(publication, "_meta", "action"))
			assert.NotZero(t, field(publication, "_meta", "modified"))
			ids[field(publication, "_meta", "publicationId")] = true
		}
		listener.wire.none(t)
		assert.Len(t, ids, 3, "each publication has an id of its own")
		assert.Equal(t, map[string]any{"n": 3.0}, stored(writer, "/b/2"))
		assert.Equal(t, map[string]any{"value": "text"}, stored(writer, "/b/1"))
	}
}

func TestOptionsOfABulkWrite(t *testing.T) {
	const two = `[{"path":"/b/old","data":{"m":1}},{"path":"/b/new","data":{"m":2}}]`
	const old = `[{"path":"/b/old","data":{"m":1}}]`
	const fresh = `[{"path":"/b/new","data":{"m":2}}]`
	for _, c := range []struct {
		name, documents, options string
		published                int
		fails                    string
		old                      map[string]any
	}{
		{"upsert", two, ``, 2, "", map[string]any{"m": 1.0}},
		{"merge", two, `,"merge":true`, 2, "", map[string]any{"n": 1.0, "m": 1.0}},
		{"update", old, `,"upsertType":1`, 1, "", map[string]any{"m": 1.0}},
		{"update of one that is missing", two, `,"upsertType":1`, 0, "nothing was written: /b/new", map[string]any{"n": 1.0}},
		{"insert", fresh, `,"upsertType":2`, 1, "", map[string]any{"n": 1.0}},
		{"insert of one that exists", `[{"path":"/b/new","data":{}},{"path":"/b/old","data":{}}]`, `,"upsertType":2`, 0, "nothing was written: /b/old", map[string]any{"n": 1.0}},
		{"noPublish", two, `,"noPublish":true`, 0, "", map[string]any{"m": 1.0}},
		{"happn-3's bulk type", two, `,"upsertType":3`, 0, "", map[string]any{"m": 1.0}},
		{"targetClients", two, `,"targetClients":[]`, 0, "", map[string]any{"m": 1.0}},
		{"none at all", `[]`, ``, 0, "", map[string]any{"n": 1.0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPipeline(t, memory.DurabilitySync)
			listener, writer := connect(t, p, false), connect(t, p, false)
			writer.ask(`{"action":"set","eventId":2,"path":"/b/old","data":{"n":1}}`)
			listener.ask(`{"action":"on","eventId":2,"path":"/ALL@/b/*"}`)
			answer := writer.ask(bulkWrite(3, "/b", c.documents, c.options))
			if c.fails != "" {
				assert.Contains(t, field(answer, "_meta", "error", "message"), c.fails)
				assert.Nil(t, stored(writer, "/b/new"), "all or none")
			} else {
				assert.EqualValues(t, strings.Count(c.documents, "path"), field(answer, "data", "written"))
			}
			assert.Equal(t, c.old, stored(writer, "/b/old"))
			for range c.published {
				listener.wire.take(t)
			}
			listener.wire.none(t)
		})
	}
}

func TestBulkWritesThatAreRefused(t *testing.T) {
	one := func(path string) string { return `[{"path":"/b/1","data":{}},{"path":` + path + `,"data":{}}]` }
	for _, c := range []struct{ path, documents, options, want string }{
		{"/b", `{"path":"/b/1","data":{}}`, ``, "needs an array"},
		{"/b", `null`, ``, "needs an array"},
		{"/b", `[{"path":"/b/1","data":{}},7]`, ``, "document 2 of the bulk write: it must be an object"},
		{"/b", `[{"path":"/b/1","data":{}},{"path":"/b/2"}]`, ``, "document 2 of the bulk write: it has no data"},
		{"/b", `[{"path":"/b/1","data":{},"dat":1}]`, ``, `unknown member "dat"`},
		{"/b", `[{"data":{}}]`, ``, "document 1 of the bulk write: Bad path [undefined], must be a string"},
		{"/b", one(`7`), ``, "document 2 of the bulk write: Bad path [7], must be a string"},
		{"/b", one(`"/b/*"`), ``, "cannot contain the * wildcard"},
		{"/b", one(`"/b/#"`), ``, "can only contain characters"},
		{"/", one(`""`), ``, "can only contain characters"},
		{"/b", one(`"/b/` + strings.Repeat("x", 60) + `"`), ``, "63 bytes long: at most 60 are allowed"},
		{"/b", one(`"/c/1"`), ``, "path /c/1 does not lie below /b"},
		{"/b", one(`"/bc/1"`), ``, "does not lie below"},
		{"/b", one(`"/b"`), ``, "does not lie below"},
		{"/b", one(`"/b/"`), ``, "does not lie below"},
		{"/b/", one(`"/b/"`), ``, "does not lie below"},
		{"/b/*", one(`"/b/2"`), ``, "cannot contain the * wildcard"},
		{"/", one(`"/_SYSTEM/x"`), ``, "document 2 of the bulk write: unauthorized"},
		{"/_SYSTEM", `[]`, ``, "unauthorized"},
		{"/b", `[{"path":"/b/1","data":1},{"path":"/b/2","data":1},{"path":"/b/3","data":1},{"path":"/b/4","data":1}]`, ``, "a bulk write of 4 documents: at most 3 are allowed"},
		{"/b", one(`"/b/2"`), `,"noStore":true`, "cannot have the option noStore"},
		{"/b", one(`"/b/2"`), `,"increment":1`, "cannot have the option increment"},
		{"/b", one(`"/b/2"`), `,"tag":"x"`, "cannot have the option tag"},
		{"/b", one(`"/b/2"`), `,"set_type":"sibling"`, "cannot have the option set_type"},
		{"/b", one(`"/b/2"`), `,"archiveId":1`, "an archive can be read"},
	} {
		p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.MaxBulk, o.MaxPathBytes = 3, 60 })
		k := connect(t, p, false)
		k.ask(`{"action":"on","eventId":2,"path":"/ALL@*"}`)
		answer := k.ask(bulkWrite(3, c.path, c.documents, c.options))
		assert.Contains(t, field(answer, "_meta", "error", "message"), c.want, c.documents)
		assert.EqualValues(t, 0, field(k.ask(`{"action":"count","eventId":4,"path":"*"}`), "data", "value"), c.documents)
		k.wire.none(t)
	}
}

func TestWhatLiesBelowTheRequestOfABulkWrite(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for base, path := range map[string]string{"/": "no/slash", "/b/": "/b/x", "/b": "/b/x/y", "b": "b/x"} {
		answer := k.ask(bulkWrite(3, base, `[{"path":"`+path+`","data":1}]`, ``))
		assert.EqualValues(t, 1, field(answer, "data", "written"), base)
		assert.Equal(t, map[string]any{"value": 1.0}, stored(k, path))
	}
}

// An array with upsertType 3 is what it is in happn-3: one document.
func TestOnlyTheOptionMakesABulkWrite(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	k.ask(`{"action":"set","eventId":3,"path":"/b","data":[{"path":"/b/1","data":1}],"options":{"upsertType":3,"bulk":false}}`)
	assert.Nil(t, stored(k, "/b/1"))
	assert.Equal(t, map[string]any{"value": []any{map[string]any{"path": "/b/1", "data": 1.0}}}, stored(k, "/b"))
}

// A bulk write takes its turn between the other writes of its connection.
func TestBulkWritesAreAnsweredAndPublishedInOrder(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilityAsync, memory.DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			p := newPipeline(t, durability)
			listener, writer := connect(t, p, false), connect(t, p, false)
			listener.ask(`{"action":"on","eventId":2,"path":"/SET@/o/*"}`)
			const n = 100
			for i := range n {
				switch at := 10 + 3*i; i % 4 {
				case 0:
					writer.say(fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/o/%d","data":{"i":%d}}`, at, i%7, 3*i))
				case 1, 3:
					writer.say(bulkWrite(at, "/o", fmt.Sprintf(`[{"path":"/o/1","data":{"i":%d}},{"path":"/o/%d","data":{"i":%d}}]`, 3*i, i%7, 3*i+1), ``))
				default:
					writer.say(bulkWrite(at, "/o", `[{"path":"/o/1","data":1},{"path":"/o/none","data":1}]`, `,"upsertType":1`))
				}
			}
			for i := range n {
				answer := writer.wire.take(t)
				assert.EqualValues(t, 10+3*i, field(answer, "_meta", "eventId"))
				if i%4 == 2 {
					requireStatus(t, "error", answer)
					continue
				}
				assert.EqualValues(t, 3*i, field(listener.wire.take(t), "data", "i"))
				if i%2 == 1 {
					assert.EqualValues(t, 3*i+1, field(listener.wire.take(t), "data", "i"))
				}
			}
		})
	}
}

func TestABulkWriteNeedsPermissionForEachPath(t *testing.T) {
	p, g, admin := secured(t)
	g.set(map[string][]string{
		"admin get": {"/"}, "admin set": {"/"}, "admin on": {"/"},
		"bob set": {"/a/", "!/a/secret"}, "bob on": {"/a/", "!/a/hidden"},
	})
	bob := loggedIn(t, p, "bob")
	bob.ask(`{"action":"on","eventId":2,"path":"/SET@/a/*"}`)
	const mine = `{"path":"/a/1","data":{"by":"bob"}}`
	for _, c := range []struct{ base, documents, want string }{
		{"/a/", `[` + mine + `,{"path":"/a/secret","data":{"by":"bob"}}]`, "document 2 of the bulk write: unauthorized"},
		{"/a", `[` + mine + `]`, "unauthorized"}, // bob may not set /a
		{"/", `[` + mine + `]`, "unauthorized"},
	} {
		answer := bob.ask(bulkWrite(3, c.base, c.documents, ``))
		assert.Equal(t, c.want, field(answer, "_meta", "error", "message"))
		assert.Equal(t, "AccessDenied", field(answer, "_meta", "error", "name"))
		assert.EqualValues(t, 403, field(answer, "_meta", "error", "code"))
		assert.Equal(t, map[string]any{"p": "/a/1"}, stored(admin, "/a/1"))
	}

	requireStatus(t, "ok", admin.ask(bulkWrite(4, "/a/", `[`+mine+`,{"path":"/a/hidden","data":{}},{"path":"/a/3","data":{}}]`, ``)))
	assert.Equal(t, "/a/1", pathOf(bob.wire.take(t)))
	assert.Equal(t, "/a/3", pathOf(bob.wire.take(t)), "what bob may not hear of is left out")
	bob.wire.none(t)
	assert.Equal(t, "admin", field(admin.ask(`{"action":"get","eventId":5,"path":"/a/3"}`), "_meta", "modifiedBy"))

	requireStatus(t, "error", admin.ask(bulkWrite(6, "/a/", `[{"path":"/a/secret","data":{}}]`, `,"onBehalfOf":"bob"`)))
	requireStatus(t, "ok", admin.ask(bulkWrite(7, "/a/", `[`+mine+`]`, `,"onBehalfOf":"bob"`)))
	assert.Equal(t, "bob", field(bob.wire.take(t), "_meta", "modifiedBy"))
}

func TestTheOutcomeOfABulkWriteIsTheSumOfItsPublications(t *testing.T) {
	const two = `[{"path":"/b/1","data":{}},{"path":"/b/2","data":{}}]`
	p := newPipeline(t, memory.DurabilityNone)
	listener, writer := connect(t, p, false), connect(t, p, false)
	listener.ask(`{"action":"on","eventId":2,"path":"/SET@/b/*"}`)

	answer := writer.ask(bulkWrite(3, "/b", two, `,"publishResults":true`))
	assert.EqualValues(t, 2, field(answer, "_meta", "publishResults", "queued"))
	listener.wire.take(t)
	listener.wire.take(t)

	id := writer.peer.Session().ID
	for _, c := range []struct {
		documents string
		sum       int
	}{{two, 2}, {`[]`, 0}} {
		answer = writer.ask(bulkWrite(4, "/b", c.documents, `,"consistency":3`))
		requireStatus(t, "ok", answer)
		var ids []any
		for range c.sum {
			ids = append(ids, field(listener.wire.take(t), "_meta", "publicationId"))
		}
		for _, id := range ids {
			writer.wire.none(t)
			listener.ask(fmt.Sprintf(`{"action":"ack","eventId":5,"data":%q}`, id))
		}
		outcome := writer.wire.take(t)
		assert.Equal(t, id+"-4", outcome["id"])
		assert.Equal(t, "ok", outcome["status"])
		assert.EqualValues(t, c.sum, field(outcome, "result", "acknowledged"))
		assert.EqualValues(t, c.sum, field(outcome, "result", "queued"))
	}
	assert.Zero(t, p.Acks.Waiting())

	answer = writer.ask(bulkWrite(6, "/b", two, `,"consistency":1`))
	requireStatus(t, "ok", answer)
	assert.EqualValues(t, 2, field(writer.wire.take(t), "result", "successful"))
}

// single is a store without batches.
type single struct{ datastore.Store }

func TestAStoreWithoutBatchesRefusesBulkWrites(t *testing.T) {
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Store = single{o.Store} })
	k := connect(t, p, false)
	answer := k.ask(bulkWrite(3, "/b", `[{"path":"/b/1","data":{}}]`, ``))
	assert.Equal(t, "SystemError", field(answer, "_meta", "error", "name"))
	assert.Contains(t, field(answer, "_meta", "error", "message"), "cannot write several documents as one")
	doc, err := p.Store.Get(context.Background(), []byte("/b/1"))
	require.NoError(t, err)
	assert.Nil(t, doc)
}

func BenchmarkBulk(b *testing.B) {
	p := newPipeline(b, memory.DurabilityNone)
	peer := p.Open(&drain{}, session.Origin{}, false)
	defer peer.Closed(nil)
	var documents []string
	for i := range 1000 {
		documents = append(documents, fmt.Sprintf(`{"path":"/b/%d","data":%s}`, i, benchDocument()))
	}
	text := []byte(bulkWrite(3, "/b", "["+strings.Join(documents, ",")+"]", ``))
	b.ReportAllocs()
	for b.Loop() {
		_ = peer.Frame(text)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/document")
}
