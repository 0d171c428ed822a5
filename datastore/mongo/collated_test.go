package mongo_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// searches are those that a stand-in is asked for.
type searches struct {
	mu     sync.Mutex
	said   []string
	answer bson.D // to those with a collation; nil is that there is nothing
}

// reply notes what says how a search goes.
func (s *searches) reply(c *mongotest.Command) bson.Raw {
	if c.Name != "find" && c.Name != "aggregate" {
		return nil
	}
	said := bson.D{{Key: c.Name, Value: 1}}
	for _, name := range []string{"filter", "sort", "skip", "limit", "projection", "pipeline", "collation"} {
		if value := c.Body.Lookup(name); !value.IsZero() && !(name == "skip" && value.AsInt64() == 0) {
			said = append(said, bson.E{Key: name, Value: value})
		}
	}
	text, err := bson.MarshalExtJSON(said, false, false)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, string(text))
	if s.answer != nil && said[len(said)-1].Key == "collation" {
		return mongotest.Reply(s.answer)
	}
	return nothingFound()
}

// told returns what was asked since the last time.
func (s *searches) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said
	s.said = nil
	return said
}

// queried is a query as a client asks for it.
func queried(t testing.TB, pattern, options string) *datastore.Query {
	t.Helper()
	o, err := match.ParseOptions([]byte(options))
	require.NoError(t, err, options)
	q := &datastore.Query{Pattern: []byte(pattern), Skip: o.Skip, Limit: o.Limit}
	if o.Filter != nil {
		q.Filter = o.Filter
	}
	if o.Order != nil {
		q.Order = o.Order
	}
	if o.Fields != nil {
		q.Members, _ = o.Fields.Members()
	}
	return q
}

func found(t testing.TB, store datastore.Store, q *datastore.Query) []string {
	t.Helper()
	paths := []string{}
	require.NoError(t, store.Find(context.Background(), q, func(doc *datastore.Document) bool {
		paths = append(paths, doc.Path)
		return true
	}))
	return paths
}

func counted(t testing.TB, store datastore.Store, q *datastore.Query) int {
	t.Helper()
	n, err := store.Count(context.Background(), q)
	require.NoError(t, err)
	return n
}

const (
	pathRange = `{"path":{"$gte":"/d/","$lt":"/d0"}}`
	anyMember = `,"projection":{"_id":0}`
	memberN   = `,"projection":{"_id":0,"path":1,"created":1,"modified":1,"modifiedBy":1,"_tag":1,"data.n":1}`
	oneByOne  = `{"$group":{"_id":1,"n":{"$sum":1}}}`
)

func TestWithoutACollationTheServerSortsAndPagesInEitherMode(t *testing.T) {
	s := &searches{}
	stand := mongotest.Options{Answer: s.reply}
	for _, store := range []*mongo.Store{standIn(t, mongo.Options{}, stand), standIn(t, mongo.Options{ServerDecides: true}, stand)} {
		for options, want := range map[string]string{
			`{}`:                               `"filter":` + pathRange + `,"sort":{"path":1}` + anyMember,
			`{"sort":{"n":-1,"a":1}}`:          `"filter":` + pathRange + `,"sort":{"data.n":-1,"data.a":1,"path":1}` + anyMember,
			`{"sort":{"_meta.path":-1,"a":1}}`: `"filter":` + pathRange + `,"sort":{"path":-1}` + anyMember,
			`{"options":{"skip":3,"limit":5}}`: `"filter":` + pathRange + `,"sort":{"path":1},"skip":3,"limit":5` + anyMember,
			`{"criteria":{"n":{"$gt":1,"$lte":"x"}},"sort":{"n":1},"fields":{"n":1},"options":{"limit":5}}`: `"filter":{"$and":[` + pathRange +
				`,{"data.n":{"$gt":1,"$lte":"x"}}]},"sort":{"data.n":1,"path":1},"limit":5` + memberN,
		} {
			found(t, store, queried(t, "/d/*", options))
			require.Equal(t, []string{`{"find":1,` + want + `}`}, s.told(), options)
		}
		counted(t, store, queried(t, "/d/*", `{"criteria":{"n":1},"options":{"skip":3,"limit":5}}`))
		require.Equal(t, []string{`{"aggregate":1,"pipeline":[{"$match":{"$and":[` + pathRange + `,{"data.n":{"$eq":1}}]}},{"$limit":8},` + oneByOne + `]}`}, s.told())
	}
}

