package plugin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// reply returns from a hook with a verdict.
func reply(v abi.Verdict) []byte { return asm.Join(asm.I32Const(int32(v)), asm.Return) }

func TestExtismGuestsDecideByTheirReturnCode(t *testing.T) {
	patch := string(record(t, abi.Record{Data: []byte(`{"n":2}`)}))
	for name, c := range map[string]struct {
		code    func(m *extismModule) []byte
		verdict abi.Verdict
		err     string
		rec     func(t *testing.T, rec *abi.Record)
	}{
		"pass": {code: func(*extismModule) []byte { return reply(abi.VerdictPass) }, verdict: abi.VerdictPass},
		"patch": {code: func(m *extismModule) []byte { return asm.Join(m.give(patch), reply(abi.VerdictPatch)) }, verdict: abi.VerdictPatch,
			rec: func(t *testing.T, rec *abi.Record) { require.Equal(t, `{"n":2}`, string(rec.Data)) }},
		"reject": {code: func(m *extismModule) []byte { return asm.Join(m.give("because"), reply(abi.VerdictReject)) }, verdict: abi.VerdictReject,
			rec: func(t *testing.T, rec *abi.Record) { require.Equal(t, "because", string(rec.Error)) }},
		"reject by error_set": {code: func(m *extismModule) []byte { return asm.Join(m.fail("of an error"), reply(abi.VerdictReject)) }, verdict: abi.VerdictReject,
			rec: func(t *testing.T, rec *abi.Record) { require.Equal(t, "of an error", string(rec.Error)) }},
		"an error": {code: func(m *extismModule) []byte { return asm.Join(m.fail("it broke"), reply(abi.VerdictError)) }, verdict: abi.VerdictReject, err: "it broke"},
		"an error and the code 1 of PDKs, which is PASS": {code: func(m *extismModule) []byte { return asm.Join(m.fail("it broke"), reply(1)) }, verdict: abi.VerdictReject, err: "it broke"},
		"an error and a negative code":                   {code: func(m *extismModule) []byte { return asm.Join(m.fail("it broke"), asm.I32Const(-1), asm.Return) }, verdict: abi.VerdictReject, err: "it broke"},
		"nothing but a negative code":                    {code: func(*extismModule) []byte { return asm.Join(asm.I32Const(-1), asm.Return) }, verdict: abi.VerdictReject, err: "returned -1, which is no verdict"},
		"an error and no code":                           {code: func(m *extismModule) []byte { return asm.Join(m.fail("it broke"), reply(0)) }, verdict: abi.VerdictReject, err: "it broke"},
		"output that is no record":                       {code: func(m *extismModule) []byte { return asm.Join(m.give("x"), reply(abi.VerdictPatch)) }, verdict: abi.VerdictReject, err: "verdict patch"},
		"output outside of memory": {code: func(m *extismModule) []byte {
			return asm.Join(asm.I64Const(1<<30), asm.I64Const(64), asm.Call(m.output), reply(abi.VerdictReject))
		}, verdict: abi.VerdictReject, err: "output lies outside of memory"},
		"output over the limit": {code: func(m *extismModule) []byte {
			return asm.Join(asm.I64Const(2<<10), asm.Call(m.alloc), asm.I64Const(2<<10), asm.Call(m.output), reply(abi.VerdictReject))
		}, verdict: abi.VerdictReject, err: "output of 2048 bytes, above the limit of 1 KiB (limits.outputKiB)"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newExtism()
			m.hook(m.bang(c.code(m)), pass)
			f := open(t, func(o *plugin.Options) { o.Limits.OutputKiB = 1 })
			f.put("p.wasm", m.Bytes())
			f.put("p.yaml", reject)
			require.Equal(t, "extism", f.only().Engine)
			rec := request()
			rec.Path = []byte("!boom")
			v, err := f.call(rec)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			require.Equal(t, c.verdict, v)
			if c.rec != nil {
				c.rec(t, rec)
			}
		})
	}
}

