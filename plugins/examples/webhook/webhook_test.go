//go:build !wasip1

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const sources = `{"sources":[
	{"route":"/signed","path":"/webhooks/signed/{id}","secret":"key"},
	{"route":"/open","path":"/webhooks/{header.x-kind}/{query.q}"},
	{"route":"/event","path":"/webhooks/event","event":true},
	{"route":"/elsewhere","path":"/elsewhere"}]}`

// sign returns a signature as GitHub sends it.
func sign(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhook(t *testing.T) {
	sdktest.Both(t, (&hook{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(sources)
		post := func(url, body string, headers ...string) (int, string) {
			r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			answer := p.HTTP(r, sdktest.Caller{})
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			return answer.StatusCode, string(text)
		}
		stored := func(path string) string {
			doc, err := p.Client().Get(context.Background(), path, nil)
			if errors.Is(err, client.ErrNotFound) {
				return ""
			}
			require.NoError(t, err)
			return string(doc.Data)
		}
		heard := make(chan string, 1)
		_, err := p.Client().On(context.Background(), "/webhooks/event", func(_ context.Context, e client.Publication) {
			heard <- string(e.Data)
		}, nil)
		require.NoError(t, err)

		status, text := post("/signed", `{"id":"7"}`, "X-Hub-Signature-256", sign("key", `{"id":"7"}`))
		require.Equal(t, 204, status, text)
		require.Equal(t, `{"id":"7"}`, stored("/webhooks/signed/7"))
		status, text = post("/open?q=2", `{"a":1}`, "X-Kind", "k")
		require.Equal(t, 204, status, text)
		require.Equal(t, `{"a":1}`, stored("/webhooks/k/2"))
		status, text = post("/event", `{"e":1}`)
		require.Equal(t, 204, status, text)
		require.Equal(t, `{"e":1}`, <-heard)
		require.Empty(t, stored("/webhooks/event"))

		for name, c := range map[string]struct {
			url, body, signature string
			status               int
			says                 string
		}{
			"another key":     {"/signed", `{"id":"7"}`, sign("other", `{"id":"7"}`), 401, "signature"},
			"another body":    {"/signed", `{"id":"8"}`, sign("key", `{"id":"7"}`), 401, "signature"},
			"no signature":    {"/signed", `{"id":"7"}`, "", 401, "signature"},
			"no JSON":         {"/event", `{`, "", 400, "has to be JSON"},
			"no member":       {"/signed", `{}`, sign("key", `{}`), 400, "id is missing"},
			"a path within":   {"/signed", `{"id":"a/b"}`, sign("key", `{"id":"a/b"}`), 400, "slash"},
			"a wildcard":      {"/signed", `{"id":"*"}`, sign("key", `{"id":"*"}`), 400, "asterisk"},
			"no route":        {"/nowhere", `{}`, "", 404, ""},
			"no permission":   {"/elsewhere", `{}`, "", 500, ""},
			"nothing to read": {"/event", ``, "", 400, "has to be JSON"},
		} {
			t.Run(name, func(t *testing.T) {
				status, text := post(c.url, c.body, "X-Hub-Signature-256", c.signature)
				require.Equal(t, c.status, status, text)
				require.Contains(t, text, c.says)
			})
		}
	})
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"sources":[{"route":"x","path":"/a"}]}`:    "sources[0].route must begin with a slash",
		`{"sources":[{"route":"/x"}]}`:               "sources[0].path must be a path",
		`{"sources":[{"route":"/x","path":"/a/*"}]}`: "sources[0].path must be a path without wildcards",
		`{"source":[]}`: `unknown field "source"`,
	} {
		require.ErrorContains(t, (&hook{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&hook{}).plugin(), sources)) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), sources)) }

func bench(b *testing.B, p sdktest.Host) {
	body := `{"id":"7","values":[1,2,3,4,5,6,7,8,9]}`
	signature := sign("key", body)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/signed", strings.NewReader(body))
		r.Header.Set("X-Hub-Signature-256", signature)
		if answer := p.HTTP(r, sdktest.Caller{}); answer.StatusCode != 204 {
			b.Fatal(answer.StatusCode)
		}
	}
}
