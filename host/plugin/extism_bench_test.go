package plugin_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// BenchmarkEngines is a no-op layer, and one that reads the record and makes a
// host call, on each engine; 300 B of data.
func BenchmarkEngines(b *testing.B) {
	for _, c := range []struct {
		name   string
		module func() []byte
	}{
		{"raw/nothing", passes},
		{"extism/nothing", func() []byte { m := newExtism(); m.hook(pass); return m.Bytes() }},
		{"raw/get", rawGets},
		{"extism/get", extismGets},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld()
			w.documents["/a"] = string(data300)
			f := open(b, func(o *plugin.Options) { o.Limits.Instances, o.Services = 1, w })
			f.put("p.yaml", []byte(all))
			f.put("p.wasm", c.module())
			rec := request()
			rec.Data = data300
			layer := f.Inbound()[0]
			run := ctx(b)
			b.ReportAllocs()
			for b.Loop() {
				if v, err := layer.Call(run, rec); v != abi.VerdictPass || err != nil {
					b.Fatal(v, err)
				}
			}
		})
	}
}

var getA = func() []byte {
	r := abi.Record{Path: []byte("/a")}
	out := make([]byte, r.Size())
	_, _ = r.Encode(out)
	return out
}()

func rawGets() []byte {
	m := &asm.Module{}
	get := m.Import("happn", "get", []byte{0x7f, 0x7f, 0x7f, 0x7f}, asm.I32)
	bare(m)
	m.Data(output, getA)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil,
		asm.I32Const(output), asm.I32Const(int32(len(getA))), asm.I32Const(output+1024), asm.I32Const(4096), asm.Call(get), asm.Drop,
		verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

func extismGets() []byte {
	m := newExtism()
	get := m.user("get", 1)
	m.hook(m.block(0, string(getA)), asm.LocalGet(0), asm.Call(get), asm.Drop, pass)
	return m.Bytes()
}

// BenchmarkInstances reports what one instance of a small module takes.
func BenchmarkInstances(b *testing.B) {
	for name, module := range map[string][]byte{"raw": passes(), "extism": func() []byte { m := newExtism(); m.hook(pass); return m.Bytes() }()} {
		b.Run(name, func(b *testing.B) {
			const many = 64
			var before, after runtime.MemStats
			for b.Loop() {
				f := open(b, func(o *plugin.Options) { o.Limits.Instances = 1 })
				f.put("p.wasm", module)
				runtime.GC()
				runtime.ReadMemStats(&before)
				f.put("p.yaml", []byte("limits: {instances: 65}"))
				runtime.GC()
				runtime.ReadMemStats(&after)
				require.Equal(b, plugin.StateReady, f.only().State)
			}
			b.ReportMetric((float64(after.HeapInuse)-float64(before.HeapInuse))/many/1024, "KiB/instance")
		})
	}
}
