package memory_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// people fills a store with n documents in two folders.
func people(t testing.TB, s *memory.Store, n int) {
	t.Helper()
	for i := range n {
		put(t, s, fmt.Sprintf("/%s/%05d", []string{"a", "b"}[i%2], i), fmt.Sprintf(`{"region":"region %d","age":%d}`, i%100, i))
	}
}

func find(t testing.TB, s *memory.Store, q *datastore.Query) (paths []string) {
	t.Helper()
	require.NoError(t, s.Find(background, q, func(doc *datastore.Document) bool {
		paths = append(paths, doc.Path)
		return true
	}))
	return paths
}

func TestAFieldThatIsAskedForOftenGetsAColumn(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone})
	people(t, s, 4000)
	q := query(t, "*", `{"region":"region 7"}`, "")
	before := find(t, s, q)
	require.Len(t, before, 40)
	require.Equal(t, "path", explain(t, s, q)["plan"])
	for range 3 {
		require.Equal(t, before, find(t, s, q))
	}
	require.Equal(t, before, find(t, s, q))
	require.Equal(t, map[string]any{"plan": "column", "columns": []any{"data.region"}, "prefix": "", "sort": "none",
		"keys examined": 40., "documents examined": 40., "documents found": 40.}, explain(t, s, q))
	require.Equal(t, []memory.ColumnStats{{Field: "data.region", Bytes: 4096 * 8}}, s.Stats().Columns)

	require.Equal(t, "path", explain(t, s, query(t, "/a/0000*", `{"region":"region 7"}`, ""))["plan"], "few paths are walked")
	require.Equal(t, "path", explain(t, s, limited(query(t, "*", `{"region":{"$gte":"a"}}`, ""), 3))["plan"], "most match: a walk finds three at once")

	newest := limited(query(t, "/a/*", "", `{"age":-1}`), 3)
	for range 9 { // which look at half of the documents
		require.Equal(t, []string{"/a/03998", "/a/03996", "/a/03994"}, find(t, s, newest))
	}
	told := explain(t, s, newest)
	require.Equal(t, "column", told["sort"])
	require.Less(t, told["documents examined"], 10.)
}

func TestColumnsKeepToTheirBoundAndTheLeastUsedGoes(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone, ColumnBytes: 2 * 4096 * 8})
	people(t, s, 4000)
	ask := func(field string) {
		for range 6 {
			_ = find(t, s, query(t, "*", `{"`+field+`":"nobody"}`, ""))
		}
	}
	fields := func() (all []string) {
		for _, c := range s.Stats().Columns {
			all = append(all, c.Field)
		}
		return all
	}
	ask("one")
	ask("two")
	require.ElementsMatch(t, []string{"data.one", "data.two"}, fields())
	ask("three")
	require.ElementsMatch(t, []string{"data.two", "data.three"}, fields(), "the least used made room")
	for i := range 200 {
		put(t, s, fmt.Sprintf("/c/%d", i), `{"two":"nobody"}`)
	}
	require.Len(t, fields(), 1, "more documents leave room for one")

	off := open(t, memory.Options{Durability: memory.DurabilityNone, ColumnBytes: -1})
	people(t, off, 1000)
	for range 20 {
		_ = find(t, off, query(t, "*", `{"one":1}`, ""))
	}
	require.Empty(t, off.Stats().Columns)
}

// TestADocumentThatAlwaysMatchesIsAlwaysFound has writers change documents, of
// which some always match, remove and add others, and have columns made and
// dropped, under searches of all kinds.
func TestADocumentThatAlwaysMatchesIsAlwaysFound(t *testing.T) {
	o := memory.Options{Durability: memory.DurabilityNone, ColumnBytes: 3 * 8 * 4096}
	s := open(t, o.WithEagerColumns())
	const steady, passing = 1000, 1000
	data := func() string { return fmt.Sprintf(`{"kind":"always","n":%d}`, rand.IntN(1000)) }
	for i := range steady {
		put(t, s, fmt.Sprintf("/m/%04d", i), data())
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s.Write(background, putWrite(fmt.Sprintf("/m/%04d", rand.IntN(steady)), data()), ignore{})
				path := fmt.Sprintf("/passing/%d", rand.IntN(passing))
				s.Write(background, putWrite(path, data()), ignore{})
				s.Remove(background, &datastore.Query{Pattern: []byte(fmt.Sprintf("/passing/%d", rand.IntN(passing)))}, ignore{})
			}
		})
	}
	for round := range 8 {
		_ = find(t, s, query(t, "*", fmt.Sprintf(`{"field%d":1}`, round%7), "")) // makes a column, and drops one
		for _, q := range []*datastore.Query{
			query(t, "*", `{"kind":"always","n":{"$gte":0}}`, ""),
			query(t, "*", `{"kind":"always","n":{"$lt":1000}}`, `{"n":-1}`),
			limited(query(t, "*", `{"kind":"always"}`, `{"n":1}`), 2*steady+passing),
		} {
			seen := make(map[string]bool)
			found := 0
			for _, path := range find(t, s, q) {
				assert.False(t, seen[path], path)
				seen[path] = true
				if path[:3] == "/m/" {
					found++
				}
			}
			require.Equal(t, steady, found)
		}
		n, err := s.Count(background, query(t, "/m/*", `{"kind":"always","n":{"$gte":0}}`, ""))
		require.NoError(t, err)
		require.Equal(t, steady, n)
	}
	close(stop)
	writers.Wait()
}

// TestTheFirstOfAnOrderAreFoundAmongMany compares sorts with limits over
// columns with those without.
func TestTheFirstOfAnOrderAreFoundAmongMany(t *testing.T) {
	o := memory.Options{Durability: memory.DurabilityNone, ColumnBytes: -1}
	without := open(t, o)
	o.ColumnBytes = 0
	with := open(t, o.WithEagerColumns())
	values := []string{"1", "2.5", "-3", "1e9", `"text"`, `"a longer text"`, `"a longer one"`, "null", "[1,9]", "[]", "true", `{"a":1}`, "0.30000000000000004"}
	for i := range 3000 {
		data := fmt.Sprintf(`{"v":%s,"w":%d,"s":"%x"}`, values[rand.IntN(len(values))], rand.IntN(5), rand.IntN(1<<20))
		for _, s := range []*memory.Store{without, with} {
			put(t, s, fmt.Sprintf("/f/%d", i), data)
		}
	}
	// What no code tells may come first, wherever it stands.
	for i := range 2000 {
		v := "5"
		if i < 3 {
			v = "[7,-7e9,7e9]"
		}
		for _, s := range []*memory.Store{without, with} {
			put(t, s, fmt.Sprintf("/f/1/%d", i), fmt.Sprintf(`{"v":%s,"w":9}`, v))
		}
	}
	for _, sort := range []string{`{"v":1}`, `{"v":-1}`, `{"w":1,"v":-1}`, `{"s":1}`, `{"s":-1,"w":1}`} {
		for _, criteria := range []string{"", `{"w":3}`, `{"v":{"$in":[1,"text",null]},"w":{"$gt":1}}`, `{"v":"a longer text"}`,
			`{"v":{"$gt":1,"$lt":9}}`, `{"w":{"$gte":1,"$lte":3,"$ne":2}}`, `{"v":{"$gt":9,"$lt":1}}`} {
			q := limited(query(t, "/f/1*", criteria, sort), 1+rand.IntN(40))
			q.Skip = rand.IntN(10)
			require.Equal(t, find(t, without, q), find(t, with, q), "%s %s", criteria, sort)
			require.Equal(t, "column", explain(t, with, q)["sort"])
		}
	}
}
