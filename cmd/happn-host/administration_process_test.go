package main_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/web"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/token"
)

// administrators lets root in, who may do everything, and guest, who may do
// nothing.
type administrators struct{}

func (administrators) Login(_ context.Context, c web.Credentials) (string, error) {
	if c.Password != "p&w d" || c.Username != "root" && c.Username != "guest" {
		return "", &web.LoginError{Name: "AccessDenied", Code: 401, Message: "Invalid credentials"}
	}
	return "token.of." + c.Username, nil
}

func (administrators) Nonce(string) (string, error) { return "", nil }

func (administrators) Verify(_ context.Context, token string) (web.Visitor, error) {
	if name, ok := strings.CutPrefix(token, "token.of."); ok {
		return administrator(name), nil
	}
	return nil, &web.Denied{Reason: "token is revoked"}
}

func (administrators) Revoke(context.Context, web.Visitor) error { return nil }

type administrator string

func (a administrator) Username() string { return string(a) }
func (a administrator) Token() string    { return "token.of." + string(a) }
func (a administrator) May(string, string) error {
	if a == "root" {
		return nil
	}
	return web.ErrForbidden
}

type revocations struct{}

func (revocations) Revoke(context.Context, string, string) error { return nil }
func (revocations) RevokeSession(_ context.Context, id, _ string) (bool, error) {
	return id == "s1", nil
}
func (revocations) Keys() any                                    { return []token.Key{{ID: "k1", Signs: true}} }
func (revocations) Rotate(context.Context, *time.Duration) error { return nil }
func (revocations) Restore(context.Context, string) error        { return nil }
func (revocations) Revoked() any {
	return []login.Revocation{{ID: "0a1b", Token: "t.o.k", Username: "bob", Reason: "lost"}}
}
func (revocations) Unlock(string) {}

type connected struct{}

func (connected) List() []json.RawMessage {
	return []json.RawMessage{
		[]byte(`{"id":"s1","protocol":"happn_4","address":{"ip":"192.0.2.1"},"user":{"username":"bob"}}`),
		[]byte(`{"id":"s2","protocol":"happn_4","address":"intra-proc"}`),
	}
}
func (connected) Session(id string) (json.RawMessage, bool) { return []byte(`{"id":"s1"}`), id == "s1" }
func (connected) Disconnect(id, _ string) (bool, error)     { return id == "s1", nil }

// managed returns the routes of a host with access control.
func managed(t *testing.T) http.Handler {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	d, err := directory.Open(t.Context(), store, directory.Options{
		Hash:          func(password string) (string, error) { return "hash of " + password, nil },
		AdminPassword: func() (string, error) { return "secret", nil },
	})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	c := config.Default()
	s, err := web.NewServer(web.Options{Web: c.Web, Cookie: c.Security.Cookie, Access: administrators{}, Logger: log})
	require.NoError(t, err)
	admin.New(admin.Options{
		Directory: admin.ManageDirectory(d), Tokens: revocations{}, Sessions: connected{}, Logger: log,
		Actor: func(r *http.Request) (string, string) { return web.VisitorOf(r).Username(), s.AddressOf(r) },
	}).Mount(s.Handle)
	return s
}

