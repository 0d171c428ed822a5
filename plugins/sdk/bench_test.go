//go:build !wasip1

package sdk_test

import (
	"testing"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func BenchmarkRunner(b *testing.B) {
	r := sdk.Runner{Plugin: sdk.Plugin{Inbound: func(*sdk.Message) sdk.Verdict { return sdk.Pass() }}}
	rec := message()
	input := make([]byte, rec.Size())
	_, _ = rec.Encode(input)
	b.ReportAllocs()
	for b.Loop() {
		r.Inbound(input)
	}
}
