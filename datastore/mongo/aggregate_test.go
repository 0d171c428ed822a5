package mongo_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// asked is what a stand-in was asked, and what it answers to a pipeline.
type asked struct {
	log logged

	mu       sync.Mutex
	answer   bson.D
	millis   int64    // that the last pipeline may take
	commands []string // name and what matters of it
}

// told returns what was asked since the last time.
func (a *asked) told() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	commands := a.commands
	a.commands = nil
	return commands
}

func (a *asked) set(answer bson.D) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func last(commands []string) string { return commands[len(commands)-1] }

func (a *asked) reply(c *mongotest.Command) bson.Raw {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch c.Name {
	case "find":
		a.commands = append(a.commands, "find")
		return nothingFound()
	case "aggregate":
		a.millis, _ = c.Body.Lookup("maxTimeMS").AsInt64OK()
		text := c.Body.Lookup("pipeline").String()
		if by := c.Body.Lookup("collation"); !by.IsZero() {
			text += " by " + by.String()
		}
		a.commands = append(a.commands, strings.ReplaceAll(text, `"$numberInt"`, `"#"`))
		return mongotest.Reply(a.answer)
	}
	return nil
}

// results is the answer to a pipeline.
func results(docs ...bson.D) bson.D {
	batch := bson.A{}
	for _, doc := range docs {
		batch = append(batch, doc)
	}
	return bson.D{{Key: "ok", Value: 1.0},
		{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "happn.happn"}, {Key: "firstBatch", Value: batch}}}}
}

// asking opens a store on a stand-in.
func asking(t *testing.T, o mongo.Options) (*mongo.Store, *asked) {
	a := &asked{answer: results()}
	o.Logger = slog.New(slog.NewTextHandler(&a.log, nil))
	return standIn(t, o, mongotest.Options{Answer: a.reply}), a
}

// pipelined runs a pipeline as a client asks for it.
func pipelined(t *testing.T, store *mongo.Store, options string, only func(datastore.Filter) datastore.Filter) string {
	t.Helper()
	o, err := match.ParseOptions([]byte(options))
	require.NoError(t, err, options)
	p, err := aggregate.Compile(o.RawAggregate, o.By)
	require.NoError(t, err, options)
	q := datastore.Query{Pattern: []byte("/d/*")}
	if o.Filter != nil {
		q.Filter = o.Filter
	}
	if only != nil {
		q.Filter = only(q.Filter)
	}
	got, err := p.RunOn(context.Background(), store, &q, aggregate.Options{
		Lookup: func(context.Context, string, func(*datastore.Document) bool) error { return nil }})
	require.NoError(t, err, options)
	return string(got)
}

// whatIMaySee is a filter that only the host can judge.
type whatIMaySee struct{ datastore.Filter }

// Match implements datastore.Filter.
func (w whatIMaySee) Match(*datastore.Document) bool { return true }

// Source implements datastore.Filter.
func (w whatIMaySee) Source() []byte { return []byte("{}") }

// Native says that Source is not all.
func (w whatIMaySee) Native() bool { return false }

const onPath = `[{"$match": {"path": {"$gte": "/d/","$lt": "/d0"}}}`

func TestGroupsAreMadeByTheServerWhereTheyAreSurelyTheSame(t *testing.T) {
	const first, n = `,"first": {"$min": "$path"}`, `,"n": {"$sum": {"#":"1"}}`
	for _, c := range []struct{ options, want string }{
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$sum":"$data.n"}}},{"$sort":{"_id":1}}]}`,
			onPath + `,{"$group": {"_id": "$data.a","v0": {"$sum": "$data.n"}}}]`},
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$sum":"$data.n"}}}]}`,
			onPath + `,{"$group": {"_id": "$data.a","v0": {"$sum": "$data.n"}` + first + n + `}}]`},
		{`{"aggregate":[{"$sortByCount":"$data.a"}]}`,
			onPath + `,{"$group": {"_id": "$data.a","v0": {"$sum": {"#":"1"}}` + first + n + `}}]`},
		{`{"aggregate":[{"$group":{"_id":null,"x":{"$max":"$data.n"},"c":{"$count":{}}}}]}`,
			onPath + `,{"$group": {"_id": null,"v0": {"$max": "$data.n"},"v1": {"$sum": {"#":"1"}}` + n + `}}]`},
		{`{"aggregate":[{"$skip":1},{"$limit":2},{"$group":{"_id":{"a":"$data.a"}}},{"$count":"n"}]}`,
			onPath + `,{"$sort": {"path": {"#":"1"}}},{"$skip": {"$numberLong":"1"}},{"$limit": {"$numberLong":"2"}},{"$group": {"_id": {"a": "$data.a"}}}]`},
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$avg":"$data.n"}}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$push":"$data.n"}}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$sum":{"$add":["$data.n",1]}}}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$sum":0.1}}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$_id"}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a.b"}}]}`, "find"}, // which may be in arrays
		{`{"aggregate":[{"$group":{"_id":"$created"}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.value"}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$$ROOT"}}]}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a"}}],"collation":{"locale":"en"}}`, "find"},
		{`{"aggregate":[{"$group":{"_id":"$data.a"}}],"criteria":{"b":{"$regex":"x"}}}`, "find"},
		{`{"aggregate":[{"$project":{"data.a":1}}]}`, "find"},
	} {
		store, a := asking(t, mongo.Options{})
		pipelined(t, store, c.options, nil)
		require.Equal(t, []string{c.want}, a.told(), c.options)
		pipelined(t, store, c.options, func(f datastore.Filter) datastore.Filter { return whatIMaySee{f} })
		require.Equal(t, []string{"find"}, a.told(), "with permissions: %s", c.options)
	}
}

