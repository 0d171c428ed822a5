package plugin_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/metric"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func TestACanaryOfALoginPluginOpensNothing(t *testing.T) {
	const share = "canary: {share: 100}"
	closed := deciding(t, abi.ExportProfile, abi.VerdictReject, []byte("closed"), profileManifest)
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"decides":              {deciding(t, abi.ExportProfile, abi.VerdictReject, []byte("closed by the canary"), profileManifest), "closed by the canary"},
		"traps":                {trapping(t, abi.ExportProfile, profileManifest), "closed"},
		"says that it failed":  {deciding(t, abi.ExportProfile, abi.VerdictError, []byte("no clock"), profileManifest), "closed"},
		"answers nothing good": {deciding(t, abi.ExportProfile, abi.VerdictReplace, []byte("x"), profileManifest), "verdict replace"},
	} {
		t.Run(name, func(t *testing.T) {
			f := both(t, closed, c.module, share, nil)
			_, err := f.Profiles()[0].Ask(t.Context(), applicant(), anything)
			require.ErrorContains(t, err, c.says)
			canary := f.canary()
			require.EqualValues(t, 1, canary.Calls)
			require.Zero(t, f.only().Errors, "what it does is not the plugin's fault")
			require.Equal(t, name != "decides", canary.LastError != "")
			require.Equal(t, c.says == "verdict replace", canary.Errors == 1 && canary.Traps == 0 && f.only().Calls == 0)
		})
	}
}

func TestEveryInstanceOfACanaryHearsWhatEachInstanceHears(t *testing.T) {
	w := newWorld()
	module, err := worldGuest()
	require.NoError(t, err)
	f := openWorld(t, w, map[string]string{})
	module = withManifest(t, module, `{"name":"p","hooks":[{"kind":"inbound"},{"kind":"event","paths":["/e"],"deliver":"each"}]}`)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "p.yaml"), []byte(all+"canary: {share: 100}"), 0o600))
	f.put("p.wasm", module)
	canary, err := wasmbin.AppendCustom(module, "version", []byte("2"))
	require.NoError(t, err)
	f.put("p.canary.wasm", canary)
	require.Equal(t, plugin.StateReady, f.canary().State, f.canary().Reason)
	heard := func(what string, times int) {
		t.Helper()
		w.publish("/ALL@/e", "/e", what)
		require.Eventually(t, func() bool { return strings.Count(f.log.String(), "heard /e "+what) == times }, 20*time.Second, 5*time.Millisecond)
	}
	heard("1", 4)
	_, err = f.Promote(ctx(t), "p", "")
	require.NoError(t, err)
	heard("2", 2)
	f.put("p.canary.wasm", module)
	heard("3", 4)
	_, err = f.Rollback(ctx(t), "p", "")
	require.NoError(t, err)
	heard("4", 2)
	f.remove("p.wasm")
	require.Zero(t, w.actors())
}

func TestMetricsOfACanaryAreItsOwnUntilItIsPromoted(t *testing.T) {
	f := openWorld(t, newWorld(), map[string]string{"p": all + "canary: {share: 100}"})
	done := func(all []metric.Metric) float64 {
		t.Helper()
		require.NotEmpty(t, all)
		require.Equal(t, "done", all[0].Name)
		return all[0].Series[0].Value
	}
	f.do("count /a", "1")
	own := done(f.only().Metrics)
	content, err := os.ReadFile(filepath.Join(f.dir, "p.wasm"))
	require.NoError(t, err)
	canary, err := wasmbin.AppendCustom(content, "version", []byte("2"))
	require.NoError(t, err)
	f.put("p.canary.wasm", canary)
	f.do("count /a", "1")
	f.do("count /a", "1")
	require.Equal(t, own, done(f.only().Metrics))
	require.Equal(t, 2*own, done(f.canary().Metrics))
	_, err = f.Promote(ctx(t), "p", "")
	require.NoError(t, err)
	require.Equal(t, 3*own, done(f.only().Metrics), "counters do not fall back")
	require.Equal(t, metric.Gauge, f.only().Metrics[1].Type)
	f.do("count /a", "1")
	require.Equal(t, 4*own, done(f.only().Metrics))
}

func TestEventsOfOneAreThePluginsOwn(t *testing.T) {
	w := newWorld()
	module, err := worldGuest()
	require.NoError(t, err)
	f := openWorld(t, w, map[string]string{"p": all + "canary: {share: 100}\nhooks: [{kind: event, paths: ['/e']}]"})
	content, err := os.ReadFile(filepath.Join(f.dir, "p.wasm"))
	require.NoError(t, err)
	require.NotEqual(t, module, content, "it has a manifest")
	canary, err := wasmbin.AppendCustom(content, "version", []byte("2"))
	require.NoError(t, err)
	f.put("p.canary.wasm", canary)
	require.Equal(t, plugin.StateReady, f.canary().State, f.canary().Reason)
	w.publish("/ALL@/e", "/e", "1")
	require.Eventually(t, func() bool { return strings.Contains(f.log.String(), "heard /e 1") }, 20*time.Second, 5*time.Millisecond)
	require.Zero(t, f.canary().Calls)
	require.Equal(t, `"12"`, f.do("count /x", "1"), "a canary acts as the plugin does")
	require.EqualValues(t, 1, f.canary().Calls)
	require.EqualValues(t, 1, f.canary().HostCalls)
}

func BenchmarkLayerWithACanary(b *testing.B) {
	for name, share := range map[string]string{"seen": "100", "not seen": "1"} {
		b.Run(name, func(b *testing.B) {
			f := both(b, passes(), withManifest(b, passes(), `{"name":"p"}`), "canary: {share: "+share+"}", func(o *plugin.Options) { o.Limits.Instances = 1 })
			layer, rec, run := f.Inbound()[0], request(), context.Background()
			rec.Data, rec.SessionID = data300, []byte("6f2b8f0e-3a55-4c0b-9a1d-3f6f6a0c1e52")
			b.ReportAllocs()
			for b.Loop() {
				if v, err := layer.Call(run, rec); v != abi.VerdictPass || err != nil {
					b.Fatal(v, err)
				}
			}
		})
	}
}
