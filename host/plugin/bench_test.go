package plugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
)

// data300 is a document of 300 bytes.
var data300 = []byte(`{"name":"sensor","values":[` + repeat("1234567,", 32) + `1],"end":"123456"}`)

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func BenchmarkNoOpLayer(b *testing.B) {
	f := open(b, func(o *plugin.Options) { o.Limits.Instances = 1 })
	f.put("pass.wasm", passes())
	layers := f.Inbound()
	require.Len(b, layers, 1)
	rec := request()
	rec.Data = data300
	run := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if v, err := layers[0].Call(run, rec); v != abi.VerdictPass || err != nil {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkNoOpLayerParallel(b *testing.B) {
	f := open(b, nil)
	f.put("pass.wasm", passes())
	layers := f.Inbound()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rec := request()
		rec.Data = data300
		rec.SessionID = []byte("session-" + string(rune('a'+len(b.Name())%7)))
		for pb.Next() {
			if v, err := layers[0].Call(context.Background(), rec); v != abi.VerdictPass || err != nil {
				b.Error(v, err)
			}
		}
	})
}

func BenchmarkHandles(b *testing.B) {
	f := open(b, nil)
	f.put("pass.wasm", passes())
	f.put("pass.yaml", []byte("hooks: [{kind: inbound, paths: ['/sensors/*/value', '/x/*'], actions: [set]}]"))
	layer := f.Inbound()[0]
	path := []byte("/sensors/1/2/3/other")
	b.ReportAllocs()
	for b.Loop() {
		if layer.Handles(abi.KindRequest, abi.ActionSet, path) {
			b.Fatal("must not match")
		}
	}
}