func TestGroupsThatMayBeOtherOnesAreMadeByTheHost(t *testing.T) {
	group := func(members ...bson.E) bson.D { return append(bson.D{{Key: "_id", Value: "x"}}, members...) }
	sum := func(v any) bson.E { return bson.E{Key: "v0", Value: v} }
	for _, c := range []struct {
		pipeline string
		answer   []bson.D
		want     string // "" is that the host does it
	}{
		{`[{"$group":{"_id":"$data.a","s":{"$sum":"$data.n"}}},{"$sort":{"_id":1}}]`, []bson.D{group(sum(int64(3)))}, `[{"_id":"x","s":3}]`},
		{`[{"$group":{"_id":"$data.a","s":{"$sum":"$data.n"}}},{"$sort":{"_id":1}}]`, []bson.D{group(sum(3.0))}, ""},
		{`[{"$group":{"_id":"$data.a","s":{"$sum":"$data.n"}}},{"$sort":{"_id":1}}]`, []bson.D{{{Key: "_id", Value: bson.A{1}}, sum(1)}}, ""},
		{`[{"$group":{"_id":"$data.a","s":{"$max":"$data.n"}}},{"$sort":{"_id":1}}]`, []bson.D{group(sum(bson.D{{Key: "a", Value: 1}}))}, ""},
		{`[{"$group":{"_id":"$data.a","s":{"$max":"$data.n"}}},{"$sort":{"_id":1}}]`, []bson.D{group(sum(2.5))}, `[{"_id":"x","s":2.5}]`},
		{`[{"$group":{"_id":null,"s":{"$sum":1},"t":{"$sum":1}}}]`,
			[]bson.D{group(sum(2), bson.E{Key: "v1", Value: 0}, bson.E{Key: "n", Value: 0})}, ""},
		{`[{"$group":{"_id":"$data.a","s":{"$sum":1}}}]`, []bson.D{ // in the order of their first paths, equal keys together
			{{Key: "_id", Value: "y"}, sum(1), {Key: "first", Value: "/d/2"}, {Key: "n", Value: 1}},
			{{Key: "_id", Value: "x"}, sum(2), {Key: "first", Value: "/d/3"}, {Key: "n", Value: 2}},
			{{Key: "_id", Value: bson.Symbol("x")}, sum(4), {Key: "first", Value: "/d/1"}, {Key: "n", Value: 4}},
		}, `[{"_id":"x","s":6},{"_id":"y","s":1}]`},
	} {
		store, a := asking(t, mongo.Options{})
		a.set(results(c.answer...))
		got := pipelined(t, store, `{"aggregate":`+c.pipeline+`}`, nil)
		if c.want == "" {
			require.Equal(t, "find", last(a.told()), "%s: %v", c.pipeline, c.answer)
			continue
		}
		require.Equal(t, c.want, got)
		require.Len(t, a.told(), 1)
	}
}

