package memory_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// benchData is a document of 300 bytes.
var benchData = `{"text":"` + strings.Repeat("x", 300-11) + `"}`

// ignore is a callback that looks at nothing.
type ignore struct{}

func (ignore) Written(*datastore.Document, error) {}
func (ignore) Removed(int, error)                 {}

// filled returns a store in memory with n documents, twenty to a folder.
func filled(b *testing.B, n int) *memory.Store {
	s := open(b, memory.Options{Durability: memory.DurabilityNone})
	for i := range n {
		s.Write(background, putWrite(benchPath(i), benchData), ignore{})
	}
	return s
}

func benchPath(i int) string { return fmt.Sprintf("/folder/%07d/%02d", i/20, i%20) }

var benchSizes = []int{10_000, 100_000, 1_000_000}

func BenchmarkGet(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("stored=%d", n), func(b *testing.B) {
			s := filled(b, n)
			paths := make([][]byte, 1024)
			for i := range paths {
				paths[i] = []byte(benchPath((i * 7919) % n))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				doc, _ := s.Get(background, paths[i&1023])
				if doc == nil {
					b.Fatal("not found")
				}
				i++
			}
		})
	}
}

func BenchmarkPutOver(b *testing.B) {
	s := filled(b, 10_000)
	w := putWrite("", benchData)
	paths := make([][]byte, 1024)
	for i := range paths {
		paths[i] = []byte(benchPath(i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Path = paths[i&1023]
		s.Write(background, w, ignore{})
		i++
	}
}

func BenchmarkPutNew(b *testing.B) {
	s := open(b, memory.Options{Durability: memory.DurabilityNone})
	w := putWrite("", benchData)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Path = fmt.Appendf(w.Path[:0], "/folder/%07d/%02d", (i*7919)%1_000_003/20, i%20)
		s.Write(background, w, ignore{})
		i++
	}
}

func BenchmarkMerge(b *testing.B) {
	s := filled(b, 1)
	w := &datastore.Write{Op: datastore.Merge, Path: []byte(benchPath(0)), Data: []byte(`{"a":1,"b":"two"}`)}
	b.ReportAllocs()
	for b.Loop() {
		s.Write(background, w, ignore{})
	}
}

func BenchmarkIncrement(b *testing.B) {
	s := filled(b, 1)
	w := &datastore.Write{Op: datastore.Increment, Path: []byte("/gauge"), Gauge: "g", By: 1}
	b.ReportAllocs()
	for b.Loop() {
		s.Write(background, w, ignore{})
	}
}

func BenchmarkFind20(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("stored=%d", n), func(b *testing.B) {
			s := filled(b, n)
			q := &datastore.Query{}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				q.Pattern = fmt.Appendf(q.Pattern[:0], "/folder/%07d/*", (i*7919)%(n/20))
				found := 0
				_ = s.Find(background, q, func(*datastore.Document) bool { found++; return true })
				if found != 20 {
					b.Fatal(found)
				}
				i++
			}
		})
	}
}

func BenchmarkFindAllOf100k(b *testing.B) {
	s := filled(b, 100_000)
	for _, c := range []struct {
		name string
		q    datastore.Query
	}{
		{"by path", datastore.Query{Pattern: []byte("*")}},
		{"middle star", datastore.Query{Pattern: []byte("/folder/*/07")}},
		{"ordered, first 20", datastore.Query{Pattern: []byte("*"), Order: byModified{}, Limit: 20}},
		{"ordered", datastore.Query{Pattern: []byte("*"), Order: byModified{}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = s.Find(background, &c.q, func(*datastore.Document) bool { return true })
			}
		})
	}
}

type byModified struct{}

func (byModified) Compare(a, b *datastore.Document) int { return int(b.Modified - a.Modified) }
func (byModified) Source() []byte                       { return []byte(`{"modified":-1}`) }

// slots lets a number of writes be under way.
type slots chan struct{}

func (s slots) Written(_ *datastore.Document, err error) {
	if err != nil {
		panic(err)
	}
	<-s
}

// BenchmarkDurablePut measures acknowledged writes with a number of them in
// flight, to new paths and over old ones.
func BenchmarkDurablePut(b *testing.B) {
	for _, flight := range []int{1, 16, 64, 256} {
		for _, paths := range []int{10_000, 10_000_000} {
			b.Run(fmt.Sprintf("flight=%d/paths=%d", flight, paths), func(b *testing.B) {
				s := open(b, memory.Options{Dir: b.TempDir()})
				w := putWrite("", benchData)
				under := make(slots, flight)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					under <- struct{}{}
					w.Path = fmt.Appendf(w.Path[:0], "/folder/%07d/%02d", i%paths/20, i%20)
					s.Write(background, w, under)
					i++
				}
				for range flight {
					under <- struct{}{}
				}
				b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "puts/s")
			})
		}
	}
}

// BenchmarkMemory reports what a stored document of 300 bytes takes, and how
// long opening a folder takes.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	s := open(b, memory.Options{Dir: dir, Durability: memory.DurabilityAsync})
	for i := range n {
		s.Write(background, putWrite(benchPath(i), benchData), ignore{})
	}
	require.NoError(b, s.Close())
	s = nil
	for b.Loop() {
		before := heap()
		started := time.Now()
		s = open(b, memory.Options{Dir: dir})
		b.ReportMetric(time.Since(started).Seconds(), "s/open")
		b.ReportMetric(float64(heap()-before)/n, "B/document")
		b.ReportMetric(float64(s.Stats().DiskBytes)/n, "disk-B/document")
		require.EqualValues(b, n, s.Stats().Documents)
		require.NoError(b, s.Close())
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
