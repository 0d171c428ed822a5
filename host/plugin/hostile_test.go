package plugin_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// sometimes makes a raw guest that misbehaves for paths beginning with "!" and
// passes everything else. The path is the first body, after one header for each
// section of request.
func sometimes(code ...[]byte) []byte {
	return guest(banged(asm.Join(code...)), verdict(abi.VerdictPass, 0, 0)).Bytes()
}

func TestHostileGuests(t *testing.T) {
	returns := func(code []byte) []byte { return asm.Join(code, asm.Return) }
	modules := map[string]struct {
		module []byte
		says   string // in the error, and to the operator
	}{
		"lies about where output is": {sometimes(returns(verdict(abi.VerdictReject, 0xfffffff0, 64))), "output lies outside of memory"},
		"lies about its length":      {sometimes(returns(verdict(abi.VerdictReject, 4<<16-1, 2))), "output lies outside of memory"},
		"answers too much":           {sometimes(returns(verdict(abi.VerdictReject, 0, 2<<10))), "output of 2048 bytes, above the limit of 1 KiB (limits.outputKiB)"},
	}
	for name, c := range modules {
		t.Run(name, func(t *testing.T) { testHostile(t, c.module, c.says) })
	}
	for _, d := range dialects {
		code := func(code ...[]byte) []byte { return d.sometimes(func(uint32) []byte { return asm.Join(code...) }) }
		again := func(hook uint32) []byte {
			if d.name == "raw" {
				return asm.Join(asm.I32Const(0), asm.Call(hook), asm.Drop)
			}
			return asm.Join(asm.Call(hook), asm.Drop)
		}
		for name, c := range map[string]struct {
			module []byte
			says   string
		}{
			"traps":                    {code(asm.Unreachable), "trapped"},
			"loops for ever":           {code(asm.LoopVoid, asm.Br(0), asm.End), "time limit"},
			"recurses for ever":        {d.sometimes(again), "recursed deeper than 4096 KiB of stack (limits.stackKiB)"},
			"answers nothing valid":    {code(d.returns(0)), map[string]string{"raw": "unknown verdict 0", "extism": "exited, or returned 0"}[d.name]},
			"answers a strange number": {code(d.returns(14)), "unknown verdict 14"},
			"answers another kind's":   {code(d.returns(int(abi.VerdictNeedMore))), "verdict need-more, which a hook of kind inbound cannot give"},
			"exits":                    {d.exits(3), "exit_code(3)"},
			"exits well":               {d.exits(0), map[string]string{"raw": "exit_code(0)", "extism": "exited, or returned 0"}[d.name]},
			"asks for random for ever": {d.wasiLoop("random_get", 2), "time limit"},
			"prints for ever":          {d.wasiLoop("fd_write", 4), "time limit"},
		} {
			t.Run(d.name+" "+name, func(t *testing.T) { testHostile(t, c.module, c.says) })
		}
	}
}

// testHostile shows a message with the path "!boom" and another one to a guest.
func testHostile(t *testing.T, module []byte, says string) {
	f := open(t, func(o *plugin.Options) {
		o.Limits.OutputKiB = 1
		o.Limits.Instances = 1
		o.Limits.Timeout = 20 * time.Millisecond
		if says != "" && !strings.Contains(says, "time limit") {
			o.Limits.Timeout = 10 * time.Second // the machine of the tests is busy
		}
	})
	f.put("p.wasm", module)
	f.put("p.yaml", reject)

	bad := request()
	bad.Path = []byte("!boom")
	v, err := f.call(bad)
	require.ErrorContains(t, err, says)
	require.Equal(t, abi.VerdictReject, v)

	v, err = f.call(request())
	require.NoError(t, err, "another instance took its place")
	require.Equal(t, abi.VerdictPass, v)
	info := f.only()
	require.EqualValues(t, 1, info.Traps)
	require.EqualValues(t, 2, info.Calls)
	require.Contains(t, info.LastError, says)
	require.Equal(t, plugin.StateReady, info.State)
}

