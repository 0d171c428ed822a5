package plugin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// patient is the time limit of guests that their fuel is to end.
func patient(o *plugin.Options) {
	o.Limits.Timeout, o.Limits.StartTimeout, o.Limits.Instances = time.Minute, time.Minute, 1
}

// turns loops so many times, with code in each turn, counting in an i32 local.
func turns(local uint32, many int, code ...[]byte) []byte {
	return asm.Join(asm.I32Const(int32(many)), asm.LocalSet(local), asm.LoopVoid, asm.Join(code...),
		asm.LocalGet(local), asm.I32Const(1), asm.I32Sub, asm.LocalSet(local), asm.LocalGet(local), asm.BrIf(0), asm.End)
}

func TestFuelEndsACall(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			f := open(t, patient)
			f.put("p.yaml", []byte("grants: [log]\non_error: reject\nlimits: {fuel: 1000000}\n"))
			f.put("p.wasm", d.sometimes(func(uint32) []byte { return asm.Join(asm.LoopVoid, asm.Br(0), asm.End) }))
			bad := request()
			bad.Path = []byte("!boom")
			v, err := f.call(bad)
			require.ErrorContains(t, err, "used up its fuel of 1000000 units (limits.fuel")
			require.Equal(t, abi.VerdictReject, v)
			v, err = f.call(request())
			require.NoError(t, err)
			require.Equal(t, abi.VerdictPass, v)
			require.EqualValues(t, 1, f.only().Traps)
		})
	}
}

// What a call may do depends on its fuel alone, not on the machine, but for the
// slice that it begins with.
func TestEachCallHasItsOwnFuel(t *testing.T) {
	f := open(t, patient)
	f.put("p.wasm", guest(turns(1, 1_000_000), verdict(abi.VerdictPass, 0, 0)).Bytes())
	for _, c := range []struct {
		fuel   int
		enough bool
	}{{900_000, false}, {2_300_000, true}} {
		f.put("p.yaml", fmt.Appendf(nil, "on_error: reject\nlimits: {fuel: %d}\n", c.fuel))
		for range 5 {
			_, err := f.call(request())
			if c.enough {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "limits.fuel")
			}
		}
	}
}

func TestFuelEndsAStart(t *testing.T) {
	m := guest(verdict(abi.VerdictPass, 0, 0))
	m.Func(abi.ExportInit, asm.I32, asm.I32, nil, asm.LoopVoid, asm.Br(0), asm.End, asm.I32Const(0))
	f := open(t, patient)
	f.put("p.yaml", []byte("limits: {startFuel: 5000000}"))
	f.put("p.wasm", m.Bytes())
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Contains(t, f.only().Reason, "used up its fuel of 5000000 units (limits.startFuel)")
}

func TestAModuleDoesNotRaiseItsFuel(t *testing.T) {
	f := open(t, func(o *plugin.Options) { patient(o); o.Limits.Fuel = 1_000_000 })
	f.put("p.wasm", withManifest(t, passes(), `{"name":"p","hooks":[{"kind":"inbound"}],"limits":{"fuel":9000000}}`))
	require.Equal(t, 1_000_000, f.only().Limits.Fuel)
	f.put("p.wasm", withManifest(t, passes(), `{"name":"p","hooks":[{"kind":"inbound"}],"limits":{"fuel":900000}}`))
	require.Equal(t, 900_000, f.only().Limits.Fuel)
	f.put("p.yaml", []byte("limits: {fuel: 7000000}"))
	require.Equal(t, 7_000_000, f.only().Limits.Fuel)
	f.put("p.yaml", []byte("limits: {fuel: 0}"))
	require.Contains(t, f.only().Reason, "limits.fuel: expected a whole number from 1")
}

func TestWhatTheHostDoesForAGuestCostsItsFuel(t *testing.T) {
	m := &asm.Module{}
	get := m.Import("happn", "get", []byte{0x7f, 0x7f, 0x7f, 0x7f}, asm.I32)
	bare(m)
	m.Data(output, getA)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, turns(1, 9_000,
		asm.I32Const(output), asm.I32Const(int32(len(getA))), asm.I32Const(output+1024), asm.I32Const(4096), asm.Call(get), asm.Drop),
		verdict(abi.VerdictPass, 0, 0))
	w := newWorld()
	w.documents["/a"] = string(data300)
	f := open(t, func(o *plugin.Options) { patient(o); o.Services = w })
	f.put("p.wasm", m.Bytes())
	// 9,000 turns, with 1,000 units for the call of an import and as many for a host call.
	for fuel, enough := range map[int]bool{15_000_000: false, 25_000_000: true} {
		f.put("p.yaml", fmt.Appendf(nil, "permissions: {/a: {actions: [get]}}\non_error: reject\nlimits: {fuel: %d}\n", fuel))
		_, err := f.call(request())
		if enough {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "limits.fuel")
		}
	}
}

// What another plugin does because of a call is paid by who called.
func TestAPluginPaysForWhatItHasOthersDo(t *testing.T) {
	ask := record(t, abi.Record{Kind: abi.KindCall, Path: []byte("b.spin")})
	a := &asm.Module{}
	call := a.Import("happn", "call", []byte{0x7f, 0x7f}, asm.I32)
	bare(a)
	a.Data(output, ask)
	a.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		turns(1, 3, asm.I32Const(output), asm.I32Const(int32(len(ask))), asm.Call(call), asm.Drop), verdict(abi.VerdictPass, 0, 0))
	b := &asm.Module{}
	bare(b)
	b.Func(abi.ExportService, asm.I32, asm.I64, asm.I32, turns(1, 1_000_000), verdict(abi.VerdictPass, 0, 0))

	f := open(t, func(o *plugin.Options) { patient(o); o.Services = newWorld() })
	f.put("b.yaml", []byte("hooks: [{kind: service, callers: [a]}]"))
	f.put("b.wasm", withManifest(t, b.Bytes(), `{"name":"b","hooks":[{"kind":"service","names":["b.spin"]}]}`))
	for fuel, enough := range map[int]bool{1_500_000: false, 9_000_000: true} {
		f.put("a.yaml", fmt.Appendf(nil, "calls: [b.spin]\non_error: reject\nlimits: {fuel: %d}\n", fuel))
		f.put("a.wasm", withManifest(t, a.Bytes(), `{"name":"a","hooks":[{"kind":"inbound"}]}`))
		_, err := f.call(request())
		if enough {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "plugin a: inbound: used up its fuel")
		}
	}
	for _, info := range f.List() {
		if info.Name == "b" {
			require.Zero(t, info.Traps, "it is not b's fault")
			require.Positive(t, info.Calls)
		}
	}
}
