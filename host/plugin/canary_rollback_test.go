package plugin_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

func TestACanaryThatKeepsFailingIsRolledBack(t *testing.T) {
	state := filepath.Join(t.TempDir(), "plugins.json")
	canary := sometimes(asm.Unreachable)
	f := both(t, old(), canary, "on_error: close\ncanary: {share: 100, maxFaults: 3}", func(o *plugin.Options) {
		o.StateFile, o.Limits.Wait = state, 10*time.Second
	})
	for range 3 {
		rec := of(1)
		rec.Path = []byte("!boom")
		v, err := f.call(rec)
		require.NoError(t, err, "a fault of a canary costs nobody an answer")
		require.Equal(t, abi.VerdictReject, v)
		require.Equal(t, "old", string(rec.Error))
	}
	require.Equal(t, "old", f.version(1), "at once")
	c := f.awaitCanary(plugin.StateRolledBack)
	require.Contains(t, c.Reason, "it failed 3 times within 1m0s (canary.maxFaults): trapped")
	require.EqualValues(t, 3, c.Traps)
	require.Contains(t, f.log.String(), "canary rolled back")
	info := f.only()
	require.EqualValues(t, 1, info.RolledBack)
	require.Equal(t, plugin.StateReady, info.State)
	require.Zero(t, info.Traps, "the plugin itself is blameless")
	require.EqualValues(t, 4, info.Calls)

	f.put("p.yaml", []byte("canary: {share: 100}")) // loads everything again
	require.Equal(t, plugin.StateRolledBack, f.canary().State, "the same content is not tried again")
	again, err := plugin.Open(ctx(t), plugin.Options{Dir: f.dir, StateFile: state})
	require.NoError(t, err)
	require.Equal(t, plugin.StateRolledBack, again.List()[0].Canary.State, "not by the next start either")
	require.Contains(t, again.List()[0].Canary.Reason, "canary.maxFaults")
	require.NoError(t, again.Close())

	f.put("p.canary.wasm", next())
	require.Equal(t, "new", f.version(1), "other content is")
	f.put("p.canary.wasm", canary)
	require.Equal(t, plugin.StateRolledBack, f.canary().State)
	info, err = f.Reload(ctx(t), "p")
	require.NoError(t, err)
	require.Equal(t, plugin.StateReady, info.Canary.State, "the operator says so")
}

func TestACanaryThatAnswersWorseIsRolledBack(t *testing.T) {
	for name, c := range map[string]struct {
		stable, canary []byte
		rules, says    string
	}{
		"errors":      {passes(), says(abi.VerdictError, []byte("no")), "", "it failed on 50 of 50 calls, 100.0 %, and the version that runs on 0.0 % of 100 (canary.maxErrors)"},
		"invalid":     {passes(), says(abi.VerdictReplace, []byte("no record")), "", "it failed on 50 of 50 calls"},
		"refusals":    {passes(), says(abi.VerdictReject, []byte("no")), "", "it refused 50 of 50 calls, 100.0 %, and the version that runs on 0.0 % of 50 (canary.maxRefusals)"},
		"drops":       {passes(), says(abi.VerdictDrop, nil), "", "canary.maxRefusals"},
		"as it wants": {passes(), says(abi.VerdictReject, []byte("no")), ", maxRefusals: 100", ""},
		"as before":   {old(), next(), ", maxErrors: 0, maxRefusals: 0", ""},
		"better":      {says(abi.VerdictError, []byte("no")), passes(), ", maxErrors: 0, maxRefusals: 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := both(t, c.stable, c.canary, "canary: {share: 100, minCalls: 50"+c.rules+"}", nil)
			for s := range 50 {
				_, _ = f.call(of(s))
				rec := request()
				rec.SessionID = nil // for the comparison
				_, _ = f.call(rec)
			}
			if c.says != "" {
				require.Contains(t, f.awaitCanary(plugin.StateRolledBack).Reason, c.says)
				return
			}
			time.Sleep(600 * time.Millisecond) // it is looked at twice meanwhile
			require.Equal(t, plugin.StateReady, f.canary().State, f.canary().Reason)
		})
	}
}

func TestWhatACanaryHasDoneInTheHostIsNotDoneAgain(t *testing.T) {
	module := func(then ...[]byte) []byte {
		m := &asm.Module{}
		set := m.Import("happn", "set", []byte{0x7f, 0x7f}, asm.I32)
		bare(m)
		doc := record(t, abi.Record{Path: []byte("/a"), Data: []byte("1")})
		m.Data(output, doc)
		m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.Join(
			asm.I32Const(output), asm.I32Const(int32(len(doc))), asm.Call(set), asm.Drop, asm.Join(then...)))
		return m.Bytes()
	}
	w := newWorld()
	f := both(t, module(verdict(abi.VerdictPass, 0, 0)), module(asm.Unreachable), "on_error: reject\npermissions: {/a: {actions: [set]}}\ncanary: {share: 100}",
		func(o *plugin.Options) { o.Services = w })
	v, err := f.call(of(1))
	require.ErrorContains(t, err, "trapped")
	require.Equal(t, abi.VerdictReject, v, "on_error decides, as for any version")
	require.Len(t, w.asked, 1, "the plugin's own version was not asked to do it again")
}

// A canary begins to trap for every session under load: nobody notices.
func TestARollBackUnderLoadLosesNothing(t *testing.T) {
	// It passes until a moment, and traps then.
	m := &asm.Module{}
	now := m.Import("happn", "now_ms", asm.None, asm.I64)
	bare(m)
	moment := time.Now().Add(700 * time.Millisecond)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.Call(now), asm.I64Const(moment.UnixMilli()), []byte{0x55}, // i64.gt_s
		asm.IfVoid, asm.Unreachable, asm.End, verdict(abi.VerdictReject, output, 3))
	m.Data(output, []byte("new"))
	f := both(t, old(), m.Bytes(), "on_error: close\ncanary: {share: 50, maxFaults: 5}", func(o *plugin.Options) {
		o.Limits.Wait, o.Limits.Timeout = time.Minute, time.Minute
	})
	var stop atomic.Bool
	var calls atomic.Int64
	var running sync.WaitGroup
	defer running.Wait()
	defer stop.Store(true)
	for s := range 6 {
		running.Go(func() {
			for !stop.Load() {
				rec := of(s)
				v, err := f.Inbound()[0].Call(context.Background(), rec)
				calls.Add(1)
				if said := string(rec.Error); err != nil || v != abi.VerdictReject || said != "old" && said != "new" {
					t.Error(v, err, said)
					return
				}
			}
		})
	}
	c := f.awaitCanary(plugin.StateRolledBack)
	stop.Store(true)
	running.Wait()
	require.GreaterOrEqual(t, c.Traps, uint64(5))
	info := f.only()
	require.EqualValues(t, calls.Load(), info.Calls+c.Calls-c.Traps, "each was answered once")
	require.Zero(t, info.Traps+info.Skipped)
}
