package plugin_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// counts is code that counts down local 1 from turns.
func counts(turns int32) []byte {
	return asm.Join(asm.I32Const(turns), asm.LocalSet(1),
		asm.LoopVoid, asm.LocalGet(1), asm.I32Const(1), asm.I32Sub, asm.LocalSet(1), asm.LocalGet(1), asm.BrIf(0), asm.End)
}

// asksBetween is a guest that computes between two questions to the host, and traps when
// either is not answered.
func asksBetween(turns int32) []byte {
	m := &asm.Module{}
	count := m.Import(abi.ImportModule, abi.ImportCount, []byte{0x7f, 0x7f}, asm.I32)
	bare(m)
	ask := asm.Join(asm.Join(document...), asm.Call(count), asm.I32Const(12), asm.I32Sub, asm.IfVoid, asm.Unreachable, asm.End)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, ask, counts(turns), ask, verdict(abi.VerdictPass, 0, 0))
	m.Data(output, asked)
	return m.Bytes()
}

// With one processor for all of them each of many calls takes many times as long as
// alone, and none is late, though each may take but a third of that; and what they
// ask the host is not late either.
func TestWhatACallWaitsForItsTurnIsNoneOfItsTime(t *testing.T) {
	const turns = 10_000_000
	for name, c := range map[string]struct {
		module []byte
		calls  int
	}{
		"computes":      {guest(counts(turns), verdict(abi.VerdictPass, 0, 0)).Bytes(), 100},
		"asks the host": {asksBetween(turns), 100},
	} {
		t.Run(name, func(t *testing.T) {
			alone := time.Duration(0)
			try := func(limit time.Duration, n int) {
				f := open(t, func(o *plugin.Options) {
					o.Processors, o.Limits.Instances, o.Limits.Timeout, o.Services = 1, n, limit, newWorld()
				})
				f.put("p.yaml", []byte("permissions: {'/*': {actions: [get]}}\n"))
				f.put("p.wasm", c.module)
				var all sync.WaitGroup
				for range n {
					all.Go(func() {
						began := time.Now()
						_, err := f.Inbound()[0].Call(context.Background(), request())
						assert.NoError(t, err)
						if n == 1 {
							alone = time.Since(began)
						}
					})
				}
				all.Wait()
				require.Zero(t, f.only().Traps, f.only().LastError)
			}
			try(time.Minute, 1)
			try(time.Duration(c.calls)*alone*3/10, c.calls)
		})
	}
}

// A plugin that computes and then waits for another one, which computes too, lets it
// have its turn; there is but one.
func TestWhoWaitsForAnotherPluginKeepsNoTurn(t *testing.T) {
	f := open(t, func(o *plugin.Options) {
		o.Processors, o.Services = 1, newWorld()
		o.Limits.Timeout = 20 * time.Second
	})
	service := &asm.Module{}
	bare(service)
	answer := record(t, abi.Record{Kind: abi.KindRequest, Data: []byte("1")})
	service.Func(abi.ExportService, asm.I32, asm.I64, asm.I32, counts(5_000_000), verdict(abi.VerdictReplace, output, uint32(len(answer))))
	service.Data(output, answer)
	f.put("s.yaml", []byte("hooks: [{kind: service, callers: ['*']}]"))
	f.put("s.wasm", withManifest(t, service.Bytes(), `{"hooks":[{"kind":"service","names":["slow"]}]}`))

	caller := &asm.Module{}
	call := caller.Import(abi.ImportModule, abi.ImportCall, []byte{0x7f, 0x7f}, asm.I32)
	bare(caller)
	ask := record(t, abi.Record{Kind: abi.KindRequest, Path: []byte("slow"), Data: []byte("1")})
	caller.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		counts(5_000_000), asm.I32Const(output), asm.I32Const(int32(len(ask))), asm.Call(call), asm.Drop, counts(5_000_000), verdict(abi.VerdictPass, 0, 0))
	caller.Data(output, ask)
	f.put("c.yaml", []byte("calls: [slow]"))
	f.put("c.wasm", caller.Bytes())

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := f.Inbound()[0].Call(context.Background(), request())
			assert.NoError(t, err)
		})
	}
	all.Wait()
	for _, info := range f.List() {
		require.Zero(t, info.Traps, info.LastError)
		require.EqualValues(t, 4, info.Calls)
	}
}
