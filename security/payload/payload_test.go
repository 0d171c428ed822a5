package payload_test

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/security/payload"
)

// recorded is what the npm library made, see testdata/record.js.
//
//go:embed testdata/npm.json
var recorded []byte

type keyText struct{ PrivateKey, PublicKey string }

type vectors struct {
	Server, Client keyText
	WIF            string
	Messages       []struct {
		Text               string
		ToServer, ToClient []byte // base64
	}
	Secret  string
	Frames  []struct{ Text, Derived, Direct string }
	Digests []struct {
		Nonce  []byte // base64
		Digest string
	}
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	require.NoError(t, json.Unmarshal(recorded, &v))
	return v
}

func pairOf(t testing.TB, k keyText) *payload.Pair {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"privateKey": k.PrivateKey, "publicKey": k.PublicKey})
	require.NoError(t, err)
	pair, err := payload.ParsePair(string(raw))
	require.NoError(t, err)
	return pair
}

func TestWhatTheNPMLibrarySealsIsOpened(t *testing.T) {
	v := load(t)
	server, client := pairOf(t, v.Server), pairOf(t, v.Client)
	for _, m := range v.Messages {
		text, sender, err := server.Open(m.ToServer)
		require.NoError(t, err)
		assert.Equal(t, m.Text, string(text))
		assert.Equal(t, v.Client.PublicKey, sender)
		text, sender, err = client.Open(m.ToClient)
		require.NoError(t, err)
		assert.Equal(t, m.Text, string(text))
		assert.Equal(t, v.Server.PublicKey, sender)
	}
}

func TestWhatIsSealedIsOpened(t *testing.T) {
	v := load(t)
	server, client := pairOf(t, v.Server), pairOf(t, v.Client)
	for size := range 50 {
		message := strings.Repeat("m", size)
		sealed, err := server.Seal(client.PublicKey(), []byte(message))
		require.NoError(t, err)
		opened, sender, err := client.Open(sealed)
		require.NoError(t, err)
		assert.Equal(t, message, string(opened))
		assert.Equal(t, server.PublicKey(), sender)
		again, err := server.Seal(client.PublicKey(), []byte(message))
		require.NoError(t, err)
		assert.NotEqual(t, sealed, again, "equal messages look different")
	}
}

func TestAChangedMessageIsNotOpened(t *testing.T) {
	v := load(t)
	server := pairOf(t, v.Server)
	sealed := v.Messages[2].ToServer
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1 << (i%7 + 1)
		_, _, err := server.Open(changed)
		require.ErrorIs(t, err, payload.ErrSealed, "byte %d", i)
		_, _, err = server.Open(sealed[:i])
		require.ErrorIs(t, err, payload.ErrSealed, "cut after %d bytes", i)
	}
	otherSign := append([]byte(nil), sealed...)
	otherSign[0] ^= 1 // which the keys do not depend on
	_, sender, err := server.Open(otherSign)
	require.NoError(t, err)
	require.False(t, payload.SameKey(sender, v.Client.PublicKey), "the caller can tell")
	_, _, err = server.Open(append(append([]byte(nil), sealed...), 0))
	require.ErrorIs(t, err, payload.ErrSealed)
	other, err := payload.Generate()
	require.NoError(t, err)
	_, _, err = other.Open(sealed)
	require.ErrorIs(t, err, payload.ErrSealed, "for another server")
}

func TestFramesAreAsTheNPMLibraryWritesThem(t *testing.T) {
	v := load(t)
	for _, d := range []payload.Derivation{payload.Derived, payload.Direct} {
		secret, err := payload.ParseSecret(v.Secret, d)
		require.NoError(t, err)
		assert.Equal(t, v.Secret, secret.Text())
		for _, f := range v.Frames {
			want := f.Direct
			if d == payload.Derived {
				want = f.Derived
			}
			assert.Equal(t, "> "+want, string(secret.Seal([]byte("> "), []byte(f.Text))))
			text, err := secret.Open([]byte("< "), []byte(want))
			require.NoError(t, err)
			assert.Equal(t, "< "+f.Text, string(text))
		}
		assert.Empty(t, secret.Seal(nil, nil))
		for _, text := range []string{"0", "0g", "é", `"`} {
			_, err := secret.Open(nil, []byte(text))
			require.ErrorIs(t, err, payload.ErrHex, text)
		}
	}
	_, err := payload.ParseSecret("short", payload.Direct)
	require.Error(t, err)
}

func TestSecretsAreRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		s := payload.NewSecret(payload.Derived)
		assert.Regexp(t, "^[0-9a-f]{32}$", s.Text())
		assert.False(t, seen[s.Text()])
		seen[s.Text()] = true
	}
}

func TestDigestsAreAsTheNPMLibrarySignsThem(t *testing.T) {
	v := load(t)
	for i, d := range v.Digests {
		assert.True(t, payload.Signed(v.Client.PublicKey, d.Digest, d.Nonce))
		assert.False(t, payload.Signed(v.Server.PublicKey, d.Digest, d.Nonce), "by somebody else")
		assert.False(t, payload.Signed(v.Client.PublicKey, d.Digest, v.Digests[(i+1)%3].Nonce), "of another nonce")
		for _, wrong := range []string{"", "AAAA", "%", d.Digest[4:], strings.Repeat("A", 1000)} {
			assert.False(t, payload.Signed(v.Client.PublicKey, wrong, d.Nonce))
			assert.False(t, payload.Signed(wrong, d.Digest, d.Nonce))
		}
	}
}

func TestStoredPairsAreRead(t *testing.T) {
	v := load(t)
	pair := pairOf(t, v.Server)
	assert.Equal(t, v.Server.PublicKey, pair.PublicKey())
	assert.JSONEq(t, `{"privateKey":"`+v.Server.PrivateKey+`","publicKey":"`+v.Server.PublicKey+`"}`, pair.Text())
	wallet, err := payload.ParsePair(v.WIF)
	require.NoError(t, err)
	assert.Equal(t, v.Server.PublicKey, wallet.PublicKey())
	short := pairOf(t, keyText{base64.StdEncoding.EncodeToString([]byte{0xa5, 0xa5}), v.Server.PublicKey})
	assert.Equal(t, pair.Text(), short.Text(), "a number without its leading zeros")
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, text := range map[string]string{
		"nothing": "", "no wallet": "hello", "null": "null", "a wallet with a wrong digit": "L" + v.WIF[1:],
		"a short wallet": v.WIF[:30], "a long one": strings.Repeat(v.WIF, 2), "empty": `{}`,
		"no base64":        `{"privateKey":"%","publicKey":""}`,
		"zero":             `{"privateKey":"` + zero + `","publicKey":"` + v.Server.PublicKey + `"}`,
		"not its key":      `{"privateKey":"` + v.Server.PrivateKey + `","publicKey":"` + v.Client.PublicKey + `"}`,
		"too many bytes":   `{"privateKey":"` + base64.StdEncoding.EncodeToString(make([]byte, 33)) + `","publicKey":""}`,
		"a public key cut": `{"privateKey":"` + v.Server.PrivateKey + `","publicKey":"` + v.Server.PublicKey[:40] + `"}`,
	} {
		_, err := payload.ParsePair(text)
		assert.ErrorIs(t, err, payload.ErrPair, name)
	}
}

func TestKeysAreSealedToInBothTheirForms(t *testing.T) {
	v := load(t)
	server, client := pairOf(t, v.Server), pairOf(t, v.Client)
	assert.True(t, payload.SameKey(client.PublicKey(), v.Client.PublicKey))
	assert.False(t, payload.SameKey(client.PublicKey(), server.PublicKey()))
	for name, key := range map[string]string{
		"nothing": "", "no base64": "%%%%", "no point": base64.StdEncoding.EncodeToString(append([]byte{2}, strings.Repeat("\xff", 32)...)),
		"hybrid": base64.StdEncoding.EncodeToString(make([]byte, 65)), "long": v.Client.PublicKey + v.Client.PublicKey,
	} {
		_, err := server.Seal(key, []byte("m"))
		require.Error(t, err, name)
		assert.False(t, payload.SameKey(key, client.PublicKey()), name)
		assert.False(t, payload.SameKey(client.PublicKey(), key), name)
	}
}

