package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/security/directory"
)

type tokens struct {
	revoked, restored, unlocked string
	grace                       *time.Duration
}

func (t *tokens) Revoke(_ context.Context, token, reason string) error {
	t.revoked = token + " " + reason
	return nil
}
func (t *tokens) RevokeSession(_ context.Context, id, reason string) (bool, error) {
	t.revoked = "of " + id + " " + reason
	return id == "s1", nil
}
func (t *tokens) Keys() any { return []string{"k1"} }
func (t *tokens) Rotate(_ context.Context, grace *time.Duration) error {
	t.grace = grace
	return nil
}
func (t *tokens) Restore(_ context.Context, token string) error { t.restored = token; return nil }
func (t *tokens) Revoked() any                                  { return []string{} }
func (t *tokens) Unlock(name string)                            { t.unlocked = name }

type sessions struct{ ended string }

func (s *sessions) List() []json.RawMessage { return []json.RawMessage{[]byte(`{"id":"s1"}`)} }
func (s *sessions) Session(id string) (json.RawMessage, bool) {
	return []byte(`{"id":"s1"}`), id == "s1"
}
func (s *sessions) Disconnect(id, reason string) (bool, error) {
	if id == "own" {
		return false, &admin.Refusal{Status: 409, Message: "a part of the host"}
	}
	s.ended = id + " " + reason
	return id == "s1", nil
}

type status struct{}

func (status) Health(context.Context) any { return map[string]string{"status": "ok"} }

// plugins knows p alone.
type plugins struct{ done []string }

func (p *plugins) do(what, name string) (any, error) {
	if name != "p" {
		return nil, &admin.Refusal{Status: 404, Message: "there is no such plugin"}
	}
	p.done = append(p.done, what)
	return map[string]string{"name": name}, nil
}
func (p *plugins) List() any                     { return []string{"p"} }
func (p *plugins) Show(name string) (any, error) { return p.do("show", name) }
func (p *plugins) Disable(_ context.Context, name, by string) (any, error) {
	return p.do("disable by "+by, name)
}
func (p *plugins) Enable(_ context.Context, name string) (any, error) { return p.do("enable", name) }
func (p *plugins) Reload(_ context.Context, name string) (any, error) { return p.do("reload", name) }
func (p *plugins) Promote(_ context.Context, name, by string) (any, error) {
	return p.do("promote by "+by, name)
}
func (p *plugins) Rollback(_ context.Context, name, by string) (any, error) {
	return p.do("rollback by "+by, name)
}
func (p *plugins) Logs(name string, after uint64, lines int) (any, error) {
	return p.do(fmt.Sprintf("%d lines after %d", lines, after), name)
}

type fixture struct {
	*http.ServeMux
	api      *admin.API
	tokens   *tokens
	sessions *sessions
	plugins  *plugins
	audit    string
}

func open(t *testing.T) *fixture {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	d, err := directory.Open(t.Context(), store, directory.Options{
		Hash:          func(password string) (string, error) { return "hash of " + password, nil },
		AdminPassword: func() (string, error) { return "secret", nil },
	})
	require.NoError(t, err)
	f := &fixture{ServeMux: http.NewServeMux(), tokens: &tokens{}, sessions: &sessions{}, plugins: &plugins{}, audit: filepath.Join(t.TempDir(), "audit.jsonl")}
	log := slog.New(slog.DiscardHandler)
	audit, err := admin.OpenAudit(f.audit, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, audit.Close()) })
	f.api = admin.New(admin.Options{
		Directory: admin.ManageDirectory(d), Tokens: f.tokens, Sessions: f.sessions, Status: status{}, Plugins: f.plugins, Audit: audit, Logger: log,
		Actor: func(r *http.Request) (string, string) { return "ann", "192.0.2.1" },
		More: []admin.Route{{Method: http.MethodPost, Path: "/more", Summary: "Do more", Answers: "text",
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "more") })}},
	})
	f.api.Mount(f.Handle)
	return f
}

