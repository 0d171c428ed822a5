//go:build !wasip1

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const (
	older = "an older secret of at least 32 bytes"
	newer = "a newer secret of at least 32 bytes!"
)

// issue makes a key as README.md says.
func issue(signer, secret, id string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signer + "." + id))
	return prefix + signer + "." + id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func login(h sdktest.Host, user, password string) sdktest.Result {
	data, _ := json.Marshal(map[string]any{"username": user, "password": password, "type": 1})
	return h.Auth(abi.OperationLogin, abi.Record{Username: []byte(user), Data: data})
}

func set(t testing.TB, h sdktest.Host, path, data string) {
	t.Helper()
	_, err := h.Client().Set(context.Background(), path, json.RawMessage(data), nil)
	require.NoError(t, err)
}

func TestTheKeyOfREADME(t *testing.T) {
	require.Equal(t, "hk1.2026.sensor7.uqmN_pToiu8YziSIUzdB-CwGDcBrEBSWrVo5EEz_f64", issue("2026", "correct horse battery staple, twice", "sensor7"))
}

func TestKeysLogIn(t *testing.T) {
	sdktest.Both(t, (&provider{now: time.Now}).plugin(), func(t *testing.T, start sdktest.Start) {
		h := start("")
		r := login(h, "device-7", issue("new", newer, "seven"))
		require.Equal(t, abi.VerdictError, r.Verdict, "there are no secrets yet")
		require.ErrorContains(t, r.Err, "/apikeys/signing")

		set(t, h, "/apikeys/signing", `{"secrets":[{"id":"new","secret":"`+newer+`"},{"id":"old","secret":"`+older+`"},{"id":"weak","secret":"weak"}]}`)
		set(t, h, "/apikeys/keys/seven", `{"user":"device-7"}`)
		set(t, h, "/apikeys/keys/late", `{"user":"device-7","expires":1000}`)
		set(t, h, "/apikeys/keys/off", `{"user":"device-8","disabled":true}`)
		set(t, h, "/apikeys/keys/wrong", `{"user":7}`)
		good := issue("new", newer, "seven")
		for name, c := range map[string]struct {
			user, password string
			verdict        abi.Verdict
		}{
			"by the first secret":   {"device-7", good, abi.VerdictReplace},
			"by the second":         {"device-7", issue("old", older, "seven"), abi.VerdictReplace},
			"by none":               {"device-7", issue("new", older, "seven"), abi.VerdictReject},
			"by one that is gone":   {"device-7", issue("gone", newer, "seven"), abi.VerdictReject},
			"by a weak one":         {"device-7", issue("weak", "weak", "seven"), abi.VerdictError},
			"without a document":    {"device-7", issue("new", newer, "eight"), abi.VerdictReject},
			"too late":              {"device-7", issue("new", newer, "late"), abi.VerdictReject},
			"switched off":          {"device-8", issue("new", newer, "off"), abi.VerdictReject},
			"a document of no key":  {"device-7", issue("new", newer, "wrong"), abi.VerdictError},
			"another user":          {"device-8", good, abi.VerdictReject},
			"a password":            {"device-7", "secret", abi.VerdictPass},
			"no password":           {"device-7", "", abi.VerdictPass},
			"no signature":          {"device-7", "hk1.new.seven.", abi.VerdictReject},
			"half of one":           {"device-7", good[:len(good)-8], abi.VerdictReject},
			"more than one":         {"device-7", good + ".x", abi.VerdictReject},
			"a path":                {"device-7", "hk1.new.../signing." + good[len(good)-43:], abi.VerdictReject},
			"a pattern":             {"device-7", issue("new", newer, "*"), abi.VerdictReject},
			"bits beyond the end":   {"device-7", good[:len(good)-1] + "_", abi.VerdictReject},
			"nothing but the start": {"device-7", "hk1.", abi.VerdictReject},
		} {
			r := login(h, c.user, c.password)
			require.Equal(t, c.verdict, r.Verdict, "%s: %v", name, r.Err)
			if c.verdict == abi.VerdictReplace {
				require.Equal(t, `{"username":"`+c.user+`"}`, string(r.Message.Data))
			}
			if r.Err != nil {
				require.NotContains(t, r.Err.Error(), newer)
			}
		}
		require.NotContains(t, h.Log(), "hk1.")

		token := func(user string) abi.Verdict {
			return h.Auth(abi.OperationToken, abi.Record{Username: []byte(user), Data: []byte(`{"username":"` + user + `"}`)}).Verdict
		}
		require.Equal(t, abi.VerdictPass, token("device-7"))
		require.Equal(t, abi.VerdictReject, token("device-8"))
		_, err := h.Client().Remove(context.Background(), "/apikeys/keys/seven", nil)
		require.NoError(t, err)
		require.Equal(t, abi.VerdictReject, login(h, "device-7", good).Verdict, "the key was taken back")
		require.Equal(t, abi.VerdictReject, token("device-7"))
		require.Equal(t, abi.VerdictPass, h.Auth(abi.OperationChangePassword, abi.Record{Data: []byte(`{}`)}).Verdict)
	})
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{}`:              `path: "" must be a path`,
		`{"path":"/a/*"}`: `path: "/a/*" must be a path`,
		`{"paths":"/a"}`:  `unknown field "paths"`,
	} {
		require.ErrorContains(t, (&provider{}).configure([]byte(config)), says)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(issue("new", newer, "seven"))
	f.Add("hk1.a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		k, isKey, valid := parseKey(text)
		if valid && (!isKey || !isName(k.id) || !isName(k.signer) || len(k.signature) != sha256.Size) {
			t.Errorf("%q: %+v", text, k)
		}
	})
}

func BenchmarkNative(b *testing.B) {
	bench(b, sdktest.Native(b, (&provider{now: time.Now}).plugin(), ""))
}

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), "")) }

func bench(b *testing.B, h sdktest.Host) {
	set(b, h, "/apikeys/signing", `{"secrets":[{"id":"new","secret":"`+newer+`"}]}`)
	set(b, h, "/apikeys/keys/seven", `{"user":"device-7"}`)
	key := issue("new", newer, "seven")
	b.ReportAllocs()
	for b.Loop() {
		if r := login(h, "device-7", key); r.Verdict != abi.VerdictReplace {
			b.Fatal(r)
		}
	}
}
