package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
)

const adminPassword = "correct horse battery"

// guarded starts a host with access control and the user bob of the group staff.
func guarded(t testing.TB, change func(*config.Config)) *host.Host {
	t.Helper()
	h := start(t, func(c *config.Config) {
		c.Secure, c.Security.AdminPassword, c.Security.AdminOverNetwork = true, adminPassword, true
		c.Security.Password.PBKDF2Iterations = 1000
		if change != nil {
			change(c)
		}
	})
	d, ctx := h.Directory(), t.Context()
	_, err := d.UpsertGroup(ctx, []byte(`{"name":"staff","permissions":{"/desk/*":{"actions":["get","set","on","remove"]},
		"/desk/secret":{"prohibit":["*"]},"/own/{{user.username}}/*":{"actions":["*"]}}}`), "", true)
	require.NoError(t, err)
	_, err = d.UpsertUser(ctx, []byte(`{"username":"bob","password":"pwd"}`), true)
	require.NoError(t, err)
	_, err = d.LinkGroup(ctx, "staff", "bob", nil)
	require.NoError(t, err)
	return h
}

func dial(h *host.Host, o client.Options) (*client.Client, error) {
	o.URL = "http://" + h.Addr().String()
	o.Reconnect.Disabled = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.Connect(ctx, o)
}

