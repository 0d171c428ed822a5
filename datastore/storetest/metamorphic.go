package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// Metamorphic carries out one random history of writes, removals and searches
// on all the stores, which must be empty and keep the same documents unique,
// and requires the same answers of all. It does not close them. Stores with
// indexes on data.region, data.age, data.list and created, in whatever
// combination and direction, have them used.
func Metamorphic(t *testing.T, stores map[string]datastore.Store, traits ...Trait) {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the history's seed is %d", seed)
		}
	})
	m := &metamorphic{T: t, random: rand.New(rand.NewPCG(seed, 1)), stores: stores, traits: traits, names: slices.Sorted(maps.Keys(stores))}
	for range 10 * (&subject{traits: traits}).rounds() {
		m.now++
		m.step()
	}
}

type metamorphic struct {
	*testing.T
	random *rand.Rand
	stores map[string]datastore.Store
	traits []Trait
	names  []string
	now    int64
}

func (m *metamorphic) pick(texts ...string) string { return texts[m.random.IntN(len(texts))] }

func (m *metamorphic) path() string {
	return "/" + m.pick("users", "users", "users", "other") + "/" + m.pick("a", "b") + "/" + fmt.Sprint(m.random.IntN(60))
}

func (m *metamorphic) pattern() string {
	return m.pick("*", "/users/*", "/users/*", "/users/*", "/users/*", "/users/a/*", "/users/*/1*", "/other/*", "*/7", m.path())
}

// step does one thing to all.
func (m *metamorphic) step() {
	switch n := m.random.IntN(20); {
	case n < 8:
		w := m.write()
		m.same("writing "+string(w.Path)+string(w.Data), func(s *subject) any { return answer(s.write(w)) })
	case n < 9 && m.random.IntN(3) == 0:
		m.archive()
	case n < 9:
		var writes []datastore.Write
		for range 1 + m.random.IntN(5) {
			writes = append(writes, m.write())
		}
		m.same("writing a batch", func(s *subject) any { return m.batch(s, writes) })
	case n < 10:
		q := datastore.Query{Pattern: []byte(m.pattern()), Filter: m.filter()}
		if m.random.IntN(4) > 0 && q.Pattern[len(q.Pattern)-1] == '*' {
			q.Pattern = []byte(m.path())
		}
		m.same("removing "+string(q.Pattern), func(s *subject) any { return s.remove(q) })
	case n < 11:
		m.pipeline()
	default:
		m.search()
	}
}

// pipeline runs a pipeline of which a store may do a part.
func (m *metamorphic) pipeline() {
	field := m.pick("data.region", "data.age", "data.list", "created")
	stages := m.pick(`{"$match":%[1]s}`, `{"$match":%[1]s},{"$sort":{%[2]q:1}},{"$limit":7}`, `{"$sort":{%[2]q:-1}},{"$skip":2},{"$limit":4}`)
	last := m.pick(`{"$count":"n"}`, `{"$project":{%[2]q:1}}`, `{"$group":{"_id":"$%[2]s","n":{"$sum":"$data.age"}}}`, `{"$limit":5}`,
		`{"$group":{"_id":"$%[2]s","n":{"$sum":"$data.age"}}},{"$sort":{"_id":-1}}`, `{"$group":{"_id":null,"n":{"$sum":"$%[2]s"}}}`,
		`{"$group":{"_id":"$%[2]s","n":{"$sum":2}}},{"$sort":{"n":1,"_id":1}}`, `{"$group":{"_id":"$%[2]s"}},{"$count":"n"}`,
		`{"$group":{"_id":{"a":"$%[2]s","b":"$data.age"},"n":{"$count":{}}}},{"$sort":{"_id":1}}`, `{"$sortByCount":"$data.list.a"}`,
		`{"$group":{"_id":"$%[2]s","n":{"$min":"$data.age"},"m":{"$max":"$data.list"}}}`)
	value := m.pick("2", `"eu"`, `{"$gt":2}`, `{"$lte":"us"}`, "null", `{"$in":[2,"us",null]}`)
	text := fmt.Sprintf("["+stages+","+last+"]%.0[1]s%.0[2]s", fmt.Sprintf(`{%q:%s}`, field, value), field)
	q := datastore.Query{Pattern: []byte(m.pattern()), Filter: m.filter()}
	m.same("running "+text+" on "+string(q.Pattern), func(s *subject) any { return canonical(s.run(text, "", q)) })
}

