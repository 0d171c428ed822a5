package plugin_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// BenchmarkKinds is what the host adds to a hook that decides at once, for each
// kind of hook and each engine; 300 B of data. BenchmarkInterruption/nothing says
// what the engine alone takes for the raw ones; connections of protocols have
// BenchmarkLineProtocol in package host.
func BenchmarkKinds(b *testing.B) {
	for _, c := range []struct {
		kind    hook.Kind
		export  string
		verdict abi.Verdict
		hook    string // more of the manifest's
		record  abi.Record
	}{
		{kind: hook.KindInbound, export: abi.ExportInbound, record: abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet}},
		{kind: hook.KindOutbound, export: abi.ExportOutbound, record: abi.Record{Kind: abi.KindPublication, Action: abi.ActionSet}},
		{kind: hook.KindProfile, export: abi.ExportProfile, record: abi.Record{Kind: abi.KindSession}},
		{kind: hook.KindAuth, export: abi.ExportAuth, hook: `,"provider":"key"`, record: abi.Record{Kind: abi.KindCredentials}},
		{kind: hook.KindSearch, export: abi.ExportSearch, verdict: abi.VerdictReject, hook: `,"operators":["$near"]`, record: abi.Record{Kind: abi.KindSearch}},
		{kind: hook.KindHTTP, export: abi.ExportHTTP, record: abi.Record{Kind: abi.KindHTTP}},
		{kind: hook.KindTick, export: abi.ExportTick, hook: `,"every":"24h"`},
		{kind: hook.KindEvent, export: abi.ExportEvent, hook: `,"paths":["/a"]`, record: abi.Record{Kind: abi.KindPublication}},
		{kind: hook.KindService, export: abi.ExportService, hook: `,"names":["s"]`, record: abi.Record{Kind: abi.KindCall}},
	} {
		if c.verdict == 0 {
			c.verdict = abi.VerdictPass
		}
		manifest := fmt.Sprintf(`{"hooks":[{"kind":%q%s}]}`, c.kind, c.hook)
		operator := "grants: [log, tick, http-routes]\npermissions: {/a: {actions: [on]}}\n"
		if c.kind == hook.KindAuth {
			operator += `hooks: [{kind: auth, users: ["*"]}]`
		}
		record := *request()
		record.Kind, record.Action, record.Data = c.record.Kind, c.record.Action, data300
		for engine, module := range map[string][]byte{"raw": rawDeciding(c.export, c.verdict), "extism": extismDeciding(c.export, c.verdict)} {
			module = withManifest(b, module, manifest)
			b.Run(fmt.Sprintf("%s/%s", c.kind, engine), func(b *testing.B) {
				f := open(b, func(o *plugin.Options) { o.Limits.Instances, o.Services = 1, newWorld() })
				f.put("p.yaml", []byte(operator))
				f.put("p.wasm", module)
				require.Equal(b, plugin.StateReady, f.only().State, f.only().Reason)
				call := f.Calls(c.kind)
				b.ReportAllocs()
				for b.Loop() {
					if v, _, err := call(&record); v != c.verdict || err != nil {
						b.Fatal(v, err)
					}
				}
			})
		}
	}
}

func rawDeciding(export string, v abi.Verdict) []byte {
	m := &asm.Module{}
	bare(m)
	takes := asm.I32
	if export == abi.ExportTick {
		takes = asm.I64
	}
	m.Func(export, takes, asm.I64, nil, verdict(v, 0, 0))
	return m.Bytes()
}

func extismDeciding(export string, v abi.Verdict) []byte {
	m := newExtism()
	m.Memory(4)
	m.Func(export, asm.None, asm.I32, nil, asm.I32Const(int32(v)))
	return m.Bytes()
}