func TestAPipelineIsSentAsItCameIfTheServerDecides(t *testing.T) {
	const shown = `,{"$project": {"_id": {"#":"0"},"path": {"#":"1"},"data": {"#":"1"},"created": {"#":"1"},"modified": {"#":"1"},"modifiedBy": {"#":"1"}}}`
	const anyCase = `[{"$match": {"path": {"$regex": {"$regularExpression":{"pattern":"^/d/","options":"s"}}}}}`
	const fold = `{"locale": "en","strength": {"#":"2"}}`
	for _, c := range []struct{ options, want string }{
		{`{"aggregate":[{"$group":{"_id":"$data.a","s":{"$avg":"$data.n"}}}]}`,
			onPath + shown + `,{"$group": {"_id": "$data.a","s": {"$avg": "$data.n"}}}]`},
		{`{"aggregate":[{"$unwind":"$data.t"},{"$sort":{"data.t":-1}}],"criteria":{"n":1}}`,
			onPath + `,{"$match": {"data.n": {"$eq": {"#":"1"}}}}` + shown + `,{"$unwind": "$data.t"},{"$sort": {"data.t": {"#":"-1"}}}]`},
		{`{"aggregate":[{"$count":"n"}],"criteria":{"a":"x"},"collation":{"locale":"en","strength":2}}`,
			anyCase + `,{"$match": {"data.a": {"$eq": "x"}}}` + shown + `,{"$count": "n"}] by ` + fold},
		{`{"aggregate":[{"$unwind":"$data.t"}],"criteria":{"a":{"$regex":"x"}}}`, "find"},
		{`{"aggregate":[{"$lookup":{"from":"/e/*","as":"e","pipeline":[]}}]}`, "find"},
		{`{"aggregate":[{"$facet":{"a":[{"$lookup":{"from":"/e/*","as":"e","pipeline":[]}}]}}]}`, "find"},
	} {
		store, a := asking(t, mongo.Options{ServerDecides: true})
		a.set(results(bson.D{{Key: "a", Value: bson.D{{Key: "％b%2Ec", Value: 1.5}}}}, bson.D{{Key: "n", Value: int64(1)}}))
		got := pipelined(t, store, c.options, nil)
		require.Equal(t, []string{c.want}, a.told(), c.options)
		if c.want != "find" {
			require.Equal(t, `[{"a":{"b.c":1.5}},{"n":1}]`, got)
		}
		a.set(results())
		pipelined(t, store, c.options, func(f datastore.Filter) datastore.Filter { return whatIMaySee{f} })
		require.Equal(t, []string{"find"}, a.told(), "with permissions: %s", c.options)
	}
}

func TestWhatTheServerRefusesTheHostDoesAndTellsOnce(t *testing.T) {
	const pipeline = `{"aggregate":[{"$group":{"_id":null,"s":{"$sum":"$data.n"}}}]}`
	refusal := bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(238)}, {Key: "codeName", Value: "NotImplemented"}, {Key: "errmsg", Value: "no such stage"}}
	for _, whole := range []bool{false, true} {
		store, a := asking(t, mongo.Options{ServerDecides: whole})
		a.set(refusal)
		require.Equal(t, `[]`, pipelined(t, store, pipeline, nil))
		require.Equal(t, "find", last(a.told()))
		require.Equal(t, `[]`, pipelined(t, store, pipeline, nil))
		again := a.told()
		require.Equal(t, "find", last(again))
		asks := strings.Count(a.log.String(), "no such stage")
		if whole {
			require.Equal(t, 2, asks, "once of pipelines, once of $group: %s", a.log.String())
			continue
		}
		require.Equal(t, 1, asks, a.log.String())
		require.Len(t, again, 1, "it is not asked again")
	}
	store, a := asking(t, mongo.Options{})
	a.set(bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(13)}, {Key: "codeName", Value: "Unauthorized"}, {Key: "errmsg", Value: "not you"}})
	p, err := aggregate.Compile([]byte(`[{"$group":{"_id":null}}]`), nil)
	require.NoError(t, err)
	_, err = p.RunOn(context.Background(), store, &datastore.Query{Pattern: []byte("*")}, aggregate.Options{})
	require.ErrorContains(t, err, "does not permit")
}

func TestAWholePipelineHasBounds(t *testing.T) {
	store, a := asking(t, mongo.Options{ServerDecides: true, Timeout: 7 * time.Second})
	a.set(results(bson.D{{Key: "a", Value: strings.Repeat("x", 100)}}))
	p, err := aggregate.Compile([]byte(`[{"$unwind":"$data.t"}]`), nil)
	require.NoError(t, err)
	_, err = p.RunOn(context.Background(), store, &datastore.Query{Pattern: []byte("*")}, aggregate.Options{Limits: aggregate.Limits{Bytes: 50}})
	require.ErrorContains(t, err, "keeps more documents than one run may")
	a.mu.Lock()
	defer a.mu.Unlock()
	require.EqualValues(t, 7000, a.millis)
}
