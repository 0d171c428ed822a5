package match_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// typical is a document of about 300 bytes.
const typical = `{"region":"North","v":3,"active":true,"name":"Name of the device","tags":["North","x3","outdoor"],` +
	`"deep":{"a":{"b":3},"list":[{"k":1,"w":10},{"k":2,"w":20}]},"email":"somebody@example.org","balance":1234.56,` +
	`"note":"a longer text that nobody searches for, as they often come along","updated":"2026-11-21T09:00:00.000Z"}`

func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ name, criteria string }{
		{"equal", `{"region":"North"}`},
		{"equal-miss", `{"region":"South"}`},
		{"equal-number", `{"v":3}`},
		{"range", `{"v":{"$gt":1,"$lt":5}}`},
		{"decimal-range", `{"balance":{"$gte":1000.5}}`},
		{"and-3-fields", `{"$and":[{"region":"North"},{"v":{"$gte":2}},{"active":true}]}`},
		{"or", `{"$or":[{"region":"South"},{"v":{"$gt":2}}]}`},
		{"in", `{"region":{"$in":["North","East"]}}`},
		{"dotted", `{"deep.a.b":{"$gte":3}}`},
		{"elemMatch", `{"deep.list":{"$elemMatch":{"k":2,"w":{"$gt":15}}}}`},
		{"contains", `{"tags":{"$contains":"outdoor"}}`},
		{"regex-prefix", `{"name":{"$regex":"^Name"}}`},
		{"regex-fold", `{"name":{"$regex":["^NAME.*device$","i"]}}`},
		{"created", `{"_meta.created":{"$gt":0}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			f, err := match.CompileFilter([]byte(c.criteria))
			if err != nil {
				b.Fatal(err)
			}
			doc := document(typical)
			want := f.Match(doc)
			b.ReportAllocs()
			for b.Loop() {
				if f.Match(doc) != want {
					b.Fatal("changed its mind")
				}
			}
		})
	}
}

func BenchmarkCompileFilter(b *testing.B) {
	criteria := []byte(`{"$and":[{"region":"North"},{"v":{"$gte":2}},{"active":true}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := match.CompileFilter(criteria); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOptionsOfEveryRequest is what each request of the npm client costs.
func BenchmarkOptionsOfEveryRequest(b *testing.B) {
	raw := []byte(`{"timeout":60000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := match.ParseOptions(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	f, err := match.CompileFields([]byte(`{"region":1,"deep.a.b":1}`))
	if err != nil {
		b.Fatal(err)
	}
	doc := document(typical)
	var data, meta []byte
	b.ReportAllocs()
	for b.Loop() {
		data, meta = f.Append(data[:0], meta[:0], doc)
	}
}

func tenThousand() []*datastore.Document {
	rnd := rand.New(rand.NewPCG(1, 1))
	docs := make([]*datastore.Document, 10_000)
	for i := range docs {
		docs[i] = &datastore.Document{Path: fmt.Sprintf("/d/%05d", i),
			Data: fmt.Appendf(nil, `{"n":%d,"r":"r%d",%s`, rnd.IntN(1e6), rnd.IntN(10), typical[1:])}
	}
	return docs
}

func BenchmarkSort10k(b *testing.B) {
	all := tenThousand()
	for _, sort := range []string{`{"n":1}`, `{"r":1,"n":-1}`} {
		o, err := match.CompileOrder([]byte(sort))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(sort, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.Sort(slices.Clone(all))
			}
		})
		b.Run(sort+" limit 20", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				top := o.Top(20)
				for _, d := range all {
					top.Add(d)
				}
				top.Docs()
			}
		})
	}
}