func TestExtismGuestsThatBreakOutOfTheirBlocks(t *testing.T) {
	at := func(offset int64) []byte { return asm.I64Const(offset) }
	for name, c := range map[string]struct {
		code func(m *extismModule) []byte
		says string
	}{
		"write over Extism's own data": {func(m *extismModule) []byte {
			return asm.Join(at(1), at(-1), asm.Call(m.storeWord))
		}, "outside of the blocks"},
		"write before their block": {func(m *extismModule) []byte {
			return asm.Join(at(64), asm.Call(m.alloc), at(-12), asm.I64Add, at(-12), asm.Call(m.storeWord))
		}, "outside of the blocks"},
		"write over the end of their block": {func(m *extismModule) []byte {
			return asm.Join(at(64), asm.Call(m.alloc), at(60), asm.I64Add, at(0), asm.Call(m.storeWord))
		}, "outside of the blocks"},
		"write to a freed block": {func(m *extismModule) []byte {
			return asm.Join(at(64), asm.Call(m.alloc), asm.LocalSet(0), asm.LocalGet(0), asm.Call(m.free),
				asm.LocalGet(0), asm.I32Const(1), asm.Call(m.store))
		}, "outside of the blocks"},
		"write far away": {func(m *extismModule) []byte {
			return asm.Join(at(1<<40), asm.I32Const(1), asm.Call(m.store))
		}, "outside of the blocks"},
		"keep more than they may": {func(m *extismModule) []byte {
			return asm.Join(m.block(0, "k"), at(1<<20), asm.Call(m.alloc), asm.LocalSet(1), asm.LocalGet(0), asm.LocalGet(1), asm.Call(m.varSet))
		}, "keeps 1048641 bytes with var_set, above the limit of 1024 KiB (limits.varsKiB)"},
		"keep a little for ever": {func(m *extismModule) []byte {
			return asm.Join(at(8), asm.Call(m.alloc), asm.LocalSet(0), at(64), asm.Call(m.alloc), asm.LocalSet(1),
				asm.LoopVoid, asm.LocalGet(0), asm.LocalGet(1), asm.Call(m.varSet), asm.Br(0), asm.End)
		}, "time limit"},
		"allocate for ever": {func(m *extismModule) []byte {
			return asm.Join(asm.LoopVoid, at(1), asm.Call(m.alloc), asm.Drop, asm.Br(0), asm.End)
		}, "time limit"},
		"log for ever": {func(m *extismModule) []byte {
			return asm.Join(m.block(0, "hello"), asm.LoopVoid, asm.LocalGet(0), asm.Call(m.log), asm.Br(0), asm.End)
		}, "time limit"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newExtism()
			m.hook(m.bang(c.code(m)), pass)
			testHostile(t, m.Bytes(), c.says)
		})
	}
}

func TestExtismMemoryStaysWithinItsLimit(t *testing.T) {
	// Takes blocks of 64 KiB until there is none left, then answers how many.
	m := newExtism()
	m.hook(m.bang(
		asm.LoopVoid,
		asm.LocalGet(2), asm.I32Const(1), asm.I32Add, asm.LocalSet(2),
		asm.I64Const(64<<10), asm.Call(m.alloc), asm.I64Const(0), []byte{0x52}, asm.BrIf(0), // i64.ne
		asm.End,
		asm.LocalGet(2), asm.I32Const(48), []byte{0x4a}, asm.IfVoid, asm.Unreachable, asm.End, // i32.gt_s
		asm.LocalGet(2), asm.I32Const(16), []byte{0x48}, asm.IfVoid, asm.Unreachable, asm.End, // i32.lt_s
	), pass)
	f := open(t, func(o *plugin.Options) {
		o.Limits.MemoryMiB, o.Limits.Instances, o.Limits.Timeout = 3, 1, 10*time.Second
	})
	f.put("p.wasm", m.Bytes())
	rec := request()
	rec.Path = []byte("!boom")
	for range 3 {
		v, err := f.call(rec)
		require.NoError(t, err)
		require.Equal(t, abi.VerdictPass, v)
	}

	rec = request()
	rec.Data = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	v, err := f.call(rec)
	require.NoError(t, err, "what a call took is free in the next one")
	require.Equal(t, abi.VerdictPass, v)
	rec.Data = []byte(`"` + strings.Repeat("x", 3<<20) + `"`)
	_, err = f.call(rec)
	require.ErrorContains(t, err, "no memory is left for an input of")
	v, err = f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)

	grows := newExtism()
	grows.hook(
		asm.LoopVoid, asm.I32Const(1), asm.MemoryGrow, asm.I32Const(-1), []byte{0x47}, asm.BrIf(0), asm.End,
		asm.I32Const(40), []byte{0x3f, 0}, []byte{0x48}, asm.IfVoid, asm.Unreachable, asm.End, // Extism begins with a MiB
		pass)
	f.put("p.wasm", grows.Bytes())
	v, err = f.call(request())
	require.NoError(t, err, "its own memory and Extism's have one limit")
	require.Equal(t, abi.VerdictPass, v)
	require.Contains(t, f.log.String(), "above the limit of 3 MiB (limits.memoryMiB)")
	require.Positive(t, f.only().Limited["memoryMiB"])
}

