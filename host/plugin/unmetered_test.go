package plugin_test

import (
	"context"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// What guest has before its hook, and the hook.
const (
	theMarker = iota
	theBuf
	theHook
)

const unmetered = "allowUnmetered: true\non_error: reject\n"

// unknown is a guest with a function that the meter does not know, beside the hook.
func unknown(inbound ...[]byte) *asm.Module {
	m := guest(inbound...)
	m.Func("", asm.None, asm.None, nil, asm.ReturnCall(theMarker))
	return m
}

func TestWhatTheMeterDoesNotKnowRunsIfTheOperatorSaysSo(t *testing.T) {
	thrower := &asm.Module{}
	tag := thrower.Tag()
	bare(thrower)
	caught := asm.Join(asm.BlockVoid, []byte{0x1f, 0x40, 1, 2, 0}, []byte{0x08, byte(tag)}, asm.End, asm.Unreachable, asm.End) // try_table catch_all, throw
	thrower.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, caught, verdict(abi.VerdictReject, 0, 0))
	ext := newExtism()
	ext.hook(reply(abi.VerdictReject))
	ext.Func("", asm.None, asm.None, nil, asm.ReturnCall(ext.Func("", asm.None, asm.None, nil)))
	for name, c := range map[string]struct {
		module []byte
		has    string
	}{
		"tail calls": {unknown(verdict(abi.VerdictReject, 0, 0)).Bytes(), "instruction 0x12 is not supported (tail calls)"},
		"exceptions": {thrower.Bytes(), "section 13 is not supported (exception handling)"},
		"Extism":     {ext.Bytes(), "instruction 0x12 is not supported (tail calls)"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			f := open(t, func(o *plugin.Options) { o.CacheDir = cache })
			f.put("p.wasm", c.module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.has+"; build it without, or, if you trust it as you trust the host, have it run unmetered: allowUnmetered: true in p.yaml")

			f.put("p.yaml", []byte(unmetered))
			require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
			require.True(t, f.only().Unmetered)
			require.Contains(t, f.log.String(), "runs unmetered, by its clock alone")
			for range 3 {
				v, err := f.call(request())
				require.NoError(t, err)
				require.Equal(t, abi.VerdictReject, v)
			}
		})
	}
}

func TestOnlyAnOperatorHasAModuleRunUnmetered(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", withManifest(t, unknown(verdict(abi.VerdictPass, 0, 0)).Bytes(), `{"allowUnmetered":true}`))
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Contains(t, f.only().Reason, "allowUnmetered: unknown key")
}

// What the meter knows is metered, whatever the operator allows.
func TestWhatTheMeterKnowsIsMetered(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte(unmetered+"limits: {fuel: 100000, timeout: 20s}\n"))
	f.put("p.wasm", guest(asm.LoopVoid, asm.Br(0), asm.End, asm.I64Const(0)).Bytes())
	require.False(t, f.only().Unmetered)
	_, err := f.call(request())
	require.ErrorContains(t, err, "used up its fuel")
}

// threads and the meter's own imports are refused, whatever the operator allows.
func TestWhatNobodyCanEndIsRefused(t *testing.T) {
	stranger := &asm.Module{}
	stranger.Import("happn:meter", "yield", asm.None, asm.I64)
	bare(stranger)
	stranger.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, verdict(abi.VerdictPass, 0, 0))
	stranger.Func("", asm.None, asm.None, nil, asm.ReturnCall(1))
	for says, module := range map[string][]byte{
		"(threads)":                            guest([]byte{0xfe, 0x03, 0}, verdict(abi.VerdictPass, 0, 0)).Bytes(),
		`no grant covers module "happn:meter"`: stranger.Bytes(),
		"instruction 0xff is not supported":    guest([]byte{0xff}, verdict(abi.VerdictPass, 0, 0)).Bytes(),
	} {
		f := open(t, nil)
		f.put("p.yaml", []byte(unmetered))
		f.put("p.wasm", module)
		require.Equal(t, plugin.StateRefused, f.only().State)
		require.Contains(t, f.only().Reason, says)
		require.NotContains(t, f.only().Reason, "allowUnmetered")
	}
}