func TestMemoryStaysWithinItsLimit(t *testing.T) {
	// Grows by a page until it cannot, then rejects.
	f := open(t, func(o *plugin.Options) { o.Limits.MemoryMiB = 2 })
	f.put("p.wasm", guest(
		asm.LoopVoid, asm.I32Const(1), asm.MemoryGrow, asm.I32Const(-1), []byte{0x47}, asm.BrIf(0), asm.End,
		asm.I32Const(int32(32)), []byte{0x3f, 0}, []byte{0x47}, asm.IfVoid, asm.Unreachable, asm.End, // 2 MiB are 32 pages
		verdict(abi.VerdictPass, 0, 0)).Bytes())
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
	require.Contains(t, f.log.String(), `limit=limits.memoryMiB reason="memory would grow to 2162688 bytes, above the limit of 2 MiB (limits.memoryMiB)"`)
	require.Equal(t, map[string]uint64{"memoryMiB": 1}, f.only().Limited)

	big := &asm.Module{}
	big.Memory(33)
	big.Func(abi.ExportMarker, asm.None, asm.None, nil)
	big.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
	big.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	f.put("p.wasm", big.Bytes())
	require.Contains(t, f.only().Reason, "begins with 33 pages of 64 KiB of memory, above the limit of 2 MiB (limits.memoryMiB)")
}

func TestGuestsThatFailToStart(t *testing.T) {
	start := func(change func(*asm.Module)) []byte {
		m := &asm.Module{}
		exit := m.Import("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None)
		_ = exit
		bare(m)
		m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
		change(m)
		return m.Bytes()
	}
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"start function traps": {start(func(m *asm.Module) { m.Start(m.Func("", asm.None, asm.None, nil, asm.Unreachable)) }), "start: trapped"},
		"start function loops": {start(func(m *asm.Module) {
			m.Start(m.Func("", asm.None, asm.None, nil, asm.LoopVoid, asm.Br(0), asm.End))
		}), "start: did not finish within its time limit"},
		"_initialize traps": {start(func(m *asm.Module) { m.Func("_initialize", asm.None, asm.None, nil, asm.Unreachable) }), "_initialize: trapped"},
		"happn_init refuses": {start(func(m *asm.Module) {
			m.Func(abi.ExportInit, asm.I32, asm.I32, nil, asm.I32Const(9))
		}), "refused the configuration with code 9"},
		"happn_init exits": {start(func(m *asm.Module) {
			m.Func(abi.ExportInit, asm.I32, asm.I32, nil, asm.I32Const(0), asm.Call(0), asm.I32Const(0))
		}), "happn_init: trapped"},
		"happn_init loops": {start(func(m *asm.Module) {
			m.Func(abi.ExportInit, asm.I32, asm.I32, nil, asm.LoopVoid, asm.Br(0), asm.End, asm.I32Const(0))
		}), "happn_init: did not finish"},
		"happn_buf refuses":  {buf(0), "happn_buf refused"},
		"happn_buf is wild":  {buf(-16), "outside of memory"},
		"happn_buf is short": {buf(4<<16 - 100), "outside of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, func(o *plugin.Options) { o.Limits.StartTimeout = 50 * time.Millisecond })
			f.put("p.wasm", c.module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.says)
		})
	}
}

// buf makes a guest whose input buffer is at pointer.
func buf(pointer int32) []byte {
	m := &asm.Module{}
	m.Memory(4)
	m.Func(abi.ExportMarker, asm.None, asm.None, nil)
	m.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(pointer))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// A collection that had to wait for a call to end would be the only one meanwhile.
func TestABusyGuestDoesNotStopTheCollector(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.Timeout = time.Second })
	f.put("p.wasm", guest(asm.LoopVoid, asm.Br(0), asm.End, asm.I64Const(0)).Bytes())
	var busy sync.WaitGroup
	var ended atomic.Bool
	layer := f.Inbound()[0]
	for range 2 {
		busy.Go(func() {
			_, _ = layer.Call(context.Background(), request())
			ended.Store(true)
		})
	}
	collections := 0
	for !ended.Load() {
		runtime.GC()
		collections++
	}
	busy.Wait()
	t.Logf("%d collections beside two busy guests", collections)
	require.Greater(t, collections, 3)
}

