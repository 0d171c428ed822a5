package plugin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/signature"
)

func TestACanaryThatCannotBeTriedIsRefused(t *testing.T) {
	stable := withManifest(t, old(), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}]}`)
	hooks := func(hooks string) []byte { return withManifest(t, next(), `{"name":"p","hooks":[`+hooks+`]}`) }
	two := &asm.Module{}
	bare(two)
	for _, e := range []string{abi.ExportInbound, abi.ExportOutbound} {
		two.Func(e, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	}
	f := open(t, nil)
	f.put("p.wasm", stable)
	for name, c := range map[string]struct {
		canary []byte
		says   string
	}{
		"half-written":  {next()[:40], "module ends too early"},
		"no plugin":     {[]byte("hello"), "not a WebAssembly module"},
		"the same":      {stable, "it is the very module that runs as p.wasm"},
		"another name":  {withManifest(t, next(), `{"name":"q"}`), `name: it is "q", and the plugin is "p"`},
		"other paths":   {hooks(`{"kind":"inbound","order":3,"paths":["/b/*"],"actions":["set"]}`), "the paths of its inbound hook are not those of p.wasm; put it in the place of p.wasm instead"},
		"other actions": {hooks(`{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["get"]}`), "the actions of its inbound hook"},
		"another order": {hooks(`{"kind":"inbound","order":4,"paths":["/a/*"],"actions":["set"]}`), "the order of its inbound hook"},
		"a further hook": {withManifest(t, two.Bytes(), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]},{"kind":"outbound"}]}`),
			"it has a hook of kind outbound, which p.wasm has not"},
		"another hook":   {withManifest(t, two.Bytes(), `{"name":"p","hooks":[{"kind":"outbound"}]}`), "it has no inbound hook, which p.wasm has"},
		"does not start": {withManifest(t, startsAt(time.Now().Add(time.Hour)), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}],"limits":{"startTimeout":"20ms"}}`), "time limit"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.put("p.canary.wasm", c.canary)
			canary := f.canary()
			require.Equal(t, plugin.StateRefused, canary.State)
			require.Contains(t, canary.Reason, c.says)
			require.Equal(t, "p.canary.wasm", canary.File)
			info := f.only()
			require.Equal(t, plugin.StateReady, info.State, "the plugin itself is not concerned")
			require.Equal(t, "old", f.version(1))
			_, err := f.Promote(ctx(t), "p", "")
			require.ErrorIs(t, err, plugin.ErrNoCanary)
			require.ErrorContains(t, err, c.says)
		})
	}
	f.t = t
	f.put("p.canary.wasm", hooks(`{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}`))
	f.put("p.yaml", []byte("canary: {share: 100}"))
	require.Equal(t, "new", f.version(1))
	f.put("p.canary.wasm", next()[:40])
	require.Equal(t, plugin.StateRefused, f.canary().State)
	require.Equal(t, "old", f.version(1), "a canary whose file is gone is gone")
	f.put("p.yaml", []byte("canary: {shar: 10}"))
	require.Contains(t, f.only().Reason, `p.yaml: canary.shar: unknown key; did you mean "share"?`)
	require.Equal(t, "old", f.version(1))
}

func TestAPluginWithoutSessionsHasNoCanary(t *testing.T) {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportTick, asm.I64, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	module := func(version string) []byte {
		return withManifest(t, m.Bytes(), `{"name":"p","version":"`+version+`","hooks":[{"kind":"tick","every":"1h"}]}`)
	}
	f := open(t, nil)
	f.put("p.yaml", []byte("grants: [tick]"))
	f.put("p.wasm", module("1"))
	f.put("p.canary.wasm", module("2"))
	require.Contains(t, f.canary().Reason, "none of them sees sessions")
}

func TestPinsHoldForCanariesToo(t *testing.T) {
	sum := func(module []byte) string {
		f := open(t, nil)
		f.put("p.wasm", module)
		return f.only().SHA256
	}
	one, two := sum(old()), sum(next())
	for name, c := range map[string]struct{ operator, says string }{
		"the canary's":    {"sha256: " + one + "\ncanary: {share: 100, sha256: " + two + "}", ""},
		"in other digits": {"canary: {share: 100, sha256: " + strings.ToUpper(two) + "}", ""},
		"the module's":    {"sha256: " + one, "p.yaml: canary.sha256: the canary is " + two},
		"another":         {"sha256: " + one + "\ncanary: {sha256: " + one + "}", "p.yaml: canary.sha256: the canary is"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte(c.operator))
			f.put("p.wasm", old())
			f.put("p.canary.wasm", next())
			if c.says != "" {
				require.Contains(t, f.canary().Reason, c.says)
				return
			}
			require.Equal(t, "new", f.version(1))
			_, err := f.Promote(ctx(t), "p", "")
			require.NoError(t, err)
			_, err = f.Reload(ctx(t), "p")
			require.NoError(t, err, "a pinned canary is a module that may run")
			require.Equal(t, "new", f.version(1))
		})
	}
}

func TestSignaturesHoldForCanariesToo(t *testing.T) {
	secret, public, err := signature.NewKey()
	require.NoError(t, err)
	key, err := signature.ParseKey(secret)
	require.NoError(t, err)
	signed, err := signature.Sign(old(), key)
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) {
		o.RequireSigned, o.Trust = true, []plugin.TrustedKey{{Name: "ops", Key: public}}
	})
	f.put("p.yaml", []byte("canary: {share: 100}"))
	f.put("p.wasm", signed)
	f.put("p.canary.wasm", next())
	require.Contains(t, f.canary().Reason, "it is not signed")
	signed, err = signature.Sign(next(), key)
	require.NoError(t, err)
	f.put("p.canary.wasm", signed)
	require.Equal(t, "signed by ops", f.canary().Signature)
	require.Equal(t, "new", f.version(1))
}
