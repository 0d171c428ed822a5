package plugin_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// user imports a host function of Extism guests.
func (m *extismModule) user(name string, arguments int) uint32 {
	return m.Import(abi.ExtismUser, name, i64x2[:arguments], asm.I64)
}

// answer rejects with what is in the block whose offset is in local 1, with the
// text "nothing" for offset 0, and with what last_error says for a negative
// number.
func (m *extismModule) answer(lastError uint32) []byte {
	return asm.Join(
		asm.LocalGet(1), asm.I64Const(0), []byte{0x53}, asm.IfVoid, asm.Call(lastError), asm.LocalSet(1), asm.End, // i64.lt_s
		asm.LocalGet(1), []byte{0x50}, asm.IfVoid, m.block(1, "nothing"), asm.End, // i64.eqz
		asm.LocalGet(1), asm.LocalGet(1), asm.Call(m.length), asm.Call(m.output), reply(abi.VerdictReject))
}

// digit makes of the number below 10 in local 1 a block with its digit, if it is
// not negative.
func (m *extismModule) digit() []byte {
	return asm.Join(asm.LocalGet(1), asm.I64Const(0), []byte{0x59}, asm.IfVoid, // i64.ge_s
		asm.I64Const(1), asm.Call(m.alloc), asm.LocalSet(0),
		asm.LocalGet(0), asm.LocalGet(1), []byte{0xa7}, asm.I32Const('0'), asm.I32Add, asm.Call(m.store), // i32.wrap_i64
		asm.LocalGet(0), asm.LocalSet(1), asm.End)
}

func TestWhatAnExtismGuestDoesInTheHost(t *testing.T) {
	rec := func(r abi.Record) string { return string(record(t, r)) }
	a, b := rec(abi.Record{Path: []byte("/a")}), rec(abi.Record{Path: []byte("/b")})
	set := rec(abi.Record{Path: []byte("/a"), Data: []byte(`{"x":1}`)})
	of := func(argument string) func(m *extismModule, f uint32) []byte {
		return func(m *extismModule, f uint32) []byte {
			return asm.Join(m.block(0, argument), asm.LocalGet(0), asm.Call(f), asm.LocalSet(1))
		}
	}
	number := func(argument string) func(m *extismModule, f uint32) []byte {
		return func(m *extismModule, f uint32) []byte { return asm.Join(of(argument)(m, f), m.digit()) }
	}
	none := func(_ *extismModule, f uint32) []byte { return asm.Join(asm.Call(f), asm.LocalSet(1)) }
	for name, c := range map[string]struct {
		call      string
		arguments int
		code      func(m *extismModule, f uint32) []byte
		says      string // in the output
	}{
		"get":                      {"get", 1, of(a), `{"n":1}`},
		"get of nothing":           {"get", 1, number(rec(abi.Record{Path: []byte("/none")})), ""},
		"get without a permission": {"get", 1, of(b), "no permission of the plugin covers it: /b"},
		"get by what is no record": {"get", 1, of("x"), "not valid"},
		"get by what is no block, though near the input": {"get", 1, func(_ *extismModule, f uint32) []byte {
			return asm.Join(asm.I64Const(78), asm.Call(f), asm.LocalSet(1))
		}, "there is no block at offset 78"},
		"find and next":             {"find", 1, number(rec(abi.Record{Path: []byte("/x*"), Options: []byte("{}")})), "1"},
		"next of no search":         {"next", 1, func(_ *extismModule, f uint32) []byte { return asm.Join(asm.I64Const(9), asm.Call(f), asm.LocalSet(1)) }, "no search has this number"},
		"set":                       {"set", 1, number(set), "0"},
		"set that fails":            {"set", 1, number(rec(abi.Record{Path: []byte("/broken"), Data: []byte("1")})), "disk full"},
		"publish":                   {"publish", 1, number(set), "0"},
		"remove":                    {"remove", 1, number(a), "3"},
		"session":                   {"session_get", 1, of("session-1"), `{"id":"session-1","user":{"username":"ada"}}`},
		"session that is not there": {"session_get", 1, of("session-2"), ""},
		"call without a permission": {"call", 1, number(rec(abi.Record{Path: []byte("b.echo")})), "is not among calls"},
		"answer of no call":         {"answer", 0, none, "nothing"},
		"config":                    {"config", 0, none, `{"k":"v"}`},
		"features":                  {"features", 0, none, `"timeoutMs":`},
		"payload":                   {"payload", 0, none, `{"n":1}`},
		"too much random": {"random", 1, func(_ *extismModule, f uint32) []byte {
			return asm.Join(asm.I64Const(1<<20), asm.Call(f), asm.LocalSet(1))
		}, "too large"},
		"random": {"random", 1, func(m *extismModule, f uint32) []byte {
			return asm.Join(asm.I64Const(8), asm.Call(f), asm.Call(m.length), asm.LocalSet(1), m.digit())
		}, "8"},
		"metric_define": {"metric_define", 1, number(`{"name":"seen","type":"counter","labels":[]}`), "0"},
		"now_ms": {"now_ms", 0, func(_ *extismModule, f uint32) []byte { // later than 2001
			return asm.Join(asm.Call(f), asm.I64Const(1e12), []byte{0x55}, asm.IfVoid, asm.I64Const(0), asm.LocalSet(1), asm.End)
		}, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newExtism()
			f := m.user(c.call, c.arguments)
			lastError := f
			if c.call != "last_error" {
				lastError = m.user("last_error", 0)
			}
			m.hook(c.code(m, f), m.answer(lastError))
			w := newWorld()
			w.documents["/a"] = `{"n":1}`
			h := open(t, func(o *plugin.Options) { o.Services = w })
			require.NoError(t, os.WriteFile(filepath.Join(h.dir, "p.yaml"), []byte(all+"config: {k: v}"), 0o600))
			h.put("p.wasm", m.Bytes())
			require.Equal(t, plugin.StateReady, h.only().State, h.only().Reason)
			shown := request()
			v, err := h.call(shown)
			require.NoError(t, err)
			require.Equal(t, abi.VerdictReject, v)
			require.Contains(t, string(shown.Error), c.says)
			require.Zero(t, h.only().Traps)
			if c.call == "set" && c.says == "0" {
				require.Contains(t, w.asked, `p sets /a {"x":1}  true`)
			}
		})
	}
}

