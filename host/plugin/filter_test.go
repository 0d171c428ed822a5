package plugin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// A message about many paths is seen by each hook that has one of them.
func TestAWildcardGetsNobodyPastALayer(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", passes())
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/*", "*", true}, {"/a/*", "/*", true}, {"/a/*", "/a*", true}, {"/a/*", "/a/b/*", true}, {"/a/*", "/b*", false},
		{"/a/*/c", "/a/b/*", true}, {"/a/*/c", "/a/b*d", false}, {"/a/b", "/*/b", true}, {"/a/b", "/*/c", false},
		{"*/secret", "/a/*", true}, {"*/secret", "/a/*x", false}, {"/a*b", "/ab*", true}, {"/ab", "/a*b*", true},
		{"/ab", "/a*bc*", false}, {"/a/*", "/" + strings.Repeat("x", 200) + "*", false}, {"/x*", "/" + strings.Repeat("x", 200) + "*", true},
		{"*" + strings.Repeat("a", 400), strings.Repeat("b", 400) + "*", true}, {strings.Repeat("a", 400), strings.Repeat("b", 400) + "*", true},
	} {
		f.put("p.yaml", []byte("hooks: [{kind: inbound, paths: ['"+c.pattern+"']}]"))
		require.Equal(t, c.want, f.Inbound()[0].Handles(abi.KindRequest, abi.ActionGet, []byte(c.path)), "%s %s", c.pattern, c.path)
	}
}

func TestFiltersByKindActionAndChannel(t *testing.T) {
	m := guest(verdict(abi.VerdictPass, 0, 0))
	m.Func(abi.ExportOutbound, []byte{0x7f}, []byte{0x7e}, nil, verdict(abi.VerdictPass, 0, 0))
	f := open(t, nil)
	f.put("p.wasm", withManifest(t, m.Bytes(), `{"hooks":[
		{"kind":"inbound","actions":["on","set"],"paths":["/a/*"]},
		{"kind":"outbound","kinds":["publication"],"scope":"publication"}]}`))
	in, out := f.Inbound()[0], f.Outbound()[0]
	for _, c := range []struct {
		kind   abi.Kind
		action abi.Action
		path   string
		in     bool
		out    bool
	}{
		{abi.KindRequest, abi.ActionSet, "/a/b", true, false},
		{abi.KindRequest, abi.ActionGet, "/a/b", false, false},
		{abi.KindRequest, abi.ActionOn, "/ALL@/a/b", true, false},
		{abi.KindRequest, abi.ActionOn, "/SET@/b/b", false, false},
		{abi.KindRequest, abi.ActionOn, "/a/b", true, false},
		{abi.KindRequest, abi.ActionSet, "/ALL@/a/b", false, false}, // a path that looks like a channel
		{abi.KindResponse, abi.ActionSet, "/a/b", false, false},
		{abi.KindPublication, abi.ActionSet, "/a/b", false, true},
		{0, abi.ActionSet, "/a/b", false, false},
	} {
		require.Equal(t, c.in, in.Handles(c.kind, c.action, []byte(c.path)), "%+v", c)
		require.Equal(t, c.out, out.Handles(c.kind, c.action, []byte(c.path)), "%+v", c)
	}
	require.True(t, in.Recipient())
	require.False(t, out.Recipient())
	path := []byte("/a/b")
	require.Zero(t, testing.AllocsPerRun(100, func() { in.Handles(abi.KindRequest, abi.ActionSet, path) }))
}

func TestCallsDoNotAllocate(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", passes())
	rec, run := request(), t.Context()
	layer := f.Inbound()[0]
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = layer.Call(run, rec) }))
}

func TestAGuestCannotFloodTheLog(t *testing.T) {
	m := &asm.Module{}
	log := m.Import("happn", "log", []byte{0x7f, 0x7f, 0x7f}, asm.None)
	bare(m)
	m.Data(output, []byte("spam"))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32,
		asm.I32Const(1000), asm.LocalSet(1),
		asm.LoopVoid,
		asm.I32Const(2), asm.I32Const(output), asm.I32Const(4), asm.Call(log),
		asm.LocalGet(1), asm.I32Const(1), asm.I32Sub, asm.LocalSet(1), asm.LocalGet(1), asm.BrIf(0), asm.End,
		verdict(abi.VerdictPass, 0, 0))
	f := open(t, func(o *plugin.Options) { o.Limits.Timeout = 5 * time.Second })
	f.put("p.wasm", m.Bytes())
	_, err := f.call(request())
	require.NoError(t, err)
	lines := strings.Count(f.log.String(), "spam")
	require.LessOrEqual(t, lines, 260)
	require.GreaterOrEqual(t, lines, 200)
}