func TestExtismGuestsReuseWhatTheyFree(t *testing.T) {
	// 20,000 times 3,000 bytes and, behind them, 10.
	m := newExtism()
	m.hook(asm.I32Const(20_000), asm.LocalSet(2), asm.LoopVoid,
		asm.I64Const(3000), asm.Call(m.alloc), asm.LocalSet(0),
		asm.I64Const(10), asm.Call(m.alloc), asm.LocalSet(1),
		asm.LocalGet(0), []byte{0x50}, asm.LocalGet(1), []byte{0x50}, []byte{0x72}, asm.IfVoid, asm.Unreachable, asm.End, // i64.eqz, i32.or
		asm.LocalGet(0), asm.I64Const(2992), asm.I64Add, asm.I64Const(-1), asm.Call(m.storeWord),
		asm.LocalGet(0), asm.Call(m.free), asm.LocalGet(1), asm.Call(m.free),
		asm.LocalGet(2), asm.I32Const(1), asm.I32Sub, asm.LocalSet(2), asm.LocalGet(2), asm.BrIf(0), asm.End,
		pass)
	f := open(t, func(o *plugin.Options) { o.Limits.MemoryMiB, o.Limits.Timeout = 2, 30*time.Second })
	f.put("p.wasm", m.Bytes())
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
}

func TestExtismGuestsUseWhatPDKsOffer(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.Instances = 1 })
	m := newExtism()
	m.hook(m.bang(
		m.block(0, "mask"), asm.LocalGet(0), asm.Call(m.configGet), asm.LocalSet(1), asm.LocalGet(1), asm.Call(m.log),
		m.block(0, "list"), asm.LocalGet(0), asm.Call(m.configGet), asm.Call(m.log),
		m.block(0, "none"), asm.LocalGet(0), asm.Call(m.configGet), asm.I64Const(0), []byte{0x52}, asm.IfVoid, asm.Unreachable, asm.End,
		m.block(0, "kept"), asm.LocalGet(0), asm.Call(m.varGet), asm.LocalSet(1), // of the last message
		m.block(0, "kept"), m.blockAt(1, "from before"),
	), pass)
	f.put("p.wasm", m.Bytes())
	f.put("p.yaml", []byte("config: {mask: '***', list: [1, 2]}"))
	rec := request()
	rec.Path = []byte("!boom")
	_, err := f.call(rec)
	require.NoError(t, err)
	require.NotContains(t, f.log.String(), "from before")
	_, err = f.call(rec)
	require.NoError(t, err)
	require.Contains(t, f.log.String(), "from before", "variables live as long as the instance")
	require.Contains(t, f.log.String(), `msg=*** plugin=p source=guest`)
	require.Contains(t, f.log.String(), `msg=[1,2]`)
}