func TestASearchIsSentWithItsCollationIfTheServerDecides(t *testing.T) {
	s := &searches{}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	exact := standIn(t, mongo.Options{}, mongotest.Options{Answer: s.reply})
	const asked = `"collation":{"locale":"en","strength":2}`
	path := func(pattern string) string {
		return `{"path":{"$regex":{"$regularExpression":{"pattern":"` + pattern + `","options":"s"}}}}`
	}
	below := path("^/d/")
	and := func(one, other string) string { return `{"$and":[` + one + `,` + other + `]}` }
	for _, c := range []struct{ pattern, options, filter, rest, limit string }{
		{"/d/*", `{"criteria":{"a":"x"}}`, and(below, `{"data.a":{"$eq":"x"}}`), `"sort":{"path":1,"_id":1}` + anyMember, ""},
		{"/d/*/e", `{"criteria":{"a":{"$gte":"x","$lt":"y"}}}`,
			and(path(`^/d/.*/e\\z`), `{"data.a":{"$gte":"x","$lt":"y"}}`), `"sort":{"path":1,"_id":1}` + anyMember, ""},
		{"/d/(1).x", `{"criteria":{"n":2}}`, and(path(`^/d/\\(1\\)\\.x\\z`), `{"data.n":{"$eq":2}}`), `"sort":{"path":1,"_id":1}` + anyMember, ""},
		{"/d/*", `{"criteria":{"a":"x"},"sort":{"a":-1},"fields":{"n":1},"options":{"skip":2,"limit":7}}`,
			and(below, `{"data.a":{"$eq":"x"}}`), `"sort":{"data.a":-1,"path":1,"_id":1},"skip":2,"limit":7` + memberN, `{"$limit":9},`},
		{"/d/*", `{"criteria":{"a":{"$ne":"x"}},"sort":{"_meta.path":-1,"a":1}}`,
			and(below, `{"data.a":{"$ne":"x"}}`), `"sort":{"path":-1,"data.a":1,"_id":1}` + anyMember, ""},
		{"/d/*", `{"criteria":{"$or":[{"a":{"$in":["x",1]}},{"a":"y"}],"$nor":[{"a":"z"}]},"sort":{"_meta.created":1}}`,
			and(below, and(`{"$or":[{"data.a":{"$in":["x",1]}},{"data.a":{"$eq":"y"}}]}`, `{"$nor":[{"data.a":{"$eq":"z"}}]}`)),
			`"sort":{"created":1,"path":1,"_id":1}` + anyMember, ""},
	} {
		options := strings.TrimSuffix(c.options, "}") + `,"collation":{"locale":"en","strength":2}}`
		found(t, store, queried(t, c.pattern, options))
		require.Equal(t, []string{`{"find":1,"filter":` + c.filter + `,` + c.rest + `,` + asked + `}`}, s.told(), options)
		counted(t, store, queried(t, c.pattern, options))
		require.Equal(t, []string{`{"aggregate":1,"pipeline":[{"$match":` + c.filter + `},` + c.limit + oneByOne + `],` + asked + `}`}, s.told(), options)

		permitted := queried(t, c.pattern, options)
		permitted.Filter = whatIMaySee{permitted.Filter}
		found(t, store, permitted)
		found(t, exact, queried(t, c.pattern, options))
		removed := make(answer, 1)
		store.Remove(t.Context(), queried(t, c.pattern, options), removed)
		require.NoError(t, removed.await(t).err)
		for _, said := range s.told() {
			require.NotContains(t, said, "collation", options)
		}
	}
}

func TestASearchIsSentWithoutItsCollationIfTheHostHasAPartInIt(t *testing.T) {
	s := &searches{}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	for _, options := range []string{
		`{"sort":{"_meta.created":1}}`, // on which it has no bearing
		`{"criteria":{"a":{"$regex":"x"}}}`,
		`{"criteria":{"a":["x"]}}`,
		`{"sort":{"a.0":1}}`,
	} {
		options := strings.TrimSuffix(options, "}") + `,"collation":{"locale":"en","strength":2}}`
		found(t, store, queried(t, "/d/*", options))
		require.NotContains(t, s.told()[0], "collation", options)
	}
}

// What the driver would not send of a collation, or says otherwise, is no part of it.
func TestOfACollationEverythingIsSentOrTheHostCompares(t *testing.T) {
	s := &searches{}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	for collation, want := range map[string]string{
		`{"locale":"fr","backwards":true,"normalization":true,"numericOrdering":true}`:                                 `{"locale":"fr","numericOrdering":true,"normalization":true,"backwards":true}`,
		`{"locale":"en","strength":3,"caseLevel":false,"alternate":"shifted","maxVariable":"punct","caseFirst":"off"}`: `{"locale":"en","caseFirst":"off","strength":3,"alternate":"shifted","maxVariable":"punct"}`,
		`{"locale":"fr_CA","backwards":false}`:                                                                         "",
		`{"locale":"vi","normalization":false}`:                                                                        "",
		`{"locale":"en","version":"57.1"}`:                                                                             "",
		`{"locale":"simple"}`:                                                                                          "",
	} {
		found(t, store, queried(t, "/d/*", `{"criteria":{"a":"x"},"collation":`+collation+`}`))
		_, got, _ := strings.Cut(s.told()[0], `"collation":`)
		require.Equal(t, want, strings.TrimSuffix(got, "}"), collation)
	}
}

func TestACollationThatTheServerDoesNotHaveIsTheHosts(t *testing.T) {
	refusal := func(code int32, text string) bson.D {
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "errmsg", Value: text}}
	}
	const options = `{"criteria":{"a":"x"},"collation":{"locale":"en"}}`
	for _, c := range []struct {
		code  int32
		asked int // with the collation, of three searches
	}{{238, 1}, {115, 1}, {2, 3}} {
		s, log := &searches{answer: refusal(c.code, "no such thing here")}, &logged{}
		store := standIn(t, mongo.Options{ServerDecides: true, Logger: slog.New(slog.NewTextHandler(log, nil))}, mongotest.Options{Answer: s.reply})
		require.Zero(t, counted(t, store, queried(t, "/d/*", options)))
		require.Empty(t, found(t, store, queried(t, "/d/*", options)))
		explained := explain(t, store, *queried(t, "/d/*", options))
		require.Equal(t, "host", explained.Matched)
		said := s.told()
		require.Len(t, said, c.asked+3, "each is answered")
		require.Equal(t, c.asked, strings.Count(strings.Join(said, "\n"), `"collation"`))
		require.Equal(t, 1, strings.Count(log.String(), "no such thing here"), log.String())
	}
	s := &searches{answer: refusal(13, "not you")}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	_, err := store.Count(t.Context(), queried(t, "/d/*", options))
	require.ErrorContains(t, err, "does not permit")
	err = store.Find(t.Context(), queried(t, "/d/*", options), func(*datastore.Document) bool { return true })
	require.ErrorContains(t, err, "does not permit")
	require.Len(t, s.told(), 2)
}
