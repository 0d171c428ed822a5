package memory_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// searchSizes are the numbers of stored documents; HAPPN_BENCH_DOCUMENTS adds
// one, such as 1000000.
func searchSizes(b *testing.B) []int {
	sizes := []int{1000, 10_000, 100_000}
	if text := os.Getenv("HAPPN_BENCH_DOCUMENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// BenchmarkSearch measures searches that find, or return, at most 20 documents
// of 300 bytes, and reports what a document takes with and without two indexes.
func BenchmarkSearch(b *testing.B) {
	for _, n := range searchSizes(b) {
		for _, indexed := range []bool{false, true} {
			b.Run(fmt.Sprintf("stored=%d/indexed=%v", n, indexed), func(b *testing.B) {
				o := memory.Options{Durability: memory.DurabilityNone}
				if indexed {
					o.Indexes = []datastore.Index{index("/users/*", "data.region", "-data.age"), index("/users/*", "data.age")}
				}
				before := heap()
				s := open(b, o)
				for i := range n {
					data := fmt.Sprintf(`{"region":"r%d","age":%d,"text":"%s"}`, i*7919%n/20, i, strings.Repeat("x", 250))
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
				for _, c := range []struct {
					name  string
					q     *datastore.Query
					count bool
				}{
					{"prefix walk", query(b, fmt.Sprintf("/users/%d/*", n/40), "", ""), false},
					{"criteria", query(b, "/users/*", `{"region":"r7"}`, ""), false},
					{"range", query(b, "/users/*", fmt.Sprintf(`{"age":{"$gte":%d,"$lt":%d}}`, n/2, n/2+20), ""), false},
					{"criteria and sort", query(b, "/users/*", `{"region":"r7"}`, `{"age":1}`), false},
					{"sort with limit", limited(query(b, "/users/*", "", `{"age":-1}`), 20), false},
					{"count", query(b, "/users/*", `{"region":"r7"}`, ""), true},
					{"count half", query(b, "/users/*", fmt.Sprintf(`{"age":{"$gte":%d}}`, n/2), ""), true},
				} {
					b.Run(c.name, func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if c.count {
								_, _ = s.Count(background, c.q)
							} else {
								_ = s.Find(background, c.q, func(*datastore.Document) bool { return true })
							}
						}
						b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "searches/s")
					})
				}
				runtime.KeepAlive(s)
			})
		}
	}
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