func TestUsersGroupsAndPermissionsAreManagedFromTheCommandLine(t *testing.T) {
	at := httptest.NewServer(managed(t))
	defer at.Close()
	for _, step := range []struct {
		args  string // separated by blanks
		stdin string
		code  int
		says  string // a part of what it prints
	}{
		{"group add staff --data {\"a\":1}", "", 0, "group staff is there"},
		{"group add staff", "", 1, "already exists"},
		{"group add crew --parent staff", "", 0, "group crew is there"},
		{"group add x --data {", "", 2, "--data has to be JSON"},
		{"group list", "", 0, "staff\n"},
		{"group show staff/crew", "", 0, `"name": "crew"`},
		{"group show nothing", "", 1, "there is no group nothing"},
		{"user add bob --data {\"b\":2}", "", 0, "user bob is there"},
		{"user add bob", "", 1, "already exists"},
		{"user add a/b", "", 0, "user a/b is there"},
		{"user add ..", "", 2, "is no name"},
		{"user list", "", 0, "a/b\nbob\n"},
		{"user list --name a", "", 0, "a/b\n"},
		{"user link bob staff", "", 0, "user bob is in group staff"},
		{"user link bob nothing", "", 1, "group does not exist"},
		{"user list --group staff", "", 0, "bob\n"},
		{"user password bob", "", 0, "user bob has a new password"},
		{"user show bob", "", 0, `"b": 2`},
		{"user password nobody", "", 1, "there is no user nobody"},
		{"user password _ADMIN", "", 0, "user _ADMIN has a new password"},
		{"user unlink .. staff", "", 2, "is no name"},
		{"user unlink bob staff", "", 0, "no longer in group staff"},
		{"user unlink bob staff", "", 1, "there is no link of bob with group staff"},
		{"user show", "", 2, "user show takes the name of a user; see happn-host help user"},
		{"user rename bob", "", 2, `user cannot "rename", it can add, link, list`},
		{"permission grant group staff /orders/* get,on remove", "", 0, "group staff: permitted remove on /orders/*"},
		{"permission grant group staff /orders/secret * --prohibit", "", 0, "prohibited * on /orders/secret"},
		{"permission grant user bob /own/{{user.username}}/* set", "", 0, "permitted set"},
		{"permission grant user bob /own eat", "", 2, `"eat" is no action; there are get`},
		{"permission grant bob /own get set", "", 2, `found "bob" where user or group has to stand`},
		{"permission grant user nobody /own get", "", 1, "there is no user nobody"},
		{"permission list group staff", "", 0, "permitted  on       /orders/*\n"},
		{"permission list user bob", "", 0, "permitted  set      /own/{{user.username}}/*\n"},
		{"permission revoke group staff /orders/* get on", "", 0, "2 permissions taken"},
		{"permission revoke group staff /orders/* get", "", 1, "no such permission"},
		{"permission revoke group staff", "", 2, "name a path, or take everything with --all"},
		{"permission revoke group staff /orders/* --all", "", 2, "name a path, or take everything with --all"},
		{"permission revoke group staff --all", "", 0, "2 permissions taken"},
		{"user remove bob", "", 0, "user bob is gone"},
		{"user remove bob", "", 1, "there is no user bob"},
		{"group remove staff/crew", "", 0, "group staff/crew is gone"},
		{"session list", "", 0, "s1  happn_4  192.0.2.1        bob\ns2  happn_4  intra-proc"},
		{"session show s1", "", 0, `"id": "s1"`},
		{"session disconnect s1 --reason repairs", "", 0, "session s1 is disconnected"},
		{"session disconnect s9", "", 1, "there is no session s9"},
		{"token login", "", 2, "name the user with --user"},
		{"session revoke s1", "", 0, "the token of session s1 is revoked"},
		{"session activity", "", 1, "session activity logging not activated"},
		{"session revoke s9", "", 1, "there is no session s9 that has logged in"},
		{"token list", "", 0, "0a1b"},
		{"token revoke", "t.o.k\n", 0, "the token is revoked"},
		{"token restore", "t.o.k\n", 0, "the token may serve again"},
		{"token keys", "", 0, "k1  made"},
		{"token rotate --grace 24h", "", 0, "signs since"},
		{"token rotate --grace 1", "", 1, "grace has to be a duration"},
		{"token restore 0a1b", "", 0, "the token may serve again"},
		{"token revoke", "", 2, "standard input has no token"},
		{"token revoke t.o.k", "", 2, "token revoke takes no arguments"},
		{"token unlock-user bob", "", 0, "user bob may log in again"},
	} {
		cmd := command(t, append(strings.Split(step.args, " "), "--url", at.URL)...)
		cmd.Env = append(cmd.Env, "HAPPN_TOKEN=token.of.root", "HAPPN_NEW_PASSWORD=new")
		cmd.Stdin = strings.NewReader(step.stdin)
		code, stdout, stderr := finish(t, cmd)
		require.Equal(t, step.code, code, "%s: %s%s", step.args, stdout, stderr)
		require.Contains(t, stdout+stderr, step.says, step.args)
		require.Equal(t, step.code == 0, stderr == "", "%s: %s", step.args, stderr)
	}
}