func TestBytesStandInJSONAsNodeWritesThem(t *testing.T) {
	assert.Equal(t, `{"type":"Buffer","data":[0,7,255]}`, string(payload.AppendBuffer(nil, []byte{0, 7, 255})))
	for text, want := range map[string][]byte{
		`{"type":"Buffer","data":[0, 7,255]}`: {0, 7, 255},
		`[0,7,255]`:                           {0, 7, 255},
		`[]`:                                  {},
	} {
		got, err := payload.ParseBuffer([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{``, `null`, `"AA=="`, `[256]`, `[-1]`, `[1.5]`, `["1"]`, `[[1]]`, `{}`, `{"type":"Buffer"}`, `{"data":[1]}`} {
		_, err := payload.ParseBuffer([]byte(text))
		assert.ErrorIs(t, err, payload.ErrBuffer, text)
	}
}

func TestThePairIsKeptInTheStore(t *testing.T) {
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	first, err := payload.Open(t.Context(), store, time.Now())
	require.NoError(t, err)
	again, err := payload.Open(t.Context(), store, time.Now())
	require.NoError(t, err)
	assert.Equal(t, first.Text(), again.Text())

	v := load(t)
	for _, value := range []string{v.WIF, pairOf(t, v.Server).Text()} { // as happn-3 wrote it
		raw, err := json.Marshal(map[string]string{"value": value})
		require.NoError(t, err)
		_, err = durable.Put(t.Context(), store, payload.Path, raw, time.Now())
		require.NoError(t, err)
		pair, err := payload.Open(t.Context(), store, time.Now())
		require.NoError(t, err)
		assert.Equal(t, v.Server.PublicKey, pair.PublicKey())
	}
	_, err = durable.Put(t.Context(), store, payload.Path, []byte(`{"value":7}`), time.Now())
	require.NoError(t, err)
	_, err = payload.Open(t.Context(), store, time.Now())
	require.ErrorIs(t, err, payload.ErrPair)
	assert.ErrorContains(t, err, "remove the document")
}

func FuzzOpen(f *testing.F) {
	v := load(f)
	server := pairOf(f, v.Server)
	for _, m := range v.Messages {
		f.Add(m.ToServer)
	}
	known := map[string]bool{}
	for _, m := range v.Messages {
		known[m.Text] = true
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if text, _, err := server.Open(sealed); err == nil && !known[string(text)] {
			t.Fatalf("a forged message was opened: %q", text)
		}
	})
}

func FuzzSecretOpen(f *testing.F) {
	v := load(f)
	secret, err := payload.ParseSecret(v.Secret, payload.Direct)
	require.NoError(f, err)
	for _, x := range v.Frames {
		f.Add([]byte(x.Direct))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		opened, err := secret.Open(nil, text)
		if err == nil && !strings.EqualFold(string(secret.Seal(nil, opened)), string(text)) {
			t.Fatal("what was opened does not seal to the same")
		}
	})
}

func FuzzTexts(f *testing.F) {
	v := load(f)
	server := pairOf(f, v.Server)
	for _, text := range []string{v.WIF, server.Text(), v.Client.PublicKey, v.Digests[0].Digest, `{"type":"Buffer","data":[1,2]}`, "[1]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if pair, err := payload.ParsePair(text); err == nil {
			again, err := payload.ParsePair(pair.Text())
			require.NoError(t, err)
			require.True(t, payload.SameKey(pair.PublicKey(), again.PublicKey()))
		}
		if sealed, err := server.Seal(text, []byte("m")); err == nil {
			require.Len(t, sealed, 33+16+16+32)
		}
		_ = payload.Signed(text, text, v.Digests[0].Nonce)
		if raw, err := payload.ParseBuffer([]byte(text)); err == nil {
			again, err := payload.ParseBuffer(payload.AppendBuffer(nil, raw))
			require.NoError(t, err)
			require.Equal(t, raw, again)
		}
	})
}

func BenchmarkSeal300Bytes(b *testing.B) {
	secret := payload.NewSecret(payload.Direct)
	message, dst := []byte(strings.Repeat("m", 300)), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst = secret.Seal(dst[:0], message)
	}
}

func BenchmarkOpenLogin(b *testing.B) {
	v := load(b)
	server := pairOf(b, v.Server)
	for b.Loop() {
		if _, _, err := server.Open(v.Messages[2].ToServer); err != nil {
			b.Fatal(err)
		}
	}
}
