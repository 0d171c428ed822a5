package memory_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/memory"
)

// query is a search by pattern, criteria and sort, both of which may be "".
func query(t testing.TB, pattern, criteria, sort string) *datastore.Query {
	t.Helper()
	q := &datastore.Query{Pattern: []byte(pattern)}
	if criteria != "" {
		f, err := match.CompileFilter([]byte(criteria))
		require.NoError(t, err)
		q.Filter = f
	}
	if sort != "" {
		o, err := match.CompileOrder([]byte(sort))
		require.NoError(t, err)
		q.Order = o
	}
	return q
}

// explain returns what the store tells of a search, without the time it took.
func explain(t testing.TB, s *memory.Store, q *datastore.Query) map[string]any {
	t.Helper()
	raw, err := s.Explain(background, q)
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Contains(t, out, "microseconds")
	delete(out, "microseconds")
	return out
}

func TestThePlannerTakesTheIndexThatNarrowsMost(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone, Indexes: []datastore.Index{
		index("/users/*", "data.region", "-data.age"), index("/users/*", "data.age"), index("*", "created"),
	}})
	for i := range 1000 {
		put(t, s, fmt.Sprintf("/users/%d/%03d", i%10, i), fmt.Sprintf(`{"region":"r%d","age":%d}`, i%20, i%50))
	}
	for name, c := range map[string]struct {
		pattern, criteria, sort string
		limit                   int
		want                    string
	}{
		"one path":               {"/users/0/000", `{"age":1}`, "", 0, `{"plan":"get","prefix":"/users/0/000","sort":"none","keys examined":0,"documents examined":1,"documents found":0}`},
		"nothing to go by":       {"/users/*", "", "", 0, `{"plan":"path","prefix":"/users/","sort":"none","keys examined":0,"documents examined":1000,"documents found":1000}`},
		"a field without index":  {"/users/*", `{"x":1}`, "", 0, `{"plan":"path","prefix":"/users/","sort":"none","keys examined":0,"documents examined":1000,"documents found":0}`},
		"outside of the index":   {"/u*", `{"region":"r1"}`, "", 0, `{"plan":"path","prefix":"/u","sort":"none","keys examined":0,"documents examined":1000,"documents found":50}`},
		"equality":               {"/users/*", `{"region":"r1"}`, "", 0, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"memory","keys examined":50,"documents examined":50,"documents found":50}`},
		"equality and order":     {"/users/*", `{"region":"r1"}`, `{"age":-1}`, 0, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"index","keys examined":50,"documents examined":50,"documents found":50}`},
		"the opposite order":     {"/users/*", `{"region":"r1"}`, `{"age":1}`, 5, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"index","reverse":true,"keys examined":5,"documents examined":5,"documents found":5}`},
		"another order":          {"/users/*", `{"region":"r1"}`, `{"x":1}`, 5, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"memory","keys examined":50,"documents examined":50,"documents found":5}`},
		"equality and range":     {"/users/*", `{"region":"r1","age":{"$gte":20,"$lt":30}}`, "", 0, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"memory","keys examined":10,"documents examined":10,"documents found":10}`},
		"a range":                {"/users/*", `{"age":{"$gt":47}}`, `{"age":1}`, 0, `{"plan":"index","index":"age_1","ranges":1,"prefix":"/users/","sort":"index","keys examined":40,"documents examined":40,"documents found":40}`},
		"a list":                 {"/users/*", `{"region":{"$in":["r1","r2","r1"]},"age":1}`, "", 0, `{"plan":"index","index":"region_1_age_-1","ranges":2,"prefix":"/users/","sort":"memory","keys examined":10,"documents examined":10,"documents found":10}`},
		"equal values, by path":  {"/users/*", `{"age":7}`, "", 3, `{"plan":"index","index":"age_1","ranges":1,"prefix":"/users/","sort":"none","keys examined":3,"documents examined":3,"documents found":3}`},
		"a narrower pattern":     {"/users/3/*", `{"age":3}`, "", 0, `{"plan":"index","index":"age_1","ranges":1,"prefix":"/users/3/","sort":"none","keys examined":20,"documents examined":20,"documents found":20}`},
		"few paths":              {"/users/3/00*", `{"age":3}`, "", 0, `{"plan":"path","prefix":"/users/3/00","sort":"none","keys examined":0,"documents examined":1,"documents found":1}`},
		"a sort alone":           {"/users/*", "", `{"region":-1,"age":1}`, 10, `{"plan":"index","index":"region_1_age_-1","ranges":1,"prefix":"/users/","sort":"index","reverse":true,"keys examined":10,"documents examined":10,"documents found":10}`},
		"a sort of a wider path": {"*", "", `{"age":1}`, 10, `{"plan":"path","prefix":"","sort":"memory","keys examined":0,"documents examined":1000,"documents found":10}`},
		"what cannot be":         {"/users/*", `{"age":{"$lt":null}}`, "", 0, `{"plan":"index","index":"age_1","prefix":"/users/","sort":"memory","keys examined":0,"documents examined":0,"documents found":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, c.pattern, c.criteria, c.sort)
			q.Limit = c.limit
			var want map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.want), &want))
			require.Equal(t, want, explain(t, s, q))
		})
	}
}

