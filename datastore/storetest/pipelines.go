package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/collation"
)

// seed stores documents whose members have unusual names and values.
func (s *subject) seed() {
	for i, data := range []string{
		`{"region":"eu","age":30,"tags":["a","b"],"deep":{"x":1},"a.b":1}`,
		`{"region":"us","age":20,"tags":[],"deep":{"x":2},"$set":"dollar"}`,
		`{"region":"EU","age":25.5,"deep":{"x":null},"":"empty"}`,
		`{"age":9007199254740993,"region":"asia","a.b":{"c.d":2}}`,
		`{"region":null,"age":"30","value":"v"}`,
		`{"region":["eu","us"],"age":-1,"tags":"a"}`,
		`{"region":"us","age":30,"tags":["c"]}`,
	} {
		s.must(put(fmt.Sprintf("/p/%d", i), data, 1000+int64(i)))
	}
	s.put("/q/1", `{"region":"eu","age":1}`)
}

// run runs a pipeline on what the query selects, and requires that it comes to
// the same when the store does nothing of it.
func (s *subject) run(pipeline, locale string, q datastore.Query) string {
	s.Helper()
	got, want := s.bothWays(pipeline, locale, q)
	require.Equal(s, want, got, "%s on %s", pipeline, q.Pattern)
	return got
}

func (s *subject) bothWays(pipeline, locale string, q datastore.Query) (byStore, byHost string) {
	s.Helper()
	p, err := aggregate.Compile([]byte(pipeline), nil)
	if locale != "" {
		by, wrong := collation.Compile([]byte(locale))
		require.NoError(s, wrong)
		p, err = aggregate.Compile([]byte(pipeline), by)
	}
	require.NoError(s, err, pipeline)
	ctx, all := context.Background(), q
	host, err := p.Run(ctx, func(yield func(*datastore.Document) bool) error { return s.store.Find(ctx, &all, yield) }, aggregate.Options{})
	require.NoError(s, err, pipeline)
	store, err := p.RunOn(ctx, s.store, &q, aggregate.Options{})
	require.NoError(s, err, pipeline)
	return string(store), string(host)
}

var pipelines = []test{
	{"a pipeline has the same result wherever its stages run", func(s *subject) {
		s.seed()
		for pipeline, want := range map[string]string{
			`[]`: "", `[{"$match":{}}]`: "",
			`[{"$count":"n"}]`: `[{"n":7}]`,
			`[{"$match":{"data.region":"us"}},{"$count":"n"}]`:                                                            `[{"n":3}]`,
			`[{"$match":{"data.region":"nowhere"}},{"$count":"n"}]`:                                                       `[]`,
			`[{"$match":{"data.age":{"$gt":20}}},{"$skip":1},{"$limit":2},{"$count":"n"}]`:                                `[{"n":2}]`,
			`[{"$skip":2},{"$skip":3},{"$count":"n"},{"$project":{"m":"$n"}}]`:                                            `[{"m":2}]`,
			`[{"$sort":{"data.age":-1}},{"$limit":2},{"$project":{"_id":0,"path":1}}]`:                                    `[{"path":"/p/4"},{"path":"/p/3"}]`,
			`[{"$sort":{"created":-1}},{"$skip":1},{"$limit":1},{"$project":{"_id":0,"created":1}}]`:                      `[{"created":1005}]`,
			`[{"$limit":3},{"$match":{"data.region":"us"}},{"$project":{"_id":0,"path":1}}]`:                              `[{"path":"/p/1"}]`,
			`[{"$group":{"_id":"$data.region","n":{"$sum":1}}},{"$sort":{"n":-1,"_id":1}},{"$limit":1}]`:                  `[{"_id":"us","n":2}]`,
			`[{"$match":{"data.age":9007199254740993}},{"$project":{"_id":0,"v":"$data.age"}}]`:                           `[{"v":9007199254740993}]`,
			`[{"$match":{"path":"/p/4"}},{"$project":{"_id":0,"v":"$data.value"}}]`:                                       `[{"v":"v"}]`,
			`[{"$match":{"region":"us"}},{"$count":"n"}]`:                                                                 `[]`, // names are those of what is stored
			`[{"$match":{"$expr":{"$gt":["$data.age",29]}}},{"$count":"n"}]`:                                              "",
			`[{"$match":{"$or":[{"data.age":-1},{"data.region":null}]}},{"$project":{"_id":0,"path":1}}]`:                 `[{"path":"/p/4"},{"path":"/p/5"}]`,
			`[{"$match":{"data.region":{"$regex":"^e"}}},{"$limit":1},{"$project":{"_id":0,"path":1}}]`:                   `[{"path":"/p/0"}]`,
			`[{"$unwind":"$data.tags"},{"$group":{"_id":"$data.tags","ages":{"$push":"$data.age"}}},{"$sort":{"_id":1}}]`: "",
			`[{"$project":{"data.region":1,"sum":{"$add":["$data.deep.x",1]}}}]`:                                          "",
			`[{"$project":{"data.region":0}},{"$limit":2}]`:                                                               "",
			`[{"$addFields":{"data.extra":"$data.deep.x"}},{"$replaceRoot":{"newRoot":"$data"}}]`:                         "",
			`[{"$group":{"_id":null,"all":{"$push":"$$ROOT"}}}]`:                                                          "",
			`[{"$facet":{"a":[{"$count":"n"}],"b":[{"$match":{"data.age":30}}]}}]`:                                        "",
			`[{"$sortByCount":"$data.region"},{"$match":{"count":{"$gt":1}}}]`:                                            "",
			`[{"$sort":{"data.region":1}},{"$group":{"_id":null,"first":{"$first":"$path"}}}]`:                            "",
			`[{"$match":{"data.region":"eu"}},{"$match":{"data.age":{"$lt":0}}}]`:                                         "",
			`[{"$group":{"_id":null,"n":{"$sum":{"$getField":{"field":"a.b","input":"$data"}}}}}]`:                        `[{"_id":null,"n":1}]`,
		} {
			got := s.run(pipeline, "", matching("/p/*"))
			if want != "" {
				require.Equal(s, want, got, pipeline)
			}
		}
		require.Equal(s, `[{"n":1}]`, s.run(`[{"$match":{"data.age":{"$gte":30}}},{"$count":"n"}]`, "",
			datastore.Query{Pattern: []byte("/p/*"), Filter: compiled(s, `{"region":"us"}`)}))
		require.Equal(s, `[{"n":1}]`, s.run(`[{"$count":"n"}]`, "", matching("/p/1")))
	}},
	{"members that nobody looks at may be left out, and no others", func(s *subject) {
		s.seed()
		for _, members := range [][]string{{}, {"region"}, {"a.b", "$set", ""}, {"value", "tags"}, {"none"}} {
			q := datastore.Query{Pattern: []byte("/p/*"), Members: members, Filter: compiled(s, `{"age":{"$ne":1},"deep.x":{"$mod":[5,1]}}`)}
			whole := q
			whole.Members = nil
			for i, doc := range s.find(q) {
				full := s.find(whole)[i]
				require.Equal(s, full.Path, doc.Path)
				require.Equal(s, full.Created, doc.Created)
				for _, name := range members {
					require.Equal(s, member(s, full, name), member(s, doc, name), "%q of %s", name, doc.Path)
				}
			}
		}
	}},
}