func TestBreakerOpensAndTriesAgain(t *testing.T) {
	f := open(t, func(o *plugin.Options) {
		o.Limits.Instances = 1
		o.Breaker = plugin.Breaker{Faults: 3, Pause: 30 * time.Millisecond, MaxPause: time.Second}
	})
	f.put("p.wasm", sometimes(asm.Unreachable))
	f.put("p.yaml", reject)
	bad := func() *abi.Record { r := request(); r.Path = []byte("!boom"); return r }
	for range 3 {
		v, err := f.call(bad())
		require.ErrorContains(t, err, "trapped")
		require.Equal(t, abi.VerdictReject, v)
	}
	require.Equal(t, plugin.StateOpen, f.only().State)
	require.Contains(t, f.only().Reason, "trapped")
	calls := f.only().Calls
	v, err := f.call(request())
	require.NoError(t, err, "said once, not for every message")
	require.Equal(t, abi.VerdictReject, v)
	require.Equal(t, calls, f.only().Calls)
	require.EqualValues(t, 1, f.only().Skipped)

	require.Eventually(t, func() bool { return f.only().State == plugin.StateReady }, 10*time.Second, time.Millisecond)
	v, err = f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)

	_, err = f.call(bad())
	require.ErrorContains(t, err, "trapped")
	require.Equal(t, plugin.StateOpen, f.only().State, "on probation one fault is enough")
	require.Contains(t, f.log.String(), "left alone for a while")
	require.Contains(t, f.log.String(), "pause=60ms", "pauses grow")
}

func TestMessagesWaitForAnInstanceButNotForEver(t *testing.T) {
	f := open(t, func(o *plugin.Options) {
		o.Limits = limit.Set{Instances: 1, Timeout: 200 * time.Millisecond, Wait: 20 * time.Millisecond, Waiting: 1}
	})
	f.put("p.wasm", sometimes(asm.LoopVoid, asm.Br(0), asm.End))
	layer := f.Inbound()[0]
	bad := request()
	bad.Path = []byte("!loop")
	var busy sync.WaitGroup
	busy.Go(func() { _, _ = layer.Call(context.Background(), bad) })
	require.Eventually(t, func() bool { return f.only().Calls == 1 }, 5*time.Second, time.Millisecond)
	_, err := layer.Call(context.Background(), request())
	require.ErrorContains(t, err, "limits.wait")
	busy.Wait()
	require.EqualValues(t, 1, f.only().Skipped)
	require.Eventually(t, func() bool { return f.only().State == plugin.StateReady }, 5*time.Second, time.Millisecond)
	_, err = layer.Call(context.Background(), request())
	require.NoError(t, err)
}

func TestAnInstanceServesOneMessageAtATime(t *testing.T) {
	// Traps when it is entered while it is busy, for some hundred microseconds.
	m := &asm.Module{}
	busy := m.GlobalI32(0)
	bare(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		asm.GlobalGet(busy), asm.IfVoid, asm.Unreachable, asm.End,
		asm.I32Const(1), asm.GlobalSet(busy),
		asm.I32Const(200_000), asm.LocalSet(1),
		asm.LoopVoid, asm.LocalGet(1), asm.I32Const(1), asm.I32Sub, asm.LocalSet(1), asm.LocalGet(1), asm.BrIf(0), asm.End,
		asm.I32Const(0), asm.GlobalSet(busy),
		verdict(abi.VerdictPass, 0, 0))
	f := open(t, func(o *plugin.Options) {
		o.Limits = limit.Set{Instances: 1, Wait: time.Minute, Timeout: 10 * time.Second}
	})
	f.put("p.wasm", m.Bytes())
	layer := f.Inbound()[0]
	var all sync.WaitGroup
	began := time.Now()
	for range 8 {
		all.Go(func() {
			for range 20 {
				if v, err := layer.Call(context.Background(), request()); err != nil || v != abi.VerdictPass {
					t.Error(v, err)
					return
				}
			}
		})
	}
	all.Wait()
	require.Less(t, time.Since(began), 30*time.Second, "those who wait are woken")
	require.Zero(t, f.only().Traps)
}

func TestManySessionsShareFewInstances(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", passes())
	layer := f.Inbound()[0]
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 2_000 {
				if v, err := layer.Call(context.Background(), request()); err != nil || v != abi.VerdictPass {
					t.Error(v, err)
					return
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 64_000, f.only().Calls)
}