// blockAt logs what local holds, if it is not 0, and keeps content under the
// name in local 0.
func (m *extismModule) blockAt(local uint32, content string) []byte {
	return asm.Join(
		asm.LocalGet(local), asm.I64Const(0), []byte{0x52}, asm.IfVoid, asm.LocalGet(local), asm.Call(m.log), asm.End,
		m.block(local, content), asm.LocalGet(0), asm.LocalGet(local), asm.Call(m.varSet))
}

func TestExtismGuestsThatFailToStart(t *testing.T) {
	start := func(change func(m *extismModule, exit uint32)) []byte {
		m := newExtism()
		exit := m.Import("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None)
		m.hook(pass)
		change(m, exit)
		return m.Bytes()
	}
	forever := asm.Join(asm.LoopVoid, asm.Br(0), asm.End)
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"start function traps": {start(func(m *extismModule, _ uint32) { m.Start(m.Func("", asm.None, asm.None, nil, asm.Unreachable)) }), "start: trapped"},
		"start function loops": {start(func(m *extismModule, _ uint32) { m.Start(m.Func("", asm.None, asm.None, nil, forever)) }), "start: did not finish within its time limit"},
		"start function asks": {start(func(m *extismModule, _ uint32) {
			m.Start(m.Func("", asm.None, asm.None, nil, asm.I64Const(1), asm.Call(m.alloc), asm.Drop))
		}), "called the host in its start function"},
		"_initialize traps": {start(func(m *extismModule, _ uint32) { m.Func("_initialize", asm.None, asm.None, nil, asm.Unreachable) }), "start: trapped"},
		"_initialize loops": {start(func(m *extismModule, _ uint32) { m.Func("_initialize", asm.None, asm.None, nil, forever) }), "start: did not finish within its time limit"},
		"happn_init refuses": {start(func(m *extismModule, _ uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, nil, asm.I32Const(9))
		}), "refused the configuration with code 9"},
		"happn_init says why": {start(func(m *extismModule, _ uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, []byte{0x7e}, m.fail("mask is missing"), asm.I32Const(1))
		}), "refused the configuration: mask is missing"},
		"happn_init says why, and that all is well": {start(func(m *extismModule, _ uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, []byte{0x7e}, m.fail("mask is missing"), asm.I32Const(0))
		}), "refused the configuration: mask is missing"},
		"happn_init exits well": {start(func(m *extismModule, exit uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, nil, asm.I32Const(0), asm.Call(exit), asm.I32Const(0))
		}), "happn_init: exited with code 0"},
		"happn_init exits": {start(func(m *extismModule, exit uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, nil, asm.I32Const(2), asm.Call(exit), asm.I32Const(0))
		}), "exit_code(2)"},
		"happn_init loops": {start(func(m *extismModule, _ uint32) {
			m.Func(abi.ExportInit, asm.None, asm.I32, nil, forever, asm.I32Const(0))
		}), "happn_init: did not finish"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, func(o *plugin.Options) { o.Limits.StartTimeout = 50 * time.Millisecond })
			f.put("p.wasm", c.module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.says)
		})
	}
}

func TestExtismGuestsGetTheirConfiguration(t *testing.T) {
	m := newExtism()
	m.hook(pass)
	m.Func(abi.ExportInit, asm.None, asm.I32, []byte{0x7e}, // accepts {"a":1} only
		asm.Call(m.inputLength), asm.I64Const(7), []byte{0x52})
	f := open(t, nil)
	f.put("p.wasm", m.Bytes())
	require.Contains(t, f.only().Reason, "refused the configuration with code 1")
	f.put("p.yaml", []byte("config: {a: 1}"))
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
}