func TestAnExtismGuestReadsASearch(t *testing.T) {
	// Logs the first documents of a search, and closes it.
	m := newExtism()
	find, next := m.user("find", 1), m.user("next", 1)
	end := m.Import(abi.ExtismUser, "close", asm.I64, asm.None)
	one := asm.Join(asm.LocalGet(0), asm.Call(next), asm.Call(m.log))
	m.hook(m.block(0, string(record(t, abi.Record{Path: []byte("/x*"), Options: []byte("{}")}))), asm.LocalGet(0), asm.Call(find), asm.LocalSet(0),
		one, one, one, asm.LocalGet(0), asm.Call(end), pass)
	w := newWorld()
	f := open(t, func(o *plugin.Options) { o.Services = w })
	f.put("p.yaml", []byte(all))
	f.put("p.wasm", m.Bytes())
	_, err := f.call(request())
	require.NoError(t, err)
	for _, path := range []string{"/found/0", "/found/1", "/found/2"} {
		require.Contains(t, f.log.String(), path)
	}
	require.NotContains(t, f.log.String(), "/found/3")
	require.Contains(t, w.asked, "found enough")
}

func TestExtismGuestsHearEventsAndTicks(t *testing.T) {
	for name, c := range map[string]struct{ export, hooks, grants string }{
		"event": {abi.ExportEvent, `[{"kind":"event","paths":["/e"]}]`, all},
		"tick":  {abi.ExportTick, `[{"kind":"tick","every":"100ms"}]`, "grants: [log, tick]"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newExtism()
			m.Memory(1)
			m.Func(c.export, asm.None, asm.I32, []byte{0x7e}, m.block(0, "heard it"), asm.LocalGet(0), asm.Call(m.log), pass)
			w := newWorld()
			f := open(t, func(o *plugin.Options) { o.Services = w })
			require.NoError(t, os.WriteFile(filepath.Join(f.dir, "p.yaml"), []byte(c.grants), 0o600))
			f.put("p.wasm", withManifest(t, m.Bytes(), `{"name":"p","hooks":`+c.hooks+`}`))
			require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
			w.publish("/ALL@/e", "/e", "1")
			require.Eventually(t, func() bool { return strings.Contains(f.log.String(), "heard it") }, 20*time.Second, 5*time.Millisecond, f.log.String())
			require.Zero(t, f.only().Traps)
		})
	}
}

func TestAnExtismGuestCounts(t *testing.T) {
	m := newExtism()
	define := m.user("metric_define", 1)
	add := m.Import(abi.ExtismUser, "metric_add", []byte{0x7e, 0x7c, 0x7e}, asm.I64)
	two := []byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0x40} // f64.const 2
	m.hook(m.block(0, `{"name":"seen","type":"counter","labels":["path"]}`), asm.LocalGet(0), asm.Call(define), asm.LocalSet(0),
		m.block(1, "/a\x00"), asm.LocalGet(0), two, asm.LocalGet(1), asm.Call(add), asm.Drop,
		m.block(1, `{"name":"all","type":"gauge"}`), asm.LocalGet(1), asm.Call(define), two, asm.I64Const(0), asm.Call(add), asm.Drop, pass)
	f := open(t, nil)
	f.put("p.wasm", m.Bytes())
	for range 40 { // memory is looked at now and then
		_, err := f.call(request())
		require.NoError(t, err)
	}
	info := f.only()
	require.Equal(t, []metric.Metric{
		{Name: "all", Type: metric.Gauge, Labels: []string{}, Series: []metric.Series{{Labels: []string{}, Value: 2}}},
		{Name: "seen", Type: metric.Counter, Labels: []string{"path"}, Series: []metric.Series{{Labels: []string{"/a"}, Value: 80}}},
	}, byName(info.Metrics))
	require.Greater(t, info.Memory, int64(1<<20), "the module's memory and Extism's")
}

func byName(list []metric.Metric) []metric.Metric {
	slices.SortFunc(list, func(a, b metric.Metric) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		if list[i].Labels == nil {
			list[i].Labels = []string{}
		}
	}
	return list
}