func loggedIn(t *testing.T, h *host.Host, o client.Options) *client.Client {
	t.Helper()
	c, err := dial(h, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func bob(t *testing.T, h *host.Host) *client.Client {
	return loggedIn(t, h, client.Options{Username: "bob", Password: "pwd"})
}

func TestALoginNeedsCredentials(t *testing.T) {
	h := guarded(t, nil)
	for name, o := range map[string]client.Options{
		"none":             {},
		"a wrong password": {Username: "bob", Password: "no"},
		"nobody's":         {Username: "nobody", Password: "pwd"},
		"no token":         {Token: "x.y.z"},
		"anonymous":        {Username: "_ANONYMOUS"},
	} {
		_, err := dial(h, o)
		assert.Error(t, err, name)
	}
	bob(t, h)
	loggedIn(t, h, client.Options{Username: "_ADMIN", Password: adminPassword})
}

func code(err error) int {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestAUserMayDoWhatItIsPermitted(t *testing.T) {
	h := guarded(t, nil)
	ctx := t.Context()
	admin, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	for _, path := range []string{"/desk/1", "/desk/secret", "/else/1"} {
		_, err := admin.Set(ctx, path, map[string]int{"v": 1}, nil)
		require.NoError(t, err)
	}
	b := bob(t, h)
	set := func(path string) error { _, err := b.Set(ctx, path, map[string]int{"v": 2}, nil); return err }
	get := func(path string) error { _, err := b.Get(ctx, path, nil); return err }
	assert.NoError(t, set("/desk/1"))
	assert.NoError(t, set("/own/bob/x"))
	for _, err := range []error{
		set("/desk/secret"), set("/own/ann/x"), set("/else/1"), get("/desk/secret"), get("/else/1"),
		get("/_SYSTEM/_SECURITY/_USER/_ADMIN"),
	} {
		assert.Equal(t, 403, code(err), "%v", err)
	}
	for _, pattern := range []string{"*", "/_SYSTEM/*", "/else/*"} {
		_, err := b.GetAll(ctx, pattern, nil)
		assert.Equal(t, 403, code(err), pattern)
		_, err = b.Count(ctx, pattern, nil)
		assert.Equal(t, 403, code(err), pattern)
	}
	docs, err := b.GetAll(ctx, "/desk/*", nil)
	require.NoError(t, err)
	assert.Len(t, docs, 1, "the secret is left out")
}

// Whoever may do everything may still not see passwords and keys.
func TestEverythingDoesNotIncludeTheHostsOwn(t *testing.T) {
	h := guarded(t, nil)
	ctx := t.Context()
	_, err := h.Directory().UpsertPermission(ctx, directory.UserOf("bob"), "*", "*", true)
	require.NoError(t, err)
	b := bob(t, h)
	_, err = b.Get(ctx, "/_SYSTEM/_SECURITY/SESSION_TOKEN_SECRET", nil)
	assert.Equal(t, 403, code(err))
	docs, err := b.GetAll(ctx, "*", nil)
	require.NoError(t, err)
	for _, doc := range docs {
		assert.NotContains(t, doc.Meta.Path, "/_SYSTEM")
	}
	_, err = h.Directory().UpsertPermission(ctx, directory.UserOf("bob"), "/_SYSTEM/_NETWORK/*", "get", true)
	require.NoError(t, err)
	docs, err = b.GetAll(ctx, "/_SYSTEM/_NETWORK/*", nil)
	require.NoError(t, err)
	assert.NotEmpty(t, docs, "it was granted by name")
	admin := loggedIn(t, h, client.Options{Username: "_ADMIN", Password: adminPassword})
	docs, err = admin.GetAll(ctx, "/_SYSTEM/_SECURITY/*", nil)
	require.NoError(t, err)
	assert.NotEmpty(t, docs)
}

// A change of permissions holds for the next request, and for what is delivered.
func TestAChangeTakesEffectAtOnce(t *testing.T) {
	h := guarded(t, nil)
	ctx, d := t.Context(), h.Directory()
	b := bob(t, h)
	events := make(chan string, 16)
	_, err := b.On(ctx, "/desk/*", func(_ context.Context, p client.Publication) { events <- p.Meta.Path }, nil)
	require.NoError(t, err)
	_, err = b.Set(ctx, "/desk/1", map[string]int{}, nil)
	require.NoError(t, err)
	require.Equal(t, "/desk/1", <-events)
	_, err = d.RemovePermission(ctx, directory.GroupOf("staff"), "/desk/*", "set")
	require.NoError(t, err)
	_, err = b.Set(ctx, "/desk/1", map[string]int{}, nil)
	assert.Equal(t, 403, code(err))
	_, err = d.UpsertPermission(ctx, directory.UserOf("bob"), "/desk/*", "set", true)
	require.NoError(t, err)
	_, err = d.RemovePermission(ctx, directory.GroupOf("staff"), "/desk/*", "on")
	require.NoError(t, err)
	_, err = b.Set(ctx, "/desk/1", map[string]int{}, nil)
	require.NoError(t, err)
	_, err = d.UpsertPermission(ctx, directory.GroupOf("staff"), "/desk/*", "on", true)
	require.NoError(t, err)
	_, err = b.Set(ctx, "/desk/2", map[string]int{}, nil)
	require.NoError(t, err)
	assert.Empty(t, events, "the subscription ended with the right to it")
}

// The documents of users, groups and permissions can be written by who may: what
// they say holds when the write is answered.
func TestWhatAClientWritesToTheDirectoryTakesEffectAtOnce(t *testing.T) {
	h := guarded(t, nil)
	ctx := t.Context()
	admin := loggedIn(t, h, client.Options{Username: "_ADMIN", Password: adminPassword})
	b := bob(t, h)
	_, err := b.Set(ctx, "/extra/1", map[string]int{}, nil)
	require.Equal(t, 403, code(err))
	const granted = "/_SYSTEM/_SECURITY/_PERMISSIONS/staff/set//extra/{{w}}"
	_, err = admin.Set(ctx, granted, map[string]any{"action": "set", "authorized": true, "path": "/extra/*"}, nil)
	require.NoError(t, err)
	_, err = b.Set(ctx, "/extra/1", map[string]int{}, nil)
	require.NoError(t, err)
	_, err = admin.Remove(ctx, granted, nil)
	require.NoError(t, err)
	_, err = b.Set(ctx, "/extra/1", map[string]int{}, nil)
	require.Equal(t, 403, code(err))
	_, err = admin.Remove(ctx, "/_SYSTEM/_SECURITY/_USER/bob/*", nil) // out of the group
	require.NoError(t, err)
	_, err = b.Set(ctx, "/desk/1", map[string]int{}, nil)
	require.Equal(t, 403, code(err))
}

func TestADeletedUserIsDisconnected(t *testing.T) {
	h := guarded(t, nil)
	bob(t, h)
	_, err := h.Directory().DeleteUser(t.Context(), "bob")
	require.NoError(t, err)
	eventually(t, func() bool { return h.Health(t.Context()).Sessions == 0 })
}

func TestATokenLogsInUntilItIsRevoked(t *testing.T) {
	h := guarded(t, nil)
	parent := bob(t, h)
	text := parent.Session().Token
	require.NotEmpty(t, text)
	child := loggedIn(t, h, client.Options{Token: text})
	_, err := child.Set(t.Context(), "/desk/1", map[string]int{}, nil)
	require.NoError(t, err)
	require.NoError(t, h.Logins().Revoke(t.Context(), text, "test"))
	_, err = child.Set(t.Context(), "/desk/1", map[string]int{}, nil)
	assert.Equal(t, 403, code(err))
	_, err = dial(h, client.Options{Token: text})
	assert.Error(t, err)
}

func TestChildrenEndWithTheirParentsWord(t *testing.T) {
	h := guarded(t, nil)
	parent := bob(t, h)
	loggedIn(t, h, client.Options{Token: parent.Session().Token})
	require.NoError(t, parent.DisconnectChildSessions(t.Context()))
	eventually(t, func() bool { return h.Health(t.Context()).Sessions == 1 })
	require.NoError(t, parent.RevokeToken(t.Context()))
	eventually(t, func() bool { return h.Health(t.Context()).Sessions == 0 })
}

func TestAPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	h := guarded(t, nil)
	b := bob(t, h)
	assert.ErrorContains(t, b.ChangePassword(t.Context(), "no", "new"), "Invalid old password")
	require.NoError(t, b.ChangePassword(t.Context(), "pwd", "new"))
	_, err := dial(h, client.Options{Username: "bob", Password: "pwd"})
	assert.Error(t, err)
	loggedIn(t, h, client.Options{Username: "bob", Password: "new"})
}

func TestThePolicyOfAProfileHolds(t *testing.T) {
	profiles := func(policy string) func(*config.Config) {
		return func(c *config.Config) {
			c.Security.Profiles = []config.Profile{{
				Name: "bob", Session: json.RawMessage(`{"user.username":"bob"}`), Policy: json.RawMessage(policy),
			}}
		}
	}
	t.Run("usage limit", func(t *testing.T) {
		b := bob(t, guarded(t, profiles(`{"usage_limit":2}`)))
		for i := range 3 {
			_, err := b.Set(t.Context(), "/desk/1", map[string]int{}, nil)
			assert.Equal(t, i == 2, err != nil, "%v", err)
		}
	})
	t.Run("permissions in place of the user's", func(t *testing.T) {
		b := bob(t, guarded(t, profiles(`{"permissions":{"/lim/*":{"actions":["set"]}}}`)))
		_, err := b.Set(t.Context(), "/lim/1", map[string]int{}, nil)
		assert.NoError(t, err)
		_, err = b.Set(t.Context(), "/desk/1", map[string]int{}, nil)
		assert.ErrorContains(t, err, "token permissions limited")
	})
	t.Run("time to live", func(t *testing.T) {
		h := guarded(t, profiles(`{"ttl":300}`))
		bob(t, h)
		eventually(t, func() bool { return h.Health(t.Context()).Sessions == 0 })
	})
}

func TestAConnectionWithoutLoginIsClosed(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.Security.LoginTimeout = 200 * time.Millisecond })
	stuck, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addr().String()+"/ws", nil)
	require.NoError(t, err)
	defer stuck.Close()
	kept := bob(t, h)
	_, _, err = stuck.ReadMessage()
	assert.Error(t, err)
	_, err = kept.Set(t.Context(), "/desk/1", map[string]int{}, nil)
	assert.NoError(t, err)
}

