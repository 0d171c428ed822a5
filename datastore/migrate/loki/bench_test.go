package loki_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
)

// BenchmarkDocuments is one pass over a snapshot of documents of 300 B.
func BenchmarkDocuments(b *testing.B) {
	var docs []string
	for i := range 10_000 {
		docs = append(docs, stored(fmt.Sprintf("/bench/%d", i), fmt.Sprintf(`{"i":%d,"text":"%s","list":[1,2,3]}`, i, strings.Repeat("x", 200)), 1000))
	}
	f := open(b, write(b, line(database(docs...))), loki.Options{})
	b.SetBytes(f.Origin().Bytes)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Documents(b.Context(), func(migrate.Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