func TestAUniqueIndexRefusesDuplicates(t *testing.T) {
	unique := index("/users/*", "data.mail")
	unique.Unique = true
	other := index("/users/*", "data.number")
	other.Unique = true
	dir := t.TempDir()
	o := memory.Options{Dir: dir, Indexes: []datastore.Index{index("*", "data.mail"), unique, other}}
	s := open(t, o)
	write := func(path, data string) error {
		done := make(answers, 1)
		s.Write(background, putWrite(path, data), done)
		return done.next(t).err
	}
	require.NoError(t, write("/users/a", `{"mail":"a@x","number":1}`))
	require.NoError(t, write("/users/b", `{"mail":["b@x","b@y","b@x"],"number":2}`))
	require.NoError(t, write("/elsewhere", `{"mail":"a@x"}`), "the index is not for this path")
	require.NoError(t, write("/users/a", `{"mail":"a@x","number":1,"more":1}`), "a document is no duplicate of itself")
	for data, want := range map[string]string{
		`{"mail":"a@x","number":9}`:         "index mail_1, document /users/a",
		`{"mail":["c@x","b@y"],"number":9}`: "index mail_1, document /users/b",
		`{"mail":"c@x","number":1.0}`:       "index number_1, document /users/a",
	} {
		err := write("/users/c", data)
		require.ErrorIs(t, err, datastore.ErrDuplicate, data)
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, write("/users/c", `{"mail":[1,2],"number":9,"mail":"`+fmt.Sprintf("%02000d", 1)+`"}`), "index mail_1")
	require.Equal(t, 0, count(t, s, "/users/c"))
	require.NoError(t, write("/users/c", `{}`))
	require.ErrorIs(t, write("/users/d", `{}`), datastore.ErrDuplicate, "what is not there counts as null")
	require.NoError(t, write("/users/c", `{"mail":"c@x","number":3}`))
	require.NoError(t, write("/users/d", `{}`), "the refused writes left nothing in the index")

	done := make(allAnswers, 1)
	s.WriteAll(background, []datastore.Write{*putWrite("/users/a", `{"mail":"c@x","number":1}`), *putWrite("/users/c", `{"mail":"a@x","number":3}`)}, done)
	require.NoError(t, <-done, "a batch may swap values")
	s.WriteAll(background, []datastore.Write{*putWrite("/users/e", `{"mail":"e@x","number":5}`), *putWrite("/users/f", `{"mail":"e@x","number":6}`)}, done)
	err := <-done
	var where *datastore.BatchError
	require.ErrorAs(t, err, &where)
	require.ErrorIs(t, err, datastore.ErrDuplicate)
	require.Equal(t, "/users/f", where.Path)

	before := everything(t, s)
	require.NoError(t, s.Close())
	s = open(t, o)
	require.Equal(t, before, everything(t, s))
	require.ErrorIs(t, write("/users/x", `{"mail":"b@x"}`), datastore.ErrDuplicate, "the index was made anew")
	require.NoError(t, s.Close())

	wider := index("*", "data.mail")
	wider.Unique = true
	_, err = memory.Open(memory.Options{Dir: dir, Indexes: []datastore.Index{wider}})
	require.ErrorIs(t, err, datastore.ErrDuplicate)
	require.ErrorContains(t, err, "documents /elsewhere and /users/c")
}

