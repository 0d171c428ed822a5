package plugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// reject makes a plugin's failures visible as the verdict REJECT.
var reject = []byte("on_error: reject")

func TestVerdicts(t *testing.T) {
	echo := guest(asm.I64Const(int64(abi.Pack(abi.VerdictReplace, buffer, 0))),
		asm.LocalGet(0), []byte{0xad}, []byte{0x84}).Bytes() // or the length into the result
	for name, c := range map[string]struct {
		module  []byte
		verdict abi.Verdict
		change  func(*abi.Record)
	}{
		"pass": {passes(), abi.VerdictPass, func(*abi.Record) {}},
		"drop": {says(abi.VerdictDrop, nil), abi.VerdictDrop, func(*abi.Record) {}},
		"patch": {says(abi.VerdictPatch, record(t, abi.Record{Data: []byte(` {"n":2} `), Path: []byte("/c")})), abi.VerdictPatch,
			func(r *abi.Record) { r.Data, r.Path = []byte(`{"n":2}`), []byte("/c") }},
		"replace with the same": {echo, abi.VerdictReplace, func(*abi.Record) {}},
		"replace removes what it leaves out": {says(abi.VerdictReplace, record(t, abi.Record{Path: []byte("/a/b")})), abi.VerdictReplace,
			func(r *abi.Record) { r.Data, r.Options = nil, nil }},
		"reject with text":    {says(abi.VerdictReject, []byte("no")), abi.VerdictReject, func(r *abi.Record) { r.Error = []byte("no") }},
		"reject with JSON":    {says(abi.VerdictReject, []byte(`{"message":"no"}`)), abi.VerdictReject, func(r *abi.Record) { r.Error = []byte(`{"message":"no"}`) }},
		"reject with neither": {says(abi.VerdictReject, []byte("{\xff")), abi.VerdictReject, func(r *abi.Record) { r.Error = []byte("{\uFFFD") }},
		"reject in silence":   {says(abi.VerdictReject, nil), abi.VerdictReject, func(r *abi.Record) { r.Error = []byte("refused by a plugin") }},
		"close":               {says(abi.VerdictClose, []byte("bye")), abi.VerdictClose, func(r *abi.Record) { r.Error = []byte("bye") }},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", c.module)
			got, want := request(), request()
			c.change(want)
			v, err := f.call(got)
			require.NoError(t, err)
			require.Equal(t, c.verdict, v)
			require.Equal(t, want, got)
			require.Zero(t, f.only().Errors)
		})
	}
}

func TestOutputsThatBreakTheRulesChangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		verdict abi.Verdict
		output  []byte
		says    string
	}{
		"no record":            {abi.VerdictPatch, []byte("hello"), "record ends before"},
		"no output":            {abi.VerdictPatch, nil, "record ends before"},
		"another user":         {abi.VerdictPatch, record(t, abi.Record{Username: []byte("root")}), `changes the section "username"`},
		"another session":      {abi.VerdictReplace, record(t, abi.Record{Path: []byte("/a/b"), SessionID: []byte("x")}), `changes the section "session id"`},
		"data that is no JSON": {abi.VerdictPatch, record(t, abi.Record{Data: []byte(`{"a":`)}), `section "data": invalid JSON`},
		"options no object":    {abi.VerdictPatch, record(t, abi.Record{Options: []byte(`[1]`)}), `section "options": is not a JSON object`},
		"an empty path":        {abi.VerdictPatch, record(t, abi.Record{Path: []byte{}}), `section "path"`},
		"no path":              {abi.VerdictReplace, record(t, abi.Record{Data: []byte(`1`)}), `section "path" is missing`},
		"an error":             {abi.VerdictError, []byte("gave up"), "hook failed: gave up"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", says(c.verdict, c.output))
			rec := request()
			v, err := f.call(rec)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, abi.VerdictPass, v, "layers pass by default")
			require.Equal(t, request(), rec)

			f.put("p.yaml", reject)
			v, err = f.call(rec)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, abi.VerdictReject, v)
			require.JSONEq(t, `{"name":"PluginError","message":"plugin p failed"}`, string(rec.Error), "the client is told, but not what")
			require.EqualValues(t, 2, f.only().Errors)
			require.Zero(t, f.only().Traps)
			require.Contains(t, f.only().LastError, c.says)
		})
	}
}

func TestOnErrorOfAHookWinsOverThePlugins(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", says(abi.VerdictError, nil))
	f.put("p.yaml", []byte("on_error: reject\nhooks: [{kind: inbound, on_error: close}]"))
	v, err := f.call(request())
	require.ErrorContains(t, err, "without saying why")
	require.Equal(t, abi.VerdictClose, v)
}

func TestLazyDataIsFetchedOnDemand(t *testing.T) {
	m := &asm.Module{}
	payload := m.Import("happn", "payload", []byte{0x7f, 0x7f}, asm.I32)
	bare(m)
	// Rejects with the payload as the reason, if the record is marked lazy.
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		asm.I32Const(buffer+3), []byte{0x2d, 0, 0}, // the flags
		asm.I32Eqz, asm.IfVoid, asm.Unreachable, asm.End,
		asm.I32Const(output), asm.I32Const(100), asm.Call(payload), asm.LocalSet(1),
		asm.I64Const(int64(abi.Pack(abi.VerdictReject, output, 0))), asm.LocalGet(1), []byte{0xad}, []byte{0x84})
	f := open(t, nil)
	f.put("p.wasm", withManifest(t, m.Bytes(), `{"hooks":[{"kind":"inbound","data":"lazy"}]}`))
	rec := request()
	v, err := f.call(rec)
	require.NoError(t, err)
	require.Equal(t, abi.VerdictReject, v)
	require.Equal(t, `{"n":1}`, string(rec.Error))
	require.Equal(t, `{"n":1}`, string(rec.Data))
}
