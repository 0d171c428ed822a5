package host_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/build"
)

// withPlugins starts a guarded host with examples, each with an operator's file.
func withPlugins(t *testing.T, files map[string]string, change func(*config.Config)) (h *host.Host, folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, operator := range files {
		_, err := build.Build(t.Context(), build.Options{Dir: filepath.Join("..", "plugins", "examples", name), Out: folder})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(operator), 0o600))
	}
	h = guarded(t, func(c *config.Config) {
		c.Plugins.Dir = folder
		if change != nil {
			change(c)
		}
	})
	eventually(t, func() bool {
		ready := 0
		for _, p := range h.Plugins() {
			require.NotEqual(t, plugin.StateRefused, p.State, p.Reason)
			if p.State == plugin.StateReady {
				ready++
			}
		}
		return ready == len(files)
	})
	return h, folder
}

// One host with all that plugins have to say about who logs in, and what of it
// its layers see.
func TestPluginsDecideAboutLogins(t *testing.T) {
	h, folder := withPlugins(t, map[string]string{
		"apikey": `{hooks: [{kind: auth, users: ["device-*"], createUsers: {groups: [staff]}}],
			permissions: {/apikeys/*: {actions: [get]}}, config: {path: /apikeys}, limits: {timeout: 5s}, required: true}`,
		"business-hours": `{config: {zone: UTC, groups: [night]}, limits: {timeout: 5s}, required: true}`,
		"redact-role": `{grants: [log, sessions], hooks: [{kind: outbound, paths: [/desk/*]}], limits: {timeout: 5s}, required: true,
			config: {rules: [{fields: [salary], visible: [bosses]}], remember: 0s}}`,
	}, func(c *config.Config) {
		c.Security.Profiles = []config.Profile{{Name: "hours", Plugin: "business-hours"}}
	})
	d, ctx := h.Directory(), t.Context()
	admin := loggedIn(t, h, client.Options{Username: "_ADMIN", Password: adminPassword})
	set := func(path, data string) {
		_, err := admin.Set(ctx, path, json.RawMessage(data), nil)
		require.NoError(t, err)
	}
	const secret = "a secret of at least 32 bytes, as it must be"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("s.one"))
	key := "hk1.s.one." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	set("/apikeys/signing", `{"secrets":[{"id":"s","secret":"`+secret+`"}]}`)
	set("/apikeys/keys/one", `{"user":"device-1"}`)
	set("/desk/1", `{"name":"Ann","salary":5}`)

	device := client.Options{Username: "device-1", Password: key, AuthType: "apikey"}
	c := loggedIn(t, h, device)
	account, ok := d.Account("device-1")
	require.True(t, ok, "its user was made")
	require.Contains(t, account.User().Groups, "staff")
	doc, err := c.Get(ctx, "/desk/1", nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Ann"}`, string(doc.Data), "a group that sees it is needed")
	_, err = d.UpsertGroup(ctx, []byte(`{"name":"bosses"}`), "", true)
	require.NoError(t, err)
	_, err = d.LinkGroup(ctx, "bosses", "device-1", nil)
	require.NoError(t, err)
	doc, err = c.Get(ctx, "/desk/1", nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Ann","salary":5}`, string(doc.Data))

	token := c.Session().Token
	loggedIn(t, h, client.Options{Token: token})
	_, err = dial(h, client.Options{Username: "bob", Password: key, AuthType: "apikey"})
	require.Error(t, err, "the key is another user's")
	bob(t, h) // whose password is the host's own to check

	_, err = admin.Remove(ctx, "/apikeys/keys/one", nil)
	require.NoError(t, err)
	_, err = dial(h, device)
	require.Error(t, err, "the key was taken back")
	_, err = dial(h, client.Options{Token: token})
	require.ErrorContains(t, err, "no key of device-1 counts any more")
	status, _ := httpDo(t, h, http.MethodGet, "/api/v1/users", token, "")
	require.Equal(t, http.StatusForbidden, status)

	_, err = d.UpsertGroup(ctx, []byte(`{"name":"night"}`), "", true)
	require.NoError(t, err)
	_, err = d.LinkGroup(ctx, "night", "bob", nil)
	require.NoError(t, err)
	_, err = dial(h, client.Options{Username: "bob", Password: "pwd"})
	require.ErrorContains(t, err, "outside of business hours")

	require.NoError(t, os.Remove(filepath.Join(folder, "business-hours.wasm")))
	eventually(t, func() bool { return len(h.Plugins()) == 2 })
	_, err = dial(h, client.Options{Username: "_ADMIN", Password: adminPassword})
	require.ErrorContains(t, err, "could not be checked", "a profile whose plugin is not there lets nobody in")
}
