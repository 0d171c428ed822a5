package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/signature"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

func sample() []byte {
	m := &asm.Module{}
	m.Memory(1)
	m.Func("f", asm.I32, asm.I32, nil, asm.I32Const(7))
	m.Custom("some", []byte("content"))
	return m.Bytes()
}

func newKey(t testing.TB) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	text, public, err := signature.NewKey()
	require.NoError(t, err)
	key, err := signature.ParseKey(text)
	require.NoError(t, err)
	return key, public
}

func TestASignedModuleTellsItsSigner(t *testing.T) {
	key, public := newKey(t)
	other, otherPublic := newKey(t)
	none, err := signature.Signer(sample())
	require.NoError(t, err)
	require.Nil(t, none, "nobody signed it")

	signed, err := signature.Sign(sample(), key)
	require.NoError(t, err)
	_, err = wasmbin.Parse(signed)
	require.NoError(t, err, "it is a module still")
	got, err := signature.Signer(signed)
	require.NoError(t, err)
	require.Equal(t, public, got)

	again, err := signature.Sign(signed, other)
	require.NoError(t, err)
	require.Len(t, again, len(signed), "the signature before is replaced")
	got, err = signature.Signer(again)
	require.NoError(t, err)
	require.Equal(t, otherPublic, got)
}

func TestEveryChangeOfASignedModuleIsNoticed(t *testing.T) {
	key, public := newKey(t)
	signed, err := signature.Sign(sample(), key)
	require.NoError(t, err)
	for at := range signed {
		for _, bit := range []byte{1, 0x80} {
			tampered := bytes.Clone(signed)
			tampered[at] ^= bit
			signer, err := signature.Signer(tampered)
			require.False(t, err == nil && signer.Equal(public), "byte %d", at)
		}
	}
	for name, change := range map[string]func() ([]byte, error){
		"something behind it":     func() ([]byte, error) { return wasmbin.AppendCustom(signed, "more", []byte("x")) },
		"another manifest":        func() ([]byte, error) { return wasmbin.AppendCustom(signed, abi.ManifestSection, []byte("{}")) },
		"a section twice":         func() ([]byte, error) { return append(bytes.Clone(signed), signed[len(signed)-116:]...), nil },
		"a signature that is cut": func() ([]byte, error) { return wasmbin.AppendCustom(signed, abi.SignatureSection, []byte{1, 2, 3}) },
		"an empty signature":      func() ([]byte, error) { return wasmbin.AppendCustom(signed, abi.SignatureSection, nil) },
		"one of a later version":  func() ([]byte, error) { return wasmbin.AppendCustom(signed, abi.SignatureSection, make([]byte, 97)) },
	} {
		tampered, err := change()
		require.NoError(t, err, name)
		_, err = signature.Signer(tampered)
		require.Error(t, err, name)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, text := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN RSA KEY-----\nAAAA\n-----END RSA KEY-----\n"} {
		_, err := signature.ParseKey([]byte(text))
		require.Error(t, err, text)
	}
	_, public := newKey(t)
	text := signature.FormatPublic(public)
	got, err := signature.ParsePublic(text)
	require.NoError(t, err)
	require.Equal(t, public, got)
	for _, text := range []string{"", text[1:], text + "=", text[:43] + "!", "\n" + text} {
		_, err := signature.ParsePublic(text)
		require.ErrorContains(t, err, "is no public key", text)
	}
}

func FuzzSigner(f *testing.F) {
	key, _ := newKey(f)
	signed, err := signature.Sign(sample(), key)
	require.NoError(f, err)
	f.Add(signed)
	f.Add(sample())
	f.Fuzz(func(t *testing.T, module []byte) {
		signer, err := signature.Signer(module)
		if err == nil && signer != nil && !bytes.Equal(module, signed) {
			// A good signature is one that its key has made: only Sign can, and only
			// over a module.
			_, err := wasmbin.Parse(module)
			require.NoError(t, err)
			require.Len(t, signer, ed25519.PublicKeySize)
		}
	})
}