// answer is what can be compared of an answer.
func answer(got outcome) any {
	for _, known := range []error{datastore.ErrExists, datastore.ErrMissing, datastore.ErrNotANumber, datastore.ErrDuplicate} {
		if errors.Is(got.err, known) {
			return known
		}
	}
	return got
}

// batch carries out the writes as a batch, or one by one where there are none.
func (m *metamorphic) batch(s *subject, writes []datastore.Write) any {
	if _, ok := s.store.(datastore.Batcher); !ok {
		var docs []*datastore.Document
		for _, w := range writes {
			docs = append(docs, s.must(w))
		}
		return docs
	}
	got := s.writeAll(writes...)
	require.NoError(s, got.err)
	return got.docs
}

// archive moves documents into an archive and searches it. Of a store that makes
// none they are removed, and searched before.
func (m *metamorphic) archive() {
	q := datastore.Query{Pattern: []byte(m.pattern()), Filter: m.filter()}
	within := datastore.Query{Pattern: q.Pattern, Filter: m.filter(), Order: m.order(), Skip: m.random.IntN(3), Limit: m.random.IntN(9) - 4}
	both := within
	both.Filter = conjunction{q.Filter, within.Filter}
	m.same("archiving "+string(q.Pattern), func(s *subject) any {
		if _, ok := archiverOf(s.store); !ok {
			docs := append([]*datastore.Document{}, s.find(both)...)
			s.remove(q)
			return docs
		}
		_, r := s.archive(q)
		return s.read(r, within)
	})
}

// conjunction is several filters, nil ones left out.
type conjunction []datastore.Filter

// Match implements datastore.Filter.
func (c conjunction) Match(doc *datastore.Document) bool {
	for _, f := range c {
		if f != nil && !f.Match(doc) {
			return false
		}
	}
	return true
}

// Source implements datastore.Filter.
func (c conjunction) Source() []byte { return []byte("{}") }

func (m *metamorphic) write() datastore.Write {
	var data []string
	add := func(name, value string) {
		if m.random.IntN(6) > 0 {
			data = append(data, fmt.Sprintf("%q:%s", name, value))
		}
	}
	add("region", m.pick(`"eu"`, `"us"`, `"asia"`, `"EU"`, `"\u00e9u"`, `""`, `null`))
	add("age", m.pick("1", "2", "2.0", "3", "10", "-1", "1e1", `"2"`, "true", fmt.Sprint(m.random.IntN(50))))
	if m.random.IntN(3) == 0 && m.now > 1000 { // arrays switch some of the planner off: late
		nested := `["x",[1]]`
		if slices.Contains(m.traits, NoNestedArrays) {
			nested = `["x",1]`
		}
		add("list", m.pick("[]", "[0,5]", "[1,2]", "[3]", "5", "null", nested, `[{"a":1},{"a":2}]`))
		if m.random.IntN(20) == 0 {
			add("region", m.pick(`["eu","us"]`, `"`+strings.Repeat("long", 300)+`"`))
		}
	}
	w := put(m.path(), "{"+strings.Join(data, ",")+"}", m.now%97)
	if m.random.IntN(3) == 0 {
		w.Op = datastore.Merge
	}
	return w
}

