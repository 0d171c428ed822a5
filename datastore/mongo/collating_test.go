package mongo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
	"github.com/happn-host/happn-host/internal/collation"
)

// collating is a stand-in that has documents and collations: it carries out what
// the commands say, and nothing else.
type collating struct {
	docs []*datastore.Document

	mu      sync.Mutex
	used    int                   // commands with a collation
	rest    []*datastore.Document // of the last search, after its first batch
	further func()                // unless nil, called before that is sent
}

// collatedCommand is what of a command says which documents are wanted.
type collatedCommand struct {
	Filter    json.RawMessage
	Sort      json.RawMessage
	Skip      int
	Limit     int
	Collation json.RawMessage
	Pipeline  []struct {
		Match json.RawMessage `json:"$match"`
		Skip  int             `json:"$skip"`
		Limit int             `json:"$limit"`
	}
}

func (s *collating) reply(c *mongotest.Command) bson.Raw {
	switch c.Name {
	case "find":
		return s.batch("firstBatch", s.selected(c.Body))
	case "getMore":
		s.mu.Lock()
		rest, further := s.rest, s.further
		s.mu.Unlock()
		if further != nil {
			further()
		}
		return s.batch("nextBatch", rest)
	case "aggregate":
		if n := len(s.selected(c.Body)); n > 0 {
			return mongotest.Reply(results(bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: n}}))
		}
		return mongotest.Reply(results())
	}
	return nil
}

// batch is a few of the documents.
func (s *collating) batch(name string, docs []*datastore.Document) bson.Raw {
	const size = 3
	s.mu.Lock()
	defer s.mu.Unlock()
	n, id := len(docs), int64(0)
	if n > size {
		n, id = size, 1
	}
	batch := bson.A{}
	for _, doc := range docs[:n] {
		var data bson.Raw
		if err := bson.UnmarshalExtJSON(doc.Data, false, &data); err != nil {
			panic(err)
		}
		batch = append(batch, bson.D{{Key: "path", Value: doc.Path}, {Key: "data", Value: data}})
	}
	s.rest = docs[n:]
	return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0},
		{Key: "cursor", Value: bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "happn.happn"}, {Key: name, Value: batch}}}})
}

// selected are the documents that a find, or the counting aggregation, is about.
func (s *collating) selected(body bson.Raw) []*datastore.Document {
	text, err := bson.MarshalExtJSON(body, false, false)
	var c collatedCommand
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		panic(err)
	}
	for _, stage := range c.Pipeline {
		if stage.Match != nil {
			c.Filter = stage.Match
		}
		c.Skip, c.Limit = max(c.Skip, stage.Skip), max(c.Limit, stage.Limit)
	}
	s.mu.Lock()
	s.used++
	s.mu.Unlock()
	return c.find(s.docs)
}

// find panics at a command without a collation, or with another condition for the
// path than an expression.
func (c *collatedCommand) find(docs []*datastore.Document) []*datastore.Document {
	by, err := collation.Compile(c.Collation)
	must(err)
	path, rest := c.split()
	filter, err := match.CompileFilterBy(rest, by)
	must(err)
	var found []*datastore.Document
	for _, doc := range docs {
		if path.MatchString(doc.Path) && filter.Match(doc) {
			found = append(found, doc)
		}
	}
	if c.Sort != nil {
		order, err := match.CompileOrderBy([]byte(strings.Replace(string(c.Sort), `,"_id":1`, "", 1)), by)
		must(err)
		slices.SortStableFunc(found, order.Compare)
	}
	found = found[min(c.Skip, len(found)):]
	if c.Limit > 0 {
		found = found[:min(c.Limit, len(found))]
	}
	return found
}