func compiled(s *subject, criteria string) datastore.Filter {
	f, err := match.CompileFilter([]byte(criteria))
	require.NoError(s, err)
	return f
}

// collated compares texts by the rules of a language.
var collated = []test{
	{"texts compare by a collation, numbers as ever", func(s *subject) {
		s.seed()
		const fold = `{"locale":"en","strength":2}`
		for criteria, want := range map[string][]string{
			`{"region":"eu"}`:                           {"/p/0", "/p/2", "/p/5"},
			`{"region":"eu","age":{"$gt":26}}`:          {"/p/0"},
			`{"age":{"$gt":26}}`:                        {"/p/0", "/p/3", "/p/6"},
			`{"region":{"$in":["US",null]}}`:            {"/p/1", "/p/4", "/p/5", "/p/6"},
			`{"$or":[{"region":"Asia"},{"age":-1}]}`:    {"/p/3", "/p/5"},
			`{"region":{"$ne":"eu"},"age":{"$lte":30}}`: {"/p/1", "/p/6"},
		} {
			o, err := match.ParseOptions(fmt.Appendf(nil, `{"criteria":%s,"collation":%s}`, criteria, fold))
			require.NoError(s, err)
			require.Equal(s, want, s.paths(datastore.Query{Pattern: []byte("/p/*"), Filter: o.Filter}), criteria)
		}
	}},
	{"sorts follow a collation", func(s *subject) {
		for i, name := range []string{"b", "A", "a", "B", "é", "f"} {
			s.must(put(fmt.Sprintf("/p/%d", i), fmt.Sprintf(`{"name":%q}`, name), 1000-int64(i)))
		}
		for sort, want := range map[string]string{`{"name":1}`: "210345", `{"name":-1}`: "543012", `{"created":1}`: "543210"} {
			o, err := match.ParseOptions(fmt.Appendf(nil, `{"sort":%s,"collation":{"locale":"en"}}`, sort))
			require.NoError(s, err)
			for limit := range 7 {
				got := ""
				for _, path := range s.paths(datastore.Query{Pattern: []byte("/p/*"), Order: o.Order, Limit: limit}) {
					got += path[3:]
				}
				require.Equal(s, want[:cmp.Or(limit, 6)], got, "%s, limit %d", sort, limit)
			}
		}
	}},
	{"pipelines follow a collation", func(s *subject) {
		s.seed()
		const fold = `{"locale":"en","strength":2}`
		require.Equal(s, `[{"n":3}]`, s.run(`[{"$match":{"data.region":"eu"}},{"$count":"n"}]`, fold, matching("/p/*")))
		s.run(`[{"$match":{"data.region":{"$gte":"b"}}},{"$sort":{"data.region":-1}},{"$limit":3}]`, fold, matching("/p/*"))
		s.run(`[{"$group":{"_id":"$data.region","n":{"$sum":1}}}]`, fold, matching("/p/*"))
	}},
}

// member is a member of a document's data as JSON text.
func member(s *subject, doc *datastore.Document, name string) string {
	s.Helper()
	var members map[string]json.RawMessage
	require.NoError(s, json.Unmarshal(doc.Data, &members))
	return canonical(string(members[name]))
}