func (f *fixture) ask(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestWhatAnOperatorDoesToUsersAndGroups(t *testing.T) {
	f := open(t)
	for _, step := range []struct {
		method, path, body string
		status             int
		answer             string // part of it
	}{
		{"PUT", "/users/bob", `{"custom_data":{}}`, 400, "no password or publicKey specified"},
		{"PUT", "/users/bob", `{"password":"pwd","custom_data":{"a":1}}`, 200, `"username":"bob"`},
		{"PUT", "/users/bob?create=true", `{"password":"pwd"}`, 400, "already exists"},
		{"PUT", "/users/bob", `{"username":"ann","password":"pwd"}`, 400, "username in the body"},
		{"PUT", "/users/a%2Fb", `{"password":"pwd"}`, 200, `"username":"a/b"`},
		{"GET", "/users/a%2Fb", "", 200, `"username":"a/b"`},
		{"GET", "/users/nobody", "", 404, "there is no user nobody"},
		{"GET", "/users/bob", "", 200, `"custom_data":{"a":1}`},
		{"GET", "/users?name=b", "", 200, `[{"username":"bob"`},
		{"GET", "/users?limit=x", "", 400, "limit has to be JSON"},
		{"GET", "/users?filter=x", "", 400, `the parameter \"filter\" is not known`},
		{"PUT", "/groups/G", `{"permissions":{"/x/*":{"actions":["get"]}}}`, 200, `"/x/*":{"actions":["get"]}`},
		{"PUT", "/groups/G", `{"name":"H"}`, 400, "name in the body"},
		{"PUT", "/users/bob/groups/G", `{"since":1}`, 200, `"group":"G"`},
		{"PUT", "/users/bob/groups/none", `{}`, 404, "does not exist"},
		{"GET", "/users?group=G", "", 200, `"G":{"data":{"since":1}}`},
		{"PUT", "/users/bob/permissions", `{"path":"/y","action":"set"}`, 200, `"authorized":true`},
		{"PUT", "/users/bob/permissions", `{"path":"/y","action":"get","authorized":false}`, 200, `"authorized":false`},
		{"PUT", "/users/bob/permissions", `{"path":"/y","action":"eat"}`, 400, "one of the actions"},
		{"PUT", "/users/bob/permissions", `{"path":"/y","action":"set","more":1}`, 400, "unknown field"},
		{"PUT", "/users/nobody/permissions", `{"path":"/y","action":"set"}`, 404, "no user nobody"},
		{"GET", "/users/bob/permissions", "", 200, `{"action":"set","authorized":true,"path":"/y"}`},
		{"DELETE", "/users/bob/permissions?path=/y", "", 200, `{"removed":2}`},
		{"GET", "/users/bob/permissions", "", 200, `[]`},
		{"DELETE", "/groups/G/permissions?action=get", "", 200, `{"removed":1}`},
		{"DELETE", "/users/bob/groups/G", "", 200, `"removed":"G"`},
		{"DELETE", "/users/bob/groups/G", "", 404, "no link"},
		{"PUT", "/lookup-tables/T", `{"paths":["/a/b","c"]}`, 200, `"paths":["a/b","c"]`},
		{"GET", "/lookup-tables", "", 200, `["T"]`},
		{"DELETE", "/lookup-tables/T?path=c", "", 200, `"removed":"c"`},
		{"GET", "/lookup-tables/T", "", 200, `["a/b"]`},
		{"PUT", "/groups/G/lookup-permissions", `{"regex":"^/d/(.*)","actions":["get"],"table":"T","path":"/a/{{$1}}"}`, 200, `"table":"T"`},
		{"GET", "/groups/G/lookup-permissions", "", 200, `"regex":"^/d/(.*)"`},
		{"DELETE", "/groups/G/lookup-permissions", `{"regex":"^/d/(.*)","actions":["get"],"table":"T","path":"/a/{{$1}}"}`, 200, `"table":"T"`},
		{"DELETE", "/lookup-tables/T", "", 200, `"removed":"T"`},
		{"GET", "/lookup-tables/T", "", 404, "no lookup table T"},
		{"DELETE", "/groups/G", "", 200, `"removed":"G"`},
		{"GET", "/groups/G", "", 404, "no group G"},
		{"DELETE", "/groups/G", "", 404, "no group G"},
		{"DELETE", "/users/_ADMIN", "", 400, "reserved name"},
		{"DELETE", "/users/bob", "", 200, `"removed":"bob"`},
		{"DELETE", "/users/bob", "", 404, "no user bob"},
		{"GET", "/sessions", "", 200, `[{"id":"s1"}]`},
		{"GET", "/sessions/s2", "", 404, "no session s2"},
		{"DELETE", "/sessions/s1?reason=over", "", 200, `"removed":"s1"`},
		{"DELETE", "/sessions/own", "", 409, "a part of the host"},
		{"POST", "/tokens/revoke", `{"session":"s2"}`, 404, "no session s2 that has"},
		{"POST", "/tokens/revoke", `{"session":"s1"}`, 200, `"revoked":true`},
		{"POST", "/tokens/revoke", `{"token":"a.b.c"}`, 200, `"revoked":true`},
		{"POST", "/tokens/revoke", `{}`, 400, "name the token"},
		{"POST", "/tokens/revoke", `{"token":"a.b.c","session":"s1"}`, 400, "name the token"},
		{"POST", "/tokens/restore", `{}`, 400, "by its id"},
		{"POST", "/tokens/restore", `{"token":"a.b.c"}`, 200, `"restored":true`},
		{"POST", "/tokens/restore", `{"id":"0a1b"}`, 200, `"restored":true`},
		{"GET", "/tokens/keys", "", 200, `["k1"]`},
		{"POST", "/tokens/keys", `{"grace":"soon"}`, 400, "such as 24h"},
		{"POST", "/tokens/keys", `{"grace":"-1s"}`, 400, "such as 24h"},
		{"POST", "/tokens/keys", `{"grace":"0s"}`, 200, `["k1"]`},
		{"POST", "/tokens/keys", `{}`, 200, `["k1"]`},
		{"POST", "/users/bob/unlock", "", 200, `"unlocked":"bob"`},
		{"GET", "/plugins", "", 200, `["p"]`},
		{"GET", "/plugins/p", "", 200, `"name":"p"`},
		{"GET", "/plugins/q", "", 404, "no such plugin"},
		{"POST", "/plugins/p/disable", "", 200, `"name":"p"`},
		{"POST", "/plugins/p/enable", "", 200, `"name":"p"`},
		{"POST", "/plugins/p/reload", "", 200, `"name":"p"`},
		{"POST", "/plugins/q/reload", "", 404, "no such plugin"},
		{"POST", "/plugins/p/promote", "", 200, `"name":"p"`},
		{"POST", "/plugins/p/rollback", "", 200, `"name":"p"`},
		{"POST", "/plugins/q/rollback", "", 404, "no such plugin"},
		{"GET", "/plugins/p/logs", "", 200, `"name":"p"`},
		{"GET", "/plugins/p/logs?lines=5&after=18446744073709551615", "", 200, `"name":"p"`},
		{"GET", "/plugins/p/logs?lines=-5", "", 400, "a whole number"},
		{"GET", "/plugins/p/logs?after=x", "", 400, "a whole number"},
		{"GET", "/health", "", 200, `"status":"ok"`},
		{"POST", "/more", "", 200, `more`},
		{"PUT", "/groups/G", `[]`, 400, "JSON object"},
		{"PUT", "/groups/G", `{bad`, 400, "JSON object"},
		{"PUT", "/groups/G", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "long"},
	} {
		status, answer := f.ask(step.method, step.path, step.body)
		name := step.method + " " + step.path + " " + step.body[:min(len(step.body), 100)]
		require.Equal(t, step.status, status, "%s: %s", name, answer)
		require.Contains(t, answer, step.answer, name)
		require.NotContains(t, answer, "hash of", name)
	}
	require.Equal(t, "s1 over", f.sessions.ended)
	require.Equal(t, []string{"show", "disable by ann", "enable", "reload", "promote by ann", "rollback by ann", "100 lines after 0", "5 lines after 18446744073709551615"}, f.plugins.done)
	require.Equal(t, tokens{"a.b.c by the operator", "0a1b", "bob", nil}, *f.tokens)
}

func TestAFormOfAnotherSiteIsNoJSON(t *testing.T) {
	f := open(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		r := httptest.NewRequest("PUT", "/api/v1/users/bob", strings.NewReader(`{"password":"x"}`))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		require.Equal(t, 415, w.Code, kind)
	}
}

func TestChangesAreWrittenDownWithoutSecrets(t *testing.T) {
	f := open(t)
	f.ask("PUT", "/users/bob", `{"password":"s3cret","custom_data":{"apiToken":"s3cret","list":[{"clientSecret":"s3cret"}],"n":12345678901234567890}}`)
	f.ask("POST", "/tokens/revoke", `{"token":"s3cret"}`)
	f.ask("DELETE", "/users/nobody?happn_token=s3cret", "")
	f.ask("POST", "/more?path=/a", "")
	f.ask("GET", "/users", "")
	text, err := os.ReadFile(f.audit)
	require.NoError(t, err)
	require.NotContains(t, string(text), "s3cret")
	var got []admin.Entry
	for line := range bytes.Lines(text) {
		var e admin.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		require.False(t, e.Time.IsZero())
		require.Equal(t, "ann from 192.0.2.1", e.Who+" from "+e.Address)
		got = append(got, e)
	}
	require.Len(t, got, 4, "what only reads is not written down")
	require.Equal(t, "PUT /api/v1/users/bob", got[0].Method+" "+got[0].Path)
	require.JSONEq(t, `{"password":"***","custom_data":{"apiToken":"***","list":[{"clientSecret":"***"}],"n":12345678901234567890}}`, string(got[0].Body))
	require.Equal(t, "/api/v1/users/nobody", got[2].Path)
	require.Equal(t, "there is no user nobody", got[2].Error)
	require.Equal(t, "/api/v1/more?path=%2Fa", got[3].Path)
	info, err := os.Stat(f.audit)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestTheDocumentedAPIIsWhatIsServed(t *testing.T) {
	f := open(t)
	_, served := f.ask("GET", "/openapi.json", "")
	var paths struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(served), &paths))
	ids, operations := map[string]bool{}, 0
	for path, methods := range paths.Paths {
		for method, o := range methods {
			operations++
			require.False(t, ids[o.OperationID], "%s is there twice", o.OperationID)
			ids[o.OperationID] = true
			require.NotEmpty(t, o.Summary)
			r := httptest.NewRequest(strings.ToUpper(method), path, nil)
			_, pattern := f.Handler(r)
			require.Equal(t, strings.ToUpper(method)+" "+path, pattern)
		}
	}
	require.Equal(t, len(f.api.Routes()), operations)
}
