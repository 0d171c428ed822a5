package plugin_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// growsAndExits makes a guest that grows for paths beginning with "!", writes at
// the end of what it has, and exits.
func growsAndExits() []byte {
	m := &asm.Module{}
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None)
	bare(m)
	m.Data(output, bytes.Repeat([]byte("x"), 900))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		banged(asm.Join(asm.I32Const(15<<4), asm.MemoryGrow, asm.Drop, turns(1, 100_000, touch()), asm.I32Const(1), asm.Call(exit))),
		verdict(abi.VerdictReject, output, 900))
	return m.Bytes()
}

// touch writes to the page of memory that local 1 counts, within 4 MiB.
func touch() []byte {
	return asm.Join(asm.LocalGet(1), asm.I32Const(1023), []byte{0x71}, asm.I32Const(12), []byte{0x74}, asm.I32Const(1), []byte{0x36, 2, 0})
}

// Memory goes when its instance does. Nobody reads it any more then, whatever the
// others do: this test would not fail but crash.
func TestInstancesAreClosedWhileOthersCall(t *testing.T) {
	w := newWorld()
	f := open(t, func(o *plugin.Options) {
		o.Limits.Timeout, o.Limits.Instances, o.Services = 20*time.Millisecond, 3, w
		o.Breaker.Faults = 1 << 30
	})
	for n, d := range dialects {
		f.put(fmt.Sprintf("%d.yaml", n), []byte("on_error: reject"))
		f.put(fmt.Sprintf("%d.wasm", n), d.exits(1))
	}
	f.put("g.yaml", []byte("on_error: reject"))
	module := growsAndExits()
	f.put("g.wasm", withManifest(t, module, `{"name":"g","hooks":[{"kind":"inbound"}]}`))
	var stop atomic.Bool
	var calling sync.WaitGroup
	for k := range 4 {
		calling.Go(func() {
			for n := 0; !stop.Load(); n++ {
				rec := request()
				rec.SessionID = fmt.Appendf(nil, "session-%d", n)
				if (n+k)%3 == 0 {
					rec.Path = []byte("!boom")
				}
				for _, l := range f.Inbound() {
					_, _ = l.Call(context.Background(), rec)
				}
			}
		})
	}
	for n := range 5 {
		time.Sleep(50 * time.Millisecond)
		f.put("g.wasm", withManifest(t, module, fmt.Sprintf(`{"name":"g","version":"1.0.%d","hooks":[{"kind":"inbound"}]}`, n)))
	}
	stop.Store(true)
	calling.Wait()
	traps := uint64(0)
	for _, info := range f.List() {
		traps += info.Traps
	}
	require.Greater(t, traps, uint64(10))
}

// What a guest has grown to goes back to the system with its instance.
func TestMemoryIsGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	f := open(t, func(o *plugin.Options) {
		o.Limits.Instances, o.Limits.Timeout, o.Limits.MemoryMiB = 1, 30*time.Second, 64
		o.Breaker.Faults = 1 << 30
	})
	f.put("p.wasm", guest(banged(asm.Join(
		asm.I32Const(60*16), asm.MemoryGrow, asm.Drop,
		turns(1, 60*256, asm.LocalGet(1), asm.I32Const(12), []byte{0x74}, asm.I32Const(1), []byte{0x36, 2, 0}),
		asm.Unreachable)), verdict(abi.VerdictPass, 0, 0)).Bytes())
	bad := request()
	bad.Path = []byte("!boom")
	before := residentMemory(t)
	for range 5 {
		_, err := f.call(bad)
		require.ErrorContains(t, err, "unreachable")
	}
	_, err := f.call(request()) // by another instance
	require.NoError(t, err)
	require.Less(t, residentMemory(t)-before, int64(60<<20))
	require.Less(t, f.only().Memory, int64(1<<20))
}

// residentMemory returns how many bytes of memory the process has.
func residentMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

// The guest goes on after its table could not grow, and the operator is told.
func TestTablesStayWithinTheirLimit(t *testing.T) {
	for limit, says := range map[int]string{
		20:      "a table would grow, above the limit of 20 (limits.tableElements)",
		1 << 17: "a table would grow to more than 131072 elements, above which limits.tableElements allows no growing",
		1 << 20: "a table would grow to more than 131072 elements, above which limits.tableElements allows no growing",
	} {
		f := open(t, func(o *plugin.Options) {
			o.Limits.TableElements, o.Limits.Timeout, o.Limits.Instances = limit, 20*time.Second, 1
		})
		m := &asm.Module{}
		m.Table(10)
		bare(m)
		grow := func(by int32) []byte {
			return asm.Join([]byte{0xd0, 0x70}, asm.I32Const(by), []byte{0xfc, 15, 0}, asm.Drop)
		}
		m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, grow(int32(min(limit, 1<<17)-10)), grow(-20), banged(turns(1, 100, grow(1))), verdict(abi.VerdictPass, 0, 0))
		f.put("p.wasm", m.Bytes())
		_, err := f.call(request())
		require.NoError(t, err)
		require.Empty(t, f.only().Limited)
		loud := request()
		loud.Path = []byte("!")
		_, err = f.call(loud)
		require.NoError(t, err)
		require.Equal(t, map[string]uint64{"tableElements": 101}, f.only().Limited)
		require.Equal(t, 1, strings.Count(f.log.String(), `limit=limits.tableElements reason="`+says+`" times=1`), f.log.String())
	}
}
