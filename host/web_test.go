package host_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// startWeb starts a host on a free port, with a route of its own.
func startWeb(t *testing.T, change func(*config.Config)) (address, dir string) {
	t.Helper()
	c := config.Default()
	c.Port, c.Plugins.Dir, c.Data.Dir = 0, "", t.TempDir()
	change(&c)
	h, err := host.New(host.Options{Config: c})
	require.NoError(t, err)
	h.Handle("GET /own/{name}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.PathValue("name"))
	}))
	require.NoError(t, h.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, h.Stop(ctx))
	})
	return h.Addr().String(), c.Data.Dir
}

func TestAnEncryptedHostSpeaksWebsocketsAndRoutes(t *testing.T) {
	address, _ := startWeb(t, func(c *config.Config) { c.TLS.SelfSigned = true })
	trusting := &tls.Config{InsecureSkipVerify: true} // the certificate's own test is elsewhere
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting, DisableKeepAlives: true}}
	resp, err := client.Get("https://" + address + "/own/ann")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, "hello ann", string(body))
	require.Equal(t, "max-age=15552000; includeSubDomains", resp.Header.Get("Strict-Transport-Security"))

	dialer := websocket.Dialer{TLSClientConfig: trusting}
	c, up, err := dialer.Dial("wss://"+address+"/ws", nil)
	require.NoError(t, err)
	_ = up.Body.Close()
	defer c.Close()
	large := strings.Repeat("x", 300_000)
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"action":"set","eventId":1,"path":"/a","data":{"v":"`+large+`"}}`)))
	_, answer, err := c.ReadMessage()
	require.NoError(t, err)
	require.Contains(t, string(answer), large)
	require.Contains(t, string(answer), `"status":"ok"`)

	_, _, err = websocket.DefaultDialer.Dial("ws://"+address+"/ws", nil)
	require.Error(t, err, "nothing is spoken in clear")
}

func TestOperatorsOfThisMachineManageAHostWithoutAccessControl(t *testing.T) {
	address, dir := startWeb(t, func(*config.Config) {})
	c, up, err := websocket.DefaultDialer.Dial("ws://"+address+"/ws?happn_token=s3cret", nil)
	require.NoError(t, err)
	_ = up.Body.Close()
	defer c.Close()
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"action":"describe","eventId":1}`)))
	_, _, err = c.ReadMessage()
	require.NoError(t, err)

	ask := func(method, path string, header ...string) (int, string) {
		r, err := http.NewRequest(method, "http://"+address+path, nil)
		require.NoError(t, err)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		r.Close = true
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	status, list := ask("GET", "/api/v1/sessions")
	require.Equal(t, 200, status)
	require.NotContains(t, list, "s3cret")
	_, rest, ok := strings.Cut(list, `"id":"`)
	require.True(t, ok, list)
	id, _, _ := strings.Cut(rest, `"`)
	for _, header := range [][]string{{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "same-origin"}, {"X-Forwarded-For", "1.2.3.4"}} {
		status, _ = ask("DELETE", "/api/v1/sessions/"+id, header...)
		require.Equal(t, 403, status, header)
	}
	status, _ = ask("DELETE", "/api/v1/sessions/"+id)
	require.Equal(t, 200, status)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, told, err := c.ReadMessage()
	require.NoError(t, err)
	require.Contains(t, string(told), "disconnected by the operator")

	status, _ = ask("GET", "/api/v1/users")
	require.Equal(t, 404, status, "there are no users")
	text, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), "\n"), "who was refused has changed nothing")
	require.Contains(t, string(text), `"method":"DELETE","path":"/api/v1/sessions/`+id)
}

func TestAPageOfAnotherSiteHasNoWebsocket(t *testing.T) {
	address, _ := startWeb(t, func(c *config.Config) {
		c.Websocket.Origins, c.Web.Hosts = []string{"https://good.example"}, []string{"host.example"}
	})
	for _, tc := range []struct {
		origin, host string
		status       int
	}{
		{"https://good.example", "", 101}, {"https://evil.example", "", 403}, {"null", "", 403}, {"", "", 101},
		{"https://good.example.evil.example", "", 403}, {"https://good.example", "evil.example", 421},
	} {
		header := http.Header{}
		if tc.origin != "" {
			header.Set("Origin", tc.origin)
		}
		if tc.host != "" {
			header.Set("Host", tc.host)
		}
		for _, path := range []string{"/ws", "/primus"} {
			c, resp, err := websocket.DefaultDialer.Dial("ws://"+address+path, header)
			if err == nil {
				_ = c.Close()
			}
			require.NotNil(t, resp, err)
			require.Equal(t, tc.status, resp.StatusCode, tc)
		}
	}
}