func TestExtismRefusals(t *testing.T) {
	with := func(module, name string, params, results []byte) []byte {
		m := newExtism()
		m.Import(module, name, params, results)
		m.hook(pass)
		return m.Bytes()
	}
	plain := func() []byte {
		m := newExtism()
		m.hook(pass)
		return m.Bytes()
	}
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"requests by HTTP":          {with(abi.ExtismEnvironment, "http_request", i64x2, asm.I64), "import extism:host/env.http_request: plugins have no network"},
		"what is for hosts":         {with(abi.ExtismEnvironment, "reset", asm.None, asm.None), "import extism:host/env.reset: plugins have no such thing"},
		"an import of a wrong type": {with(abi.ExtismEnvironment, "log_info", asm.I32, asm.None), "import extism:host/env.log_info has type (i32), expected (i64)"},
		"an unknown host function":  {with(abi.ExtismUser, "gett", asm.I64, asm.I64), `import extism:host/user.gett: this version of the host does not provide it; did you mean "get"?`},
		"a host function as raw":    {with(abi.ExtismUser, "find", asm.I32, asm.I32), "import extism:host/user.find has type (i32) -> i32, expected (i64) -> i64"},
		"without a grant":           {with(abi.ExtismUser, "publish", asm.I64, asm.I64), `import extism:host/user.publish needs the grant "publish": add it to grants in the operator's file`},
		"raw imports":               {with("happn", "now_ms", asm.None, asm.I64), `import happn.now_ms: no grant covers module "happn"`},
		"the meter":                 {with("happn:meter", "yield", asm.None, asm.I64), `import happn:meter.yield: no grant covers module "happn:meter"`},
		"the host's own functions":  {with("happn:extism", "alloc", asm.I64, asm.I64), `import happn:extism.alloc: no grant covers module "happn:extism"`},
		"AssemblyScript's abort":    {with("env", "abort", asm.None, asm.None), `import env.abort: no grant covers module "env"`},
		"a hook as raw": {func() []byte {
			m := newExtism()
			m.Memory(1)
			m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.I64Const(0))
			return m.Bytes()
		}(), `export "happn_inbound" has type (i32) -> i64, expected () -> i32 of a module built with an Extism PDK`},
		"no hook": {func() []byte {
			m := newExtism()
			m.Memory(1)
			m.Func("run", asm.None, asm.I32, nil, pass)
			return m.Bytes()
		}(), "exports no hook"},
		"a manifest that says raw":                {withManifest(t, plain(), `{"abi":"raw"}`), "abi: the manifest says raw"},
		"a raw module whose manifest says extism": {withManifest(t, passes(), `{"abi":"extism"}`), "abi: the manifest says extism"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", c.module)
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.says)
		})
	}
	t.Run("log lines without the grant", func(t *testing.T) {
		f := open(t, nil)
		f.put("p.yaml", []byte("grants: []"))
		f.put("p.wasm", plain())
		require.Contains(t, f.only().Reason, `import extism:host/env.log_warn needs the grant "log"`)
	})
	t.Run("nothing of Extism but the manifest's word", func(t *testing.T) {
		m := &asm.Module{}
		m.Memory(1)
		m.Func(abi.ExportInbound, asm.None, asm.I32, nil, pass)
		f := open(t, nil)
		f.put("p.wasm", withManifest(t, m.Bytes(), `{"abi":"extism"}`))
		require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
		v, err := f.call(request())
		require.NoError(t, err)
		require.Equal(t, abi.VerdictPass, v)
	})
	t.Run("an environment in which guests write to standard output", func(t *testing.T) {
		t.Setenv("EXTISM_ENABLE_WASI_OUTPUT", "1")
		f := open(t, nil)
		f.put("p.wasm", plain())
		require.Contains(t, f.only().Reason, "EXTISM_ENABLE_WASI_OUTPUT")
	})
}

func TestExtismRecordsMayBeLarge(t *testing.T) {
	m := newExtism()
	m.hook(asm.Call(m.inputLength), asm.I64Const(400<<10), []byte{0x55}, asm.IfVoid, reply(abi.VerdictDrop), asm.End, pass) // i64.gt_s
	f := open(t, nil)
	f.put("p.wasm", m.Bytes())
	for _, size := range []int{1, 100 << 10, 400 << 10, 10, 8 << 20, 1} {
		rec := request()
		rec.Data = []byte(`"` + strings.Repeat("x", size) + `"`)
		v, err := f.Inbound()[0].Call(context.Background(), rec)
		require.NoError(t, err)
		require.Equal(t, size >= 400<<10, v == abi.VerdictDrop, size)
	}
}
