package plugin_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/signature"
)

func TestSignaturesAndWhoIsTrusted(t *testing.T) {
	signed := func(module []byte) ([]byte, plugin.TrustedKey) {
		text, public, err := signature.NewKey()
		require.NoError(t, err)
		key, err := signature.ParseKey(text)
		require.NoError(t, err)
		out, err := signature.Sign(module, key)
		require.NoError(t, err)
		return out, plugin.TrustedKey{Name: "operations", Key: public}
	}
	ours, key := signed(withManifest(t, passes(), `{"name":"p"}`))
	theirs, other := signed(passes())
	tampered := bytes.Clone(ours)
	at := bytes.Index(tampered, []byte(`{"name":"p"}`)) // the manifest is a part of what is signed
	tampered[at+9] = 'q'
	for name, c := range map[string]struct {
		module   []byte
		required bool
		state    plugin.State
		says     string // the signature, or the reason
	}{
		"signed by a key that is trusted":  {ours, true, plugin.StateReady, "signed by operations"},
		"and where it need not be":         {ours, false, plugin.StateReady, "signed by operations"},
		"not signed":                       {passes(), true, plugin.StateRefused, "p.wasm: it is not signed, and plugins.requireSigned is set"},
		"not signed where it need not be":  {passes(), false, plugin.StateReady, ""},
		"by a key that nobody knows":       {theirs, true, plugin.StateRefused, "signed by the key " + signature.FormatPublic(other.Key) + ", which is not in plugins.trust"},
		"by one where it need not be":      {theirs, false, plugin.StateReady, "signed by the key " + signature.FormatPublic(other.Key)},
		"changed after it was signed":      {tampered, true, plugin.StateRefused, "it was changed after it was signed"},
		"changed, and it need not be good": {tampered, false, plugin.StateRefused, "it was changed after it was signed"},
		"followed by another section":      {withManifest(t, ours, `{"name":"p"}`), true, plugin.StateRefused, "something follows the signature"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, func(o *plugin.Options) { o.Trust, o.RequireSigned = []plugin.TrustedKey{key}, c.required })
			f.put("p.wasm", c.module)
			info := f.only()
			require.Equal(t, c.state, info.State, info.Reason)
			if c.state == plugin.StateReady {
				require.Contains(t, info.Signature, c.says)
				v, err := f.call(request())
				require.NoError(t, err)
				require.Equal(t, abi.VerdictPass, v)
				return
			}
			require.Contains(t, info.Reason, c.says)
			require.Empty(t, f.Inbound())
		})
	}
}

func TestAnUnsignedVersionLeavesTheSignedOne(t *testing.T) {
	text, public, err := signature.NewKey()
	require.NoError(t, err)
	key, err := signature.ParseKey(text)
	require.NoError(t, err)
	module, err := signature.Sign(passes(), key)
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) {
		o.Trust, o.RequireSigned = []plugin.TrustedKey{{Name: "operations", Key: public}}, true
	})
	f.put("p.wasm", module)
	f.put("p.wasm", says(abi.VerdictDrop, nil))
	require.Equal(t, plugin.StateDegraded, f.only().State)
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v)
}