func TestTheDefaultPasswordIsRefused(t *testing.T) {
	c := config.Default()
	c.Port, c.Data.Durability, c.Data.Dir, c.Plugins.Dir = 0, "none", "", ""
	c.Secure, c.Security.AdminPassword = true, "happn"
	_, err := host.New(host.Options{Config: c})
	assert.ErrorContains(t, err, "everybody knows")
	c.Security.AllowDefaultPassword = true
	h, err := host.New(host.Options{Config: c})
	require.NoError(t, err)
	stop(t, h)
}

func TestAGeneratedPasswordIsShownOnce(t *testing.T) {
	dir := t.TempDir()
	again := func() *host.Host {
		return start(t, func(c *config.Config) {
			c.Secure, c.Data.Dir, c.Data.Durability = true, dir, "sync"
			c.Security.AdminOverNetwork, c.Security.Password.PBKDF2Iterations = true, 1000
		})
	}
	h := again()
	password := h.Summary().AdminPassword
	require.Greater(t, len(password), 20)
	loggedIn(t, h, client.Options{Username: security.Admin, Password: password})
	stop(t, h)
	h = again()
	assert.Empty(t, h.Summary().AdminPassword)
	loggedIn(t, h, client.Options{Username: security.Admin, Password: password})
}

func TestTheActivityOfSessionsIsKept(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.Security.Activity.Enabled = true })
	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	c := bob(t, h)
	id := c.Session().ID
	_, err := c.Get(t.Context(), "/forbidden", nil)
	require.Error(t, err)
	status, answer := httpDo(t, h, "GET", "/api/v1/activity?session="+id, admin, "")
	require.Equal(t, 200, status, answer)
	assert.Contains(t, answer, `"action":"get","path":"/forbidden","authorized":false,"reason":"unauthorized"`)
	status, answer = httpDo(t, h, "POST", "/api/v1/tokens/revoke", admin, `{"session":"`+id+`"}`)
	require.Equal(t, 200, status, answer)
	_, answer = httpDo(t, h, "GET", "/api/v1/activity?session="+id, admin, "")
	assert.Equal(t, "[]", strings.TrimSpace(answer), "it ends with the token")
	_, answer = httpDo(t, h, "GET", "/api/v1/activity", admin, "")
	assert.Contains(t, answer, "/@HTTP/api/v1/activity", "requests over HTTP are noted, too")
}