func (m *metamorphic) filter() datastore.Filter {
	if m.random.IntN(8) == 0 {
		return nil
	}
	var parts []string
	for range 1 + m.random.IntN(2) {
		field, value := "region", m.pick(`"eu"`, `"us"`, `null`, `"nowhere"`)
		if m.random.IntN(2) == 0 {
			field, value = m.pick("age", "age", "list", "created"), m.pick("2", "10", "3", `"x"`, "null", `"2"`, "true", "5")
		}
		parts = append(parts, m.pick(
			`{%[1]q:%[2]s}`, `{%[1]q:%[2]s}`, `{%[1]q:%[2]s}`, `{%[1]q:{"$gt":%[2]s}}`, `{%[1]q:{"$lte":%[2]s}}`,
			`{%[1]q:{"$gte":1,"$lt":%[2]s}}`, `{%[1]q:{"$in":[%[2]s,2,null,"us"]}}`, `{%[1]q:{"$ne":%[2]s}}`, `{%[1]q:{"$exists":true}}`, `{"list.a":%[2]s}`,
		))
		parts[len(parts)-1] = strings.TrimSuffix(fmt.Sprintf(parts[len(parts)-1]+"%[1]s%[2]s", field, value), field+value)
	}
	criteria := parts[0]
	if len(parts) > 1 {
		criteria = `{"` + m.pick("$and", "$and", "$and", "$or") + `":[` + strings.Join(parts, ",") + `]}`
	}
	if m.random.IntN(4) == 0 {
		o, err := match.ParseOptions(fmt.Appendf(nil, `{"criteria":%s,"collation":{"locale":"en","strength":%d}}`, criteria, 1+m.random.IntN(3)))
		require.NoError(m, err, criteria)
		return o.Filter
	}
	f, err := match.CompileFilter([]byte(criteria))
	require.NoError(m, err, criteria)
	return f
}

func (m *metamorphic) search() {
	q := datastore.Query{Pattern: []byte(m.pattern()), Filter: m.filter()}
	q.Order = m.order()
	if m.random.IntN(2) == 0 {
		q.Skip, q.Limit = m.random.IntN(8)-2, m.random.IntN(20)-6
	}
	what := fmt.Sprintf("searching %s, skip %d, limit %d", q.Pattern, q.Skip, q.Limit)
	if q.Filter != nil {
		what += ", criteria " + string(q.Filter.Source())
	}
	if q.Order != nil {
		what += ", sort " + string(q.Order.Source())
	}
	m.same(what, func(s *subject) any {
		s.explained(q, len(s.paths(q))) // which compares with Count
		return s.find(q)
	})
	if path := m.path(); m.random.IntN(2) == 0 {
		m.same("getting "+path, func(s *subject) any { return s.get(path) })
	}
}

// explained requires that an explanation, of a store that gives one, tells this
// number of documents.
func (s *subject) explained(q datastore.Query, found int) {
	s.Helper()
	explainer, ok := s.store.(datastore.Explainer)
	if !ok {
		return
	}
	raw, err := explainer.Explain(context.Background(), &q)
	require.NoError(s, err)
	var out struct {
		Found int `json:"documents found"`
	}
	require.NoError(s, json.Unmarshal(raw, &out))
	require.Equal(s, found, out.Found, "%s", raw)
}

// order is nil for the order of paths.
func (m *metamorphic) order() datastore.Order {
	if m.random.IntN(3) == 0 {
		return nil
	}
	o, err := match.CompileOrder([]byte(m.pick(
		`{"age":1}`, `{"age":-1}`, `{"region":1,"age":-1}`, `{"region":-1,"age":1}`, `{"region":1,"age":1}`,
		`{"created":-1}`, `{"list":1}`, `{"list":-1}`, `{"age":1,"region":1}`)))
	require.NoError(m, err)
	return o
}

// same requires the same of all stores.
func (m *metamorphic) same(what string, do func(s *subject) any) {
	var first any
	for i, name := range m.names {
		got := do(&subject{T: m.T, store: m.stores[name], traits: m.traits})
		if slices.Contains(m.traits, KeepsValues) {
			got = valuesOf(got)
		}
		if i == 0 {
			first = got
		}
		require.Equal(m, first, got, "%s: %s and %s differ", what, m.names[0], name)
	}
	require.NoError(m, m.stores[m.names[0]].Check(context.Background()))
}

// valuesOf is an answer with the values of its documents, not their texts.
func valuesOf(got any) any {
	switch got := got.(type) {
	case outcome:
		if got.doc != nil {
			got.doc = withValues(got.doc)
		}
		return got
	case *datastore.Document:
		if got == nil {
			return got
		}
		return withValues(got)
	case []*datastore.Document:
		var docs []*datastore.Document
		for _, doc := range got {
			docs = append(docs, withValues(doc))
		}
		return docs
	}
	return got
}

func withValues(doc *datastore.Document) *datastore.Document {
	same := *doc
	same.Data = []byte(canonical(string(doc.Data)))
	return &same
}