func TestAHostIsAskedByThoseWhoLogIn(t *testing.T) {
	secure := managed(t)
	at, encrypted := httptest.NewServer(secure), httptest.NewTLSServer(secure)
	defer at.Close()
	defer encrypted.Close()
	encrypted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	open := httptest.NewServer(http.NotFoundHandler())
	defer open.Close()
	moved := httptest.NewServer(http.RedirectHandler(at.URL, http.StatusMovedPermanently))
	defer moved.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw}), 0o600))

	for name, tc := range map[string]struct {
		args []string
		env  []string
		code int
		says string
	}{
		"a password":              {[]string{"--url", at.URL, "--user", "root"}, []string{"HAPPN_PASSWORD=p&w d"}, 0, "_ADMIN"},
		"a token":                 {[]string{"--url", at.URL, "--token", "token.of.root"}, nil, 0, "_ADMIN"},
		"a token before others":   {[]string{"--url", at.URL, "--token", "token.of.root"}, []string{"HAPPN_TOKEN=old"}, 0, "_ADMIN"},
		"encrypted":               {[]string{"--url", encrypted.URL, "--ca", ca, "--user", "root"}, []string{"HAPPN_PASSWORD=p&w d"}, 0, "_ADMIN"},
		"not trusted":             {[]string{"--url", encrypted.URL, "--user", "root"}, []string{"HAPPN_PASSWORD=p&w d"}, 1, "not trusted; name it with --ca"},
		"no certificate":          {[]string{"--url", encrypted.URL, "--ca", "no.crt"}, nil, 2, "--ca: open no.crt"},
		"in clear":                {[]string{"--url", "http" + strings.TrimPrefix(encrypted.URL, "https"), "--user", "root"}, []string{"HAPPN_PASSWORD=x"}, 1, "an HTTP request to an HTTPS server"},
		"a wrong password":        {[]string{"--url", at.URL, "--user", "root"}, []string{"HAPPN_PASSWORD=no"}, 1, "cannot log in as root: Invalid credentials"},
		"no password":             {[]string{"--url", at.URL, "--user", "root"}, nil, 2, "set HAPPN_PASSWORD, or run this at a terminal"},
		"both":                    {[]string{"--url", at.URL, "--user", "root", "--token", "t"}, nil, 2, "take one of them"},
		"nobody":                  {[]string{"--url", at.URL}, nil, 1, "name a user with --user"},
		"an old token":            {[]string{"--url", at.URL}, []string{"HAPPN_TOKEN=old"}, 1, "token is revoked; the token does not count"},
		"not permitted":           {[]string{"--url", at.URL}, []string{"HAPPN_TOKEN=token.of.guest"}, 1, "permission get on /@HTTP/api/v1/users"},
		"no access control":       {[]string{"--url", open.URL}, nil, 1, "only if it was started with --secure"},
		"no login":                {[]string{"--url", open.URL, "--user", "root"}, []string{"HAPPN_PASSWORD=x"}, 1, "no access control; leave --user out"},
		"elsewhere":               {[]string{"--url", moved.URL}, []string{"HAPPN_TOKEN=token.of.root"}, 1, "give --url the address that it leads to"},
		"no host":                 {[]string{"--url", "http://127.0.0.1:1", "--user", "root"}, []string{"HAPPN_PASSWORD=unseen"}, 1, "no host answers"},
		"no address":              {[]string{"--url", "ftp://x"}, nil, 2, "--url is not the address of a host"},
		"a password in the place": {[]string{"--url", "http://root:unseen@127.0.0.1:1"}, nil, 2, "--url is not the address of a host"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, append([]string{"user", "list"}, tc.args...)...)
			cmd.Env = append(cmd.Env, tc.env...)
			code, stdout, stderr := finish(t, cmd)
			require.Equal(t, tc.code, code, stderr)
			require.Contains(t, stdout+stderr, tc.says)
			require.NotContains(t, stderr, "unseen")
		})
	}
}

