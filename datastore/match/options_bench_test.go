package match_test

import (
	"testing"

	"github.com/happn-host/happn-host/datastore/match"
)

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
