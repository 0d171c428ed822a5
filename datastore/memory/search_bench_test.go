package memory_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/datastore/memory"
)

// searchSizes are the numbers of stored documents.
func searchSizes() []int {
	if testing.Short() {
		return []int{1000, 10_000, 100_000}
	}
	return []int{1000, 10_000, 100_000, 1_000_000}
}

// searchSettings are how a store may find what is searched for.
var searchSettings = []struct {
	name    string
	options memory.Options
}{
	{"walk", memory.Options{Durability: memory.DurabilityNone, ColumnBytes: -1}},
	{"columns", memory.Options{Durability: memory.DurabilityNone}},
	{"index", memory.Options{Durability: memory.DurabilityNone,
		Indexes: []datastore.Index{index("/users/*", "data.region", "-data.age"), index("/users/*", "data.age")}}},
}

// BenchmarkSearch measures searches that find, or return, at most 20 documents
// of 300 bytes, and reports what a stored document takes.
func BenchmarkSearch(b *testing.B) {
	for _, n := range searchSizes() {
		for _, setting := range searchSettings {
			b.Run(fmt.Sprintf("stored=%d/%s", n, setting.name), func(b *testing.B) { benchmarkSearch(b, n, setting.options) })
		}
	}
}

func benchmarkSearch(b *testing.B, n int, o memory.Options) {
	before := heap()
	s := open(b, o)
	filler := strings.Repeat("x", 250)
	for i := range n {
		data := fmt.Sprintf(`{"region":"r%d","age":%d,"text":"%s"}`, i*7919%n/20, i, filler)
		s.Write(background, putWrite(fmt.Sprintf("/users/%d/%d", i/20, i), data), ignore{})
	}
	perDocument := float64(heap()-before) / float64(n)
	b.Run("point get", func(b *testing.B) {
		path := fmt.Appendf(nil, "/users/%d/%d", n/2/20, n/2)
		for b.Loop() {
			_, _ = s.Get(background, path)
		}
		b.ReportMetric(perDocument, "B/document")
	})
	find := func(q *datastore.Query) func() {
		return func() { _ = s.Find(background, q, func(*datastore.Document) bool { return true }) }
	}
	count := func(q *datastore.Query) func() {
		return func() { _, _ = s.Count(background, q) }
	}
	matched := query(b, "/users/*", `{"region":"r7"}`, "")
	pipeline, err := aggregate.Compile([]byte(`[{"$group":{"_id":"$data.region","age":{"$avg":"$data.age"}}}]`), nil)
	require.NoError(b, err)
	for _, c := range []struct {
		name   string
		search func()
	}{
		{"prefix walk", find(query(b, fmt.Sprintf("/users/%d/*", n/40), "", ""))},
		{"criteria", find(query(b, "/users/*", `{"region":"r7"}`, ""))},
		{"range", find(query(b, "/users/*", fmt.Sprintf(`{"age":{"$gte":%d,"$lt":%d}}`, n/2, n/2+20), ""))},
		{"criteria and sort", find(query(b, "/users/*", `{"region":"r7"}`, `{"age":1}`))},
		{"sort with limit", find(limited(query(b, "/users/*", "", `{"age":-1}`), 20))},
		{"aggregate", func() {
			_, _ = pipeline.Run(background, func(yield func(*datastore.Document) bool) error {
				return s.Find(background, matched, yield)
			}, aggregate.Options{})
		}},
		{"count", count(query(b, "/users/*", `{"region":"r7"}`, ""))},
		{"count half", count(query(b, "/users/*", fmt.Sprintf(`{"age":{"$gte":%d}}`, n/2), ""))},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range 10 { // until there are the columns
				c.search()
			}
			b.ReportAllocs()
			for b.Loop() {
				c.search()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "searches/s")
		})
	}
	runtime.KeepAlive(s)
}

func limited(q *datastore.Query, n int) *datastore.Query {
	q.Limit = n
	return q
}

// BenchmarkPutIndexed measures what two indexes cost a write that changes a
// field of one of them.
func BenchmarkPutIndexed(b *testing.B) {
	s := open(b, memory.Options{Durability: memory.DurabilityNone,
		Indexes: []datastore.Index{index("*", "data.region", "-data.age"), index("*", "data.other")}})
	const n = 100_000
	for i := range n {
		s.Write(background, putWrite(benchPath(i), fmt.Sprintf(`{"region":"r%d","age":%d}`, i%100, i)), ignore{})
	}
	i := 0
	for b.Loop() {
		s.Write(background, putWrite(benchPath(i*7919%n), fmt.Sprintf(`{"region":"r%d","age":%d}`, i%100, i*13%n)), ignore{})
		i++
	}
}

// BenchmarkPutColumns measures what columns cost a write that changes a field
// of each.
func BenchmarkPutColumns(b *testing.B) {
	const n = 100_000
	data := func(i int) string {
		return fmt.Sprintf(`{"a":%d,"b":"region %d","c":%d,"d":%d,"text":%q}`, i, i%100, i*13%n, i%7, strings.Repeat("x", 240))
	}
	for _, columns := range []int{0, 4} {
		b.Run(fmt.Sprintf("columns=%d", columns), func(b *testing.B) {
			s := open(b, memory.Options{Durability: memory.DurabilityNone})
			for i := range n {
				s.Write(background, putWrite(benchPath(i), data(i)), ignore{})
			}
			for _, field := range []string{"a", "b", "c", "d"}[:columns] {
				for range 10 { // until there is the column
					_, _ = s.Count(background, query(b, "*", fmt.Sprintf(`{%q:-1}`, field), ""))
				}
			}
			require.Len(b, s.Stats().Columns, columns)
			writes := make([]*datastore.Write, 1024)
			for i := range writes {
				writes[i] = putWrite(benchPath(i*7919%n), data(i))
			}
			i := 0
			for b.Loop() {
				s.Write(background, writes[i&1023], ignore{})
				i++
			}
		})
	}
}