// Whatever an unmetered guest does, its clock ends it, and Go's collector does not wait
// for it meanwhile.
func TestTheClockEndsUnmeteredGuests(t *testing.T) {
	deep := guest(asm.LocalGet(0), asm.Call(theHook))
	deep.Func("", asm.None, asm.None, nil, asm.ReturnCall(theMarker))
	tree := &asm.Module{}
	bare(tree)
	for n := range uint32(40) {
		below := asm.Call(theBuf + n)
		if n == 0 {
			below = asm.Call(theMarker)
		}
		tree.Func("", asm.None, asm.None, nil, below, below)
	}
	tree.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, asm.Call(theBuf+40), verdict(abi.VerdictPass, 0, 0))
	tree.Func("", asm.None, asm.None, nil, asm.ReturnCall(theMarker))
	ext := newExtism()
	ext.hook(asm.LoopVoid, asm.Br(0), asm.End, reply(abi.VerdictPass))
	ext.Func("", asm.None, asm.None, nil, asm.ReturnCall(ext.Func("", asm.None, asm.None, nil)))
	for name, module := range map[string][]byte{
		"loops":                     unknown(asm.LoopVoid, asm.Br(0), asm.End, asm.I64Const(0)).Bytes(),
		"calls itself, and is over": guest(asm.LocalGet(0), asm.ReturnCall(theHook)).Bytes(),
		"calls a tree":              tree.Bytes(),
		"Extism":                    ext.Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte(unmetered+"limits: {timeout: 300ms, instances: 2}\n"))
			f.put("p.wasm", module)
			require.True(t, f.only().Unmetered, f.only().Reason)
			collections, ended := 0, atomic.Bool{}
			var calls sync.WaitGroup
			calls.Go(func() {
				defer ended.Store(true)
				v, err := f.Inbound()[0].Call(context.Background(), request())
				if err == nil || v != abi.VerdictReject {
					t.Errorf("it answered %v, %v", v, err)
				}
			})
			for !ended.Load() {
				runtime.GC()
				collections++
			}
			calls.Wait()
			require.Equal(t, "did not finish within its time limit of 300ms (limits.timeout)", f.only().LastError)
			require.Greater(t, collections, 3)
		})
	}
	t.Run("recurses", func(t *testing.T) { // until the engine's stack is full
		f := open(t, nil)
		f.put("p.yaml", []byte(unmetered+"limits: {timeout: 1m, instances: 1}\n"))
		f.put("p.wasm", deep.Bytes())
		_, err := f.call(request())
		require.ErrorContains(t, err, "stack overflow")
	})
	t.Run("starts for ever", func(t *testing.T) {
		for export, file := range map[string]string{"": "start", abi.ExportInitialize: abi.ExportInitialize} {
			m := unknown(verdict(abi.VerdictPass, 0, 0))
			start := m.Func(export, asm.None, asm.None, nil, asm.LoopVoid, asm.Br(0), asm.End)
			if export == "" {
				m.Start(start)
			}
			f := open(t, nil)
			f.put("p.yaml", []byte(unmetered+"limits: {startTimeout: 100ms}\n"))
			f.put("p.wasm", m.Bytes())
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Equal(t, file+": did not finish within its time limit of 100ms (limits.startTimeout)", f.only().Reason)
		}
	})
}

// A compiler of another process makes the code that the host looks for.
func TestUnmeteredModulesAreCompiledApart(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	module := bulky(unknown(verdict(abi.VerdictReject, 0, 0)))
	for _, command := range []compiler.Command{apart(t), {filepath.Join(t.TempDir(), "none")}} {
		f := open(t, func(o *plugin.Options) { o.Compiler, o.CacheDir = command, cache })
		f.put("p.yaml", []byte(unmetered))
		f.put("p.wasm", module)
		require.True(t, f.only().Unmetered, f.only().Reason)
		v, err := f.call(request())
		require.NoError(t, err)
		require.Equal(t, abi.VerdictReject, v)
	}
}

// The engine panics over a call of a function without a type. That costs the host this module.
func TestAModuleThatTheEngineCannotReadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		compiler bool
		says     string
	}{"in the host's process": {false, "the engine cannot read the module: "}, "apart": {true, "the compiler ended with exit status 2: panic: "}} {
		t.Run(name, func(t *testing.T) {
			last := unknown(asm.Call(theHook+2), verdict(abi.VerdictPass, 0, 0))
			last.Func("", asm.None, asm.None, nil)
			module := last.Bytes()
			m, err := wasmbin.Parse(module)
			require.NoError(t, err)
			types := m.Find(wasmbin.SectionFunction)
			types[len(types)-1] = 0x7e
			f := open(t, func(o *plugin.Options) {
				if c.compiler {
					o.Compiler = apart(t)
				}
			})
			f.put("p.yaml", []byte(unmetered))
			f.put("p.wasm", module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.says)
			f.put("q.wasm", passes())
			require.Equal(t, plugin.StateReady, f.List()[1].State, f.List()[1].Reason)
		})
	}
}

func TestTimeThatIsLeftIsLeft(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte(unmetered+"limits: {timeout: 1s, instances: 1}\n"))
	f.put("p.wasm", unknown(verdict(abi.VerdictReject, 0, 0)).Bytes())
	for began := time.Now(); time.Since(began) < 1500*time.Millisecond; { // each call has its own second
		v, err := f.call(request())
		require.NoError(t, err)
		require.Equal(t, abi.VerdictReject, v)
	}
}
