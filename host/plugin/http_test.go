package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// answers makes a guest whose http hook gives this verdict and output.
func answers(t testing.TB, manifest string, v abi.Verdict, out []byte) []byte {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportHTTP, asm.I32, asm.I64, nil, verdict(v, output, uint32(len(out))))
	m.Data(output, out)
	return withManifest(t, m.Bytes(), manifest)
}

const anyRoute = `{"name":"p","hooks":[{"kind":"http"}]}`

func (f *folder) request(method, url string) (*http.Response, string) {
	f.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, url, strings.NewReader("body"))
	if !f.ServeHTTP(w, r, answer.Caller{Address: "1.2.3.4"}) {
		return nil, ""
	}
	body, err := io.ReadAll(w.Result().Body)
	require.NoError(f.t, err)
	return w.Result(), string(body)
}

func TestWhatAnHTTPHookAnswers(t *testing.T) {
	answer := func(options string, body string) []byte {
		return record(t, abi.Record{Kind: abi.KindHTTP, Options: []byte(options), Bytes: []byte(body)})
	}
	for name, c := range map[string]struct {
		verdict abi.Verdict
		output  []byte
		status  int
		body    string
	}{
		"bytes":               {abi.VerdictReplace, answer(`{"status":201,"headers":{"content-type":"text/plain"}}`, "made"), 201, "made"},
		"json":                {abi.VerdictReplace, record(t, abi.Record{Kind: abi.KindHTTP, Data: []byte(`{"a":1}`)}), 200, `{"a":1}`},
		"no route":            {abi.VerdictPass, nil, 404, "404 page not found\n"},
		"refused in words":    {abi.VerdictReject, []byte("no"), 400, `{"name":"Error","message":"no"}`},
		"refused by a status": {abi.VerdictReject, []byte(`{"message":"no","status":418}`), 418, `{"message":"no","status":418}`},
		"a status too low":    {abi.VerdictReject, []byte(`{"message":"no","status":200}`), 400, `{"message":"no","status":200}`},
		"failed":              {abi.VerdictError, []byte("secret reason"), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"bad status":          {abi.VerdictReplace, answer(`{"status":99}`, ""), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"a cookie":            {abi.VerdictReplace, answer(`{"headers":{"Set-Cookie":"a=b"}}`, ""), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"a header in a value": {abi.VerdictReplace, answer(`{"headers":{"x":"a\r\ny: b"}}`, ""), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"no record":           {abi.VerdictReplace, []byte("nonsense"), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"no JSON":             {abi.VerdictReplace, record(t, abi.Record{Data: []byte("{")}), 500, `{"name":"PluginError","message":"plugin p failed"}`},
		"another's verdict":   {abi.VerdictDrop, nil, 500, `{"name":"PluginError","message":"plugin p failed"}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte("grants: [http-routes]"))
			f.put("p.wasm", answers(t, anyRoute, c.verdict, c.output))
			got, body := f.request("POST", "/@plugins/p/x")
			require.NotNil(t, got)
			require.Equal(t, c.status, got.StatusCode)
			require.Equal(t, c.body, body)
			require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"), "%v", got.Header)
		})
	}
}

func TestWhichRequestsAPluginAnswers(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte("grants: [http-routes]\nhooks: [{kind: http, mount: /hooks/in}]"))
	f.put("p.wasm", answers(t, `{"name":"p","hooks":[{"kind":"http","routes":[{"path":"/a/*","methods":["POST","PUT"]},{"path":"/b"}]}]}`,
		abi.VerdictReplace, record(t, abi.Record{Kind: abi.KindHTTP})))
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/@plugins/p/a/1", 200}, {"PUT", "/hooks/in/a/", 200}, {"GET", "/@plugins/p/b", 200},
		{"GET", "/@plugins/p/a/1", 405}, {"GET", "/@plugins/p/c", 0}, {"GET", "/@plugins/px/b", 0}, {"GET", "/@plugins/p", 0},
		{"GET", "/hooks/inb", 0}, {"GET", "/hooks/in/b", 200}, {"GET", "/b", 0},
	} {
		got, _ := f.request(c.method, c.path)
		if c.status == 0 {
			require.Nil(t, got, c.path)
			continue
		}
		require.NotNil(t, got, c.path)
		require.Equal(t, c.status, got.StatusCode, c.path)
	}
	got, _ := f.request("GET", "/@plugins/p/a/1")
	require.Equal(t, "POST, PUT", got.Header.Get("Allow"))
}

func TestHTTPAndTicksNeedTheirGrants(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", answers(t, anyRoute, abi.VerdictPass, nil))
	require.Equal(t, `a hook of kind http needs the grant "http-routes": add it to grants in p.yaml`, f.only().Reason)
	f.put("p.wasm", ticks(t, `"every":"1s"`))
	require.Equal(t, `a hook of kind tick needs the grant "tick": add it to grants in p.yaml`, f.only().Reason)
	f.put("p.yaml", []byte("grants: [tick]"))
	require.Equal(t, plugin.StateReady, f.only().State)
	for when, says := range map[string]string{
		`"every":"1ms"`: "hooks[0].every: 1ms is too often", `"order":1`: `a tick hook needs every, such as 10s, or cron`,
		`"cron":"x"`: `hooks[0].cron: "x"`, `"cron":"* * * * *","every":"1s"`: "stands beside every",
	} {
		f.put("p.wasm", ticks(t, when))
		require.Contains(t, f.only().Reason, says, when)
	}
}

// ticks makes a guest that passes at its ticks, which carry a time.
func ticks(t testing.TB, when string) []byte {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportTick, asm.I64, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	return withManifest(t, m.Bytes(), `{"name":"p","hooks":[{"kind":"tick",`+when+`}]}`)
}

func TestTicksComeUntilThePluginGoes(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte("grants: [tick]"))
	f.put("p.wasm", ticks(t, `"every":"100ms"`))
	require.Eventually(t, func() bool { return f.only().Calls >= 3 }, 20*time.Second, 10*time.Millisecond)
	f.put("p.yaml", []byte("grants: [tick]\nhooks: [{kind: tick, every: 1h}]"))
	calls := f.only().Calls
	time.Sleep(250 * time.Millisecond) // two ticks of before
	require.Equal(t, calls, f.only().Calls)
	f.put("p.yaml", []byte("grants: [tick]\nhooks: [{kind: tick, cron: '0 0 30 2 *'}]"))
	require.Equal(t, plugin.StateReady, f.only().State, "a day that never comes is a schedule, too")
}