func TestALoginAnswersWithAToken(t *testing.T) {
	at := httptest.NewServer(managed(t))
	defer at.Close()
	cmd := command(t, "token", "login", "--url", at.URL, "--user", "root")
	cmd.Env = append(cmd.Env, "HAPPN_PASSWORD=p&w d", "HAPPN_TOKEN=old")
	code, stdout, stderr := finish(t, cmd)
	require.Zero(t, code, stderr)
	require.Equal(t, "token.of.root\n", stdout)
}

func TestStoresAreAdministeredWithTheSameCredentials(t *testing.T) {
	var asked []string
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/health" {
			asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		}
		answer := map[string]string{
			"/api/v1/health": `{"stores":[{"name":"default","durability":"sync"}]}`, "/api/v1/archive": `[]`, "/api/v1/compact": `{}`,
		}[r.URL.Path]
		if answer == "" {
			w.WriteHeader(http.StatusConflict)
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer at.Close()
	for args, code := range map[string]int{"archive --list": 0, "compact": 0, "backup --to copy.happn": 1} {
		cmd := command(t, append(strings.Split(args, " "), "--url", at.URL, "--token", "t.o.k")...)
		got, _, stderr := finish(t, cmd)
		require.Equal(t, code, got, stderr)
	}
	require.ElementsMatch(t, []string{
		"GET /api/v1/archive Bearer t.o.k", "POST /api/v1/compact Bearer t.o.k", "POST /api/v1/backup Bearer t.o.k",
	}, asked)
}

func TestASecureHostIsSetUpFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	serve := command(t, "serve", "--secure", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"))
	serve.Env = append(serve.Env, "HAPPN_SECURITY_ADMINPASSWORD=first of all")
	r := start(t, serve)
	shown := r.summary()
	url := shown.base(t).String()
	run := func(password, args string) string {
		t.Helper()
		cmd := command(t, append(strings.Split(args, " "), "--url", url)...)
		cmd.Env = append(cmd.Env, "HAPPN_NEW_PASSWORD=second", "HAPPN_PASSWORD="+password)
		code, stdout, stderr := finish(t, cmd)
		require.Zero(t, code, "%s: %s", args, stderr)
		return stdout
	}
	run("first of all", "user password _ADMIN --user _ADMIN")
	token := strings.TrimSpace(run("second", "token login --user _ADMIN"))
	for _, args := range []string{
		"group add staff", "permission grant group staff /orders/* get set", "user add bob", "user link bob staff",
		"user add nightly", "permission grant user nightly /@HTTP/api/v1/backup post",
		"permission grant user nightly /@HTTP/api/v1/health get", "permission list group staff",
	} {
		run("", args+" --token "+token)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: url, Username: "bob", Password: "second"})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Set(t.Context(), "/orders/1", map[string]int{"v": 1}, nil)
	require.NoError(t, err)
	_, err = c.Set(t.Context(), "/else", map[string]int{"v": 1}, nil)
	require.Error(t, err)
	require.Contains(t, run("", "session list --token "+token), "bob")
	require.Contains(t, run("second", "backup --user nightly --to "+filepath.Join(dir, "copy.happn")), "store default: ")
	require.Empty(t, run("second", "archive --list --user _ADMIN"))
	run("", "user remove bob --token "+token)

	code, _, stderr := finish(t, command(t, "compact", "--url", url))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "name a user with --user")
	cmd := command(t, "user", "list", "--url", url, "--user", "nightly")
	cmd.Env = append(cmd.Env, "HAPPN_PASSWORD=second")
	code, _, stderr = finish(t, cmd)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "permission get on /@HTTP/api/v1/users")
	audit, err := os.ReadFile(filepath.Join(dir, "data", "audit.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(audit), "nightly")
	require.NotContains(t, string(audit), "second")
	_, code = r.stop(syscall.SIGTERM)
	require.Zero(t, code)
}
