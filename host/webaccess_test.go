package host_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/security/directory"
)

func httpDo(t *testing.T, h *host.Host, method, path, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+h.Addr().String()+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func httpLogin(t *testing.T, h *host.Host, user, password string) string {
	t.Helper()
	status, body := httpDo(t, h, "GET", "/auth/login?"+url.Values{"username": {user}, "password": {password}}.Encode(), "", "")
	require.Equal(t, 200, status, body)
	var answer struct{ Data string }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	return answer.Data
}

func TestTheAPIIsForThoseWhoArePermitted(t *testing.T) {
	h := guarded(t, nil)
	status, _ := httpDo(t, h, "GET", "/api/v1/users", "", "")
	assert.Equal(t, 401, status)
	status, _ = httpDo(t, h, "GET", "/api/v1/users", httpLogin(t, h, "bob", "pwd"), "")
	assert.Equal(t, 403, status)
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	status, body := httpDo(t, h, "GET", "/api/v1/users", admin, "")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, `"bob"`)
	assert.NotContains(t, body, "pbkdf2", "no hashes are shown")
	_, err := h.Directory().UpsertPermission(t.Context(), directory.UserOf("bob"), "/@HTTP/api/v1/users", "get", true)
	require.NoError(t, err)
	status, _ = httpDo(t, h, "GET", "/api/v1/users", httpLogin(t, h, "bob", "pwd"), "")
	assert.Equal(t, 200, status)
	for _, path := range []string{"/api/v1/backup", "/api/v1/compact", "/api/v1/archive"} {
		status, _ = httpDo(t, h, "POST", path, "", "")
		assert.Equal(t, 401, status, path)
	}
}

func TestARevokedTokenOpensNothing(t *testing.T) {
	h := guarded(t, nil)
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	c := bob(t, h)
	token := c.Session().Token
	body, err := json.Marshal(map[string]string{"token": token, "reason": "test"})
	require.NoError(t, err)
	status, answer := httpDo(t, h, "POST", "/api/v1/tokens/revoke", admin, string(body))
	require.Less(t, status, 300, answer)
	eventually(t, func() bool { return h.Health(t.Context()).Sessions == 0 })
	status, _ = httpDo(t, h, "GET", "/api/v1/users", token, "")
	assert.Equal(t, 403, status)
	_, err = dial(h, client.Options{Token: token})
	assert.Error(t, err)
}

func TestANewKeyEndsTokensWhenAsked(t *testing.T) {
	h := guarded(t, nil)
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	status, answer := httpDo(t, h, "POST", "/api/v1/tokens/keys", admin, `{}`)
	require.Equal(t, 200, status, answer)
	require.Len(t, h.Tokens().Keys(), 2, "by default the old key never retires")
	fresh := httpLogin(t, h, "_ADMIN", adminPassword)
	status, answer = httpDo(t, h, "GET", "/api/v1/tokens/keys", admin, "")
	require.Equal(t, 200, status, answer)
	require.NotContains(t, answer, "secret")
	status, answer = httpDo(t, h, "POST", "/api/v1/tokens/keys", fresh, `{"grace":"0s"}`)
	require.Equal(t, 200, status, answer)
	for _, ended := range []string{admin, fresh} {
		status, _ = httpDo(t, h, "GET", "/api/v1/tokens/keys", ended, "")
		require.Equal(t, 401, status)
	}
	status, _ = httpDo(t, h, "GET", "/api/v1/tokens/keys", httpLogin(t, h, "_ADMIN", adminPassword), "")
	require.Equal(t, 200, status)
}

func TestStrangersHearOnlyWhetherTheHostIsWell(t *testing.T) {
	h := guarded(t, nil)
	status, body := httpDo(t, h, "GET", "/healthz", "", "")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"status":"ok"}`, body)
	_, body = httpDo(t, h, "GET", "/api/v1/health", httpLogin(t, h, "_ADMIN", adminPassword), "")
	assert.Contains(t, body, `"sessions"`)
	assert.Contains(t, body, `"security":{"logins":1,"refused":0,"limited":0,"locked":0,"revoked":0,"keys":1}`)
}

// Whoever comes from no proxy of ours cannot choose the address that white lists
// and rates look at.
func TestAForwardedAddressIsNotBelieved(t *testing.T) {
	h := guarded(t, nil)
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	c, err := rawDial(h, http.Header{"X-Forwarded-For": {"10.9.8.7"}})
	require.NoError(t, err)
	defer c.Close()
	body := ""
	eventually(t, func() bool { // a connection is there a moment before its session
		_, body = httpDo(t, h, "GET", "/api/v1/sessions", admin, "")
		return strings.Contains(body, `"ip":`)
	})
	assert.NotContains(t, body, `"ip":"10.9.8.7"`)
	assert.Contains(t, body, `"ip":"127.0.0.1"`)
}

// A page of another site makes a browser send the cookie when it connects. That
// logs nobody in: only a login with a token does.
func TestACookieOpensNoWebsocket(t *testing.T) {
	h := guarded(t, nil)
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	c, err := rawDial(h, http.Header{"Cookie": {"happn_token=" + admin}, "Origin": {"https://elsewhere.example"}})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"action":"get","eventId":1,"path":"/desk/1"}`)))
	_, answer, err := c.ReadMessage()
	require.NoError(t, err)
	require.Contains(t, string(answer), "AccessDenied")
}

func rawDial(h *host.Host, header http.Header) (*websocket.Conn, error) {
	c, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/ws", header)
	return c, err
}