// split returns the condition for the path and the other criteria.
func (c *collatedCommand) split() (path *regexp.Regexp, rest []byte) {
	var parts struct {
		Path json.RawMessage   `json:"path"`
		And  []json.RawMessage `json:"$and"`
	}
	must(json.Unmarshal(c.Filter, &parts))
	rest = []byte("{}")
	if parts.Path == nil {
		rest = parts.And[1]
		must(json.Unmarshal(parts.And[0], &parts))
	}
	var one struct {
		Regex struct {
			Expression struct{ Pattern, Options string } `json:"$regularExpression"`
		} `json:"$regex"`
	}
	must(json.Unmarshal(parts.Path, &one))
	return regexp.MustCompile("(?" + one.Regex.Expression.Options + ")" + one.Regex.Expression.Pattern), rest
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// collatable are documents whose texts collations tell apart or do not. The paths
// below /d come in one order by bytes and by collations.
func collatable(random *rand.Rand) []*datastore.Document {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	var docs []*datastore.Document
	for i := range 60 {
		data := fmt.Sprintf(`{"n":%d,"a":%s,"b":%q}`, random.IntN(4), pick(`"x"`, `"X"`, `"é"`, `"e"`, `"E"`, `"y"`, `1`, `null`, `["x","Y"]`), pick("p", "P", "q"))
		path := fmt.Sprintf("/%s/%02d/%s", pick("d", "d", "D"), i, pick("e", "E"))
		docs = append(docs, &datastore.Document{Path: path, Data: []byte(data), Created: 1, Modified: 2})
	}
	return docs
}

// collatedOptions are those of a random search.
func collatedOptions(random *rand.Rand) string {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	text := func() string { return pick(`"x"`, `"E"`, `"é"`, `"P"`, `"Q"`, `1`) }
	field := func() string { return pick("a", "b") }
	test := func() string {
		return fmt.Sprintf("{%q:%s}", field(), pick(text(), `{"$gt":`+text()+`}`, `{"$in":[`+text()+`,`+text()+`]}`, `{"$ne":`+text()+`}`, `{"$lte":`+text()+`,"$gte":"e"}`))
	}
	options := `{"criteria":` + pick(test(), test(), `{"$or":[`+test()+`,`+test()+`]}`, `{"$nor":[`+test()+`]}`, `{"$and":[`+test()+`,{"n":{"$gt":0}}]}`)
	options += pick("", `,"sort":{"a":1}`, `,"sort":{"b":-1,"a":1}`, `,"sort":{"_meta.path":-1}`, `,"sort":{"n":1}`)
	options += pick("", "", `,"options":{"skip":2,"limit":5}`, `,"options":{"limit":4}`, `,"options":{"limit":-3}`)
	return options + `,"collation":` + pick(`{"locale":"en"}`, `{"locale":"en","strength":2}`, `{"locale":"fr","strength":1}`) + `}`
}

// seeded is a source of numbers; the log of a failed test says which.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the seed is %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// searchedAlike searches both stores for random things, and fails the test unless
// they find the same.
func searchedAlike(t *testing.T, random *rand.Rand, rounds int, want, got datastore.Store) {
	t.Helper()
	for range rounds {
		pattern, options := []string{"/d/*", "/d/*", "/d/*/e", "/d/*5/*", "/d/07/e"}[random.IntN(5)], collatedOptions(random)
		what := pattern + " " + options
		require.Equal(t, found(t, want, queried(t, pattern, options)), found(t, got, queried(t, pattern, options)), what)
		require.Equal(t, counted(t, want, queried(t, pattern, options)), counted(t, got, queried(t, pattern, options)), what)
	}
}

// The commands say all that there is to say: who carries out these alone finds what
// the embedded store finds.
func TestASearchByTheServersCollationFindsWhatTheHostDoes(t *testing.T) {
	random := seeded(t)
	docs := collatable(random)
	embedded, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	defer func() { require.NoError(t, embedded.Close()) }()
	require.NoError(t, embedded.Import(context.Background(), docs))
	s := &collating{docs: docs}
	const rounds = 300
	searchedAlike(t, random, rounds, embedded, standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply}))
	require.Equal(t, 2*rounds, s.used)
}

// FerretDB has no collations, so it is the host that searches there.
func TestAServerThatComparesTextsFindsWhatTheHostDoes(t *testing.T) {
	random := seeded(t)
	_, o := collection(t)
	exact := open(t, o)
	o.ServerDecides = true
	store := open(t, o)
	defer func() {
		require.NoError(t, exact.Close())
		require.NoError(t, store.Close())
	}()
	require.NoError(t, store.Import(context.Background(), collatable(random)))
	searchedAlike(t, random, 25, exact, store)
}

// Paths come in the order of the collation, in which Ü is not after all that is
// ASCII, and x is x. None is taken for one that has come before.
func TestPathsInTheOrderOfACollationAllCome(t *testing.T) {
	var docs []*datastore.Document
	for _, path := range []string{"/d/Z", "/d/a", "/d/A", "/d/ü", "/d/v", "/d/z"} {
		docs = append(docs, &datastore.Document{Path: path, Data: []byte(`{"a":"x"}`)})
	}
	s := &collating{docs: docs}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	got := found(t, store, queried(t, "/d/*", `{"criteria":{"a":"X"},"collation":{"locale":"en","strength":2}}`))
	require.Equal(t, []string{"/d/a", "/d/A", "/d/ü", "/d/v", "/d/Z", "/d/z"}, got)
}

func TestWhatIsFoundByTheServersCollationComesAsItIsSent(t *testing.T) {
	came := make(chan string, 10)
	s := &collating{docs: collatable(seeded(t))}
	s.further = func() { // asked for the rest after what was sent has come
		for range 3 {
			<-came
		}
	}
	store := standIn(t, mongo.Options{ServerDecides: true}, mongotest.Options{Answer: s.reply})
	n := 0
	err := store.Find(t.Context(), queried(t, "/*", `{"sort":{"a":1},"collation":{"locale":"en"}}`), func(doc *datastore.Document) bool {
		came <- doc.Path
		n++
		return true
	})
	require.NoError(t, err)
	require.Equal(t, 60, n)
}