// allAnswers receives the errors of batches.
type allAnswers chan error

func (a allAnswers) WrittenAll(_ []*datastore.Document, err error) { a <- err }

func TestIndexesThatCannotBeAreRefused(t *testing.T) {
	for _, x := range []datastore.Index{index("*"), index("*", "region"), {Fields: []datastore.IndexField{{Name: "data.a"}}}} {
		_, err := memory.Open(memory.Options{Durability: memory.DurabilityNone, Indexes: []datastore.Index{x}})
		require.Error(t, err)
	}
}

// TestASearchMeetsEachDocumentOnceWhileItMoves has documents change their
// places in the index, values that all searches ask for, under searches.
func TestASearchMeetsEachDocumentOnceWhileItMoves(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone, Indexes: []datastore.Index{index("/m/*", "data.n")}})
	const n = 2000
	for i := range n {
		put(t, s, fmt.Sprintf("/m/%d", i), fmt.Sprintf(`{"n":%d}`, i))
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Write(background, putWrite(fmt.Sprintf("/m/%d", rand.IntN(n)), fmt.Sprintf(`{"n":%d}`, rand.IntN(n))), ignore{})
				}
			}
		})
	}
	for round := range 60 {
		q := query(t, "/m/*", `{"n":{"$gte":0}}`, []string{`{"n":1}`, `{"n":-1}`}[round%2])
		seen := make(map[string]bool)
		require.NoError(t, s.Find(background, q, func(doc *datastore.Document) bool {
			assert.False(t, seen[doc.Path], doc.Path)
			seen[doc.Path] = true
			return true
		}))
		require.Equal(t, n, len(seen))
		total, err := s.Count(background, q)
		require.NoError(t, err)
		require.Equal(t, n, total)
	}
	close(stop)
	group.Wait()
	require.EqualValues(t, n, s.Stats().Indexes[0].Keys)
}

func TestOfWritersOfTheSameUniqueValueOneSucceeds(t *testing.T) {
	unique := index("*", "data.n")
	unique.Unique = true
	s := open(t, memory.Options{Durability: memory.DurabilityNone, Indexes: []datastore.Index{unique}})
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 500 {
				s.Write(background, putWrite(fmt.Sprintf("/%d/%d", g, i), fmt.Sprintf(`{"n":%d}`, i)), ignore{})
			}
		})
	}
	group.Wait()
	require.Equal(t, 500, count(t, s, "*"))
}

func TestAnImportThatAUniqueIndexRefusesNamesTheDocument(t *testing.T) {
	unique := index("*", "data.name")
	unique.Unique = true
	s := open(t, memory.Options{Durability: memory.DurabilityNone, Indexes: []datastore.Index{unique}})
	put(t, s, "/a", `{"name":"ann"}`)
	err := s.Import(background, []*datastore.Document{
		{Path: "/b", Data: []byte(`{"name":"bob"}`)}, {Path: "/c", Data: []byte(`{"name":"ann"}`)},
	})
	require.ErrorIs(t, err, datastore.ErrDuplicate)
	var at *datastore.BatchError
	require.ErrorAs(t, err, &at)
	require.Equal(t, 1, at.Place)
	require.Equal(t, "/c", at.Path)
	doc, err := s.Get(background, []byte("/b"))
	require.NoError(t, err)
	require.Nil(t, doc, "nothing of the import is there")
}
