package frames

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// operator manages a server over its API, as the recorded server's own code did
// from within.
type operator struct {
	t     *testing.T
	base  string
	token string
}

// httpToken logs in over HTTP.
func httpToken(t *testing.T, server *testhost.Server, user, password string) string {
	t.Helper()
	o := &operator{t: t, base: server.URL() + "/auth"}
	var answer struct{ Data string }
	require.NoError(t, json.Unmarshal(o.do(http.MethodGet, "/login?"+url.Values{"username": {user}, "password": {password}}.Encode(), ""), &answer))
	return answer.Data
}

// logIn returns an operator of the server.
func logIn(t *testing.T, server *testhost.Server) *operator {
	t.Helper()
	return &operator{t: t, base: server.URL() + "/api/v1", token: httpToken(t, server, "_ADMIN", adminPassword)}
}

func (o *operator) do(method, path, body string) []byte {
	o.t.Helper()
	r, err := http.NewRequest(method, o.base+path, strings.NewReader(body))
	require.NoError(o.t, err)
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	require.NoError(o.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(o.t, err)
	require.Less(o.t, resp.StatusCode, 300, "%s %s: %s", method, path, text)
	return text
}

// user makes or changes a user, and puts it into groups.
func (o *operator) user(name, properties string, groups ...string) {
	o.t.Helper()
	o.do(http.MethodPut, "/users/"+name, properties)
	for _, group := range groups {
		o.do(http.MethodPut, "/users/"+name+"/groups/"+group, `{}`)
	}
}

// group makes or changes a group.
func (o *operator) group(name, properties string) {
	o.t.Helper()
	o.do(http.MethodPut, "/groups/"+name, properties)
}

// grant gives a permission to "users/<name>" or "groups/<name>".
func (o *operator) grant(to, path, action string) {
	o.t.Helper()
	o.do(http.MethodPut, "/"+to+"/permissions", `{"path":"`+path+`","action":"`+action+`","authorized":true}`)
}

// withdraw takes a permission from "users/<name>" or "groups/<name>".
func (o *operator) withdraw(from, path, action string) {
	o.t.Helper()
	o.do(http.MethodDelete, "/"+from+"/permissions?"+url.Values{"path": {path}, "action": {action}}.Encode(), "")
}
