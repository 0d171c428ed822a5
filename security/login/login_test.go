package login_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/password"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

func TestALoginGivesWhatTheRecordShows(t *testing.T) {
	w := newWorld(t, nil)
	a := attempt("ann", "secret")
	a.Type, a.Info = 0, []byte(`{"_browser":false}`)
	g := w.granted(a)
	assert.Equal(t, "ann", g.Username)
	assert.Equal(t, "s-ann", g.SessionID)
	assert.Equal(t, "s-ann", g.ParentID)
	assert.Equal(t, 1, g.Type, "whatever was asked for")
	assert.Equal(t, "default", g.AuthType)
	claims, err := w.ring.Parse(g.Token)
	require.NoError(t, err)
	assert.Equal(t, 0, claims.Type, "the token is what was asked for")
	assert.Equal(t, g.UserID, claims.UserID)

	record := `{"id":"x"` + string(g.AppendRecord(nil, "key=")) + `}`
	assert.JSONEq(t, `{"id":"x","user":{"username":"ann","custom_data":{"a":1},"userid":"`+g.UserID+`","permissions":{"/a":{"actions":["get"]}}},
		"timestamp":1795000000000,"origin":"srv","type":1,"parentId":"s-ann","policy":{"0":{"ttl":0,"inactivity_threshold":null},
		"1":{"ttl":0,"inactivity_threshold":null}},"permissionSetKey":"key=","token":"`+g.Token+`","authType":"default"}`, record)
	assert.NotContains(t, record, "hash of")

	web := w.granted(login.Attempt{Username: "ann", Password: "secret", Address: "10.0.0.1"})
	assert.Len(t, web.SessionID, 36, "made up for a login over HTTP")
	assert.Equal(t, "happn", w.granted(attempt(security.Admin, "admin")).AuthType)
}

func TestLoginsAreRefusedInTheWordsOfHappn3(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.FixedProvider, o.NoNetworkAdmin = true, true },
		policy.Profile{Session: []byte(`{"user":{"username":"ann"}}`), Policy: []byte(`{"sourceIPWhitelist":["10.0.0.0/24"]}`)})
	change := func(a login.Attempt, change func(*login.Attempt)) login.Attempt { change(&a); return a }
	for name, c := range map[string]struct {
		attempt login.Attempt
		code    int
		message string
	}{
		"nothing":             {login.Attempt{Type: 1}, 401, "Invalid credentials"},
		"no name":             {attempt("", "secret"), 401, "Invalid credentials"},
		"no password":         {attempt("ann", ""), 401, "Invalid credentials"},
		"wrong password":      {attempt("ann", "wrong"), 401, "Invalid credentials"},
		"password of another": {attempt("ann", "admin"), 401, "Invalid credentials"},
		"unknown user":        {attempt("nobody", "secret"), 401, "Invalid credentials"},
		"endless name":        {attempt(strings.Repeat("x", 1<<20), "secret"), 401, "Invalid credentials"},
		"anonymous":           {attempt(security.Anonymous, "anonymous"), 401, "Anonymous access is disabled"},
		"token that is none":  {byToken("x"), 401, "Invalid credentials: invalid session token"},
		"own provider": {change(attempt("ann", "secret"), func(a *login.Attempt) { a.AuthType = "happn" }), 401,
			"Invalid credentials: security policy disallows choosing of own auth provider"},
		"address":             {change(attempt("ann", "secret"), func(a *login.Attempt) { a.Address = "10.0.1.1" }), 401, "Source address access restricted"},
		"address, other case": {change(attempt("Ann", "secret"), func(a *login.Attempt) { a.Address = "10.0.1.1" }), 401, "Source address access restricted"},
		"address, blank name": {change(attempt("an*n", "secret"), func(a *login.Attempt) { a.Address = "10.0.1.1" }), 401, "Source address access restricted"},
		"_ADMIN":              {attempt(security.Admin, "admin"), 403, "use of _ADMIN credentials over the network is disabled"},
		"_ADMIN who says it is local": {change(attempt(security.Admin, "admin"), func(a *login.Attempt) { yes := true; a.Local = &yes }), 403,
			"use of _ADMIN credentials over the network is disabled"},
		"digest without a key": {change(attempt("ann", ""), func(a *login.Attempt) { a.Digest = "AAAA" }), 401, "Invalid credentials"},
	} {
		g, err := w.login(c.attempt)
		assert.Nil(t, g, name)
		refused(t, err, c.code, c.message)
	}
	assert.Equal(t, "_ADMIN", w.granted(change(attempt(security.Admin, "admin"), func(a *login.Attempt) { a.Address = "" })).Username)
}

// Whoever counts what a login costs must not learn which names exist.
func TestANameThatNobodyHasCostsAPasswordCheck(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Lockout.Disabled = true })
	w.user(`{"username":"keyed","publicKey":"x"}`)
	for _, name := range []string{"ann", "nobody", "keyed", "_none", "a/b", "*"} {
		before := w.hasher.checks.Load()
		_, err := w.login(attempt(name, "wrong"))
		refused(t, err, 401, "Invalid credentials")
		assert.EqualValues(t, 1, w.hasher.checks.Load()-before, name)
	}
	assert.EqualValues(t, 5, w.hasher.wasted.Load())
}

func TestAWeakHashIsMadeAnew(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.directory.SetPassword(t.Context(), "ann", "weak secret", "")
	require.NoError(t, err)
	_, err = w.login(attempt("ann", "wrong"))
	refused(t, err, 401, "Invalid credentials")
	g := w.granted(attempt("ann", "secret"))
	assert.Equal(t, "hash of secret", g.Account.PasswordHash())
}

func TestACheckThatFailsIsNoWrongPassword(t *testing.T) {
	w := newWorld(t, nil)
	for range 10 {
		w.hasher.fail = password.ErrBusy
		_, err := w.login(attempt("ann", "secret"))
		refused(t, err, 429, password.ErrBusy.Error())
		w.hasher.fail = errBroken
		_, err = w.login(attempt("ann", "secret"))
		var shown *security.Error
		require.ErrorAs(t, err, &shown)
		assert.Equal(t, 500, shown.Code)
		assert.NotContains(t, shown.Message, "broken", "no insides")
	}
	w.hasher.fail = nil
	w.granted(attempt("ann", "secret"))
}

func TestAnonymousLoginsNeedNoPassword(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Anonymous = true })
	g := w.granted(attempt(security.Anonymous, ""))
	assert.Equal(t, security.Anonymous, g.Username)
	assert.Equal(t, "happn", g.AuthType)
	w.granted(byToken(g.Token))

	w.options.Anonymous = false
	closed, err := login.New(t.Context(), w.options)
	require.NoError(t, err)
	_, err = closed.Login(t.Context(), byToken(g.Token))
	refused(t, err, 401, "Anonymous access is disabled")
	_, err = closed.Verify(t.Context(), g.Token)
	refused(t, err, 401, "Anonymous access is disabled")
}

func TestProfilesGiveThePolicy(t *testing.T) {
	w := newWorld(t, nil,
		policy.Profile{Session: []byte(`{"user":{"groups":{"SLOW":{"$exists":true}}}}`), Policy: []byte(`{"ttl":"4 seconds"}`)},
		policy.Profile{Session: []byte(`{"address.ip":"10.9.9.9"}`), Policy: []byte(`{"ttl":7}`)})
	_, err := w.directory.UpsertGroup(t.Context(), []byte(`{"name":"SLOW"}`), "", true)
	require.NoError(t, err)
	a := attempt("ann", "secret")
	a.Record = func() []byte { return []byte(`{"address":{"ip":"10.9.9.9"},"user":{"groups":{"SLOW":1}},"type":0}`) }
	assert.EqualValues(t, 7, w.granted(a).Policy[1].TTL)
	_, err = w.directory.LinkGroup(t.Context(), "SLOW", "ann", []byte(`{}`))
	require.NoError(t, err)
	assert.EqualValues(t, 4000, w.granted(a).Policy[1].TTL)
	a = attempt("ann", "secret")
	a.Info = []byte(`{"_browser":true}`)
	assert.EqualValues(t, 4000, w.granted(a).Policy[0].TTL)
}

func TestTokensLogIn(t *testing.T) {
	w := newWorld(t, nil)
	first := w.granted(attempt("ann", "secret"))
	second := w.granted(byToken(first.Token))
	assert.Equal(t, first.Token, second.Token)
	assert.Equal(t, "another", second.SessionID)
	assert.Equal(t, first.SessionID, second.ParentID)
	assert.Equal(t, first.Policy[0].Source(), second.Policy[0].Source())
}

func TestTokensAreRefusedInTheWordsOfHappn3(t *testing.T) {
	made := func(raw string) func(*token.Claims) {
		return func(c *token.Claims) {
			p, err := policy.Parse([]byte(raw))
			require.NoError(t, err)
			c.Policy = [2]*policy.Policy{p, p}
		}
	}
	for name, c := range map[string]struct {
		change  func(*token.Claims)
		after   time.Duration
		code    int
		message string
	}{
		"expired":          {made(`{"ttl":2000}`), 4 * time.Second, 401, "expired session token"},
		"inactive":         {made(`{"inactivity_threshold":2000}`), 4 * time.Second, 401, "session inactivity threshold reached"},
		"no token logins":  {made(`{"disallowTokenLogins":true}`), 0, 403, "logins with this token are disallowed by policy"},
		"other server":     {func(c *token.Claims) { made(`{"lockTokenToOrigin":true}`)(c); c.Origin = "other" }, 0, 403, "this token is locked to a different origin by policy"},
		"other type":       {func(c *token.Claims) { c.Type = 0 }, 0, 403, "token was created using the login type 0, which does not match how the new token is to be created"},
		"other user id":    {func(c *token.Claims) { c.UserID = "x" }, 0, 403, "token userid does not match userid for username: ann"},
		"no user":          {func(c *token.Claims) { c.Username = "nobody" }, 0, 401, "Invalid credentials"},
		"_ADMIN":           {func(c *token.Claims) { c.Username = security.Admin }, 0, 403, "use of _ADMIN credentials over the network is disabled"},
		"other type first": {func(c *token.Claims) { made(`{"ttl":1,"disallowTokenLogins":true}`)(c); c.Type = 0 }, time.Hour, 403, "token was created using the login type 0, which does not match how the new token is to be created"},
	} {
		w := newWorld(t, func(o *login.Options) { o.LockToUserID, o.NoNetworkAdmin = true, true })
		g := w.granted(attempt("ann", "secret"))
		claims, err := w.ring.Parse(g.Token)
		require.NoError(t, err)
		c.change(claims)
		text, err := w.ring.Sign(claims)
		require.NoError(t, err)
		w.clock.forward(c.after)
		_, err = w.login(byToken(text))
		t.Log(name)
		refused(t, err, c.code, c.message)
		assert.NoError(t, w.Revoke(t.Context(), text, ""))
		_, err = w.login(byToken(text))
		if name != "_ADMIN" && name != "no user" {
			refused(t, err, 403, "token has been revoked")
		}
	}
}

// A token with few permissions must not become a session with the user's.
func TestATokenKeepsItsPolicy(t *testing.T) {
	w := newWorld(t, nil, policy.Profile{Session: []byte(`{"info.narrow":true}`), Policy: []byte(`{"permissions":{"/a":{"actions":["get"]}}}`)})
	a := attempt("ann", "secret")
	a.Info = []byte(`{"narrow":true}`)
	narrow := w.granted(a)
	wide := byToken(narrow.Token)
	wide.Info = []byte(`{"narrow":false}`)
	g := w.granted(wide)
	assert.JSONEq(t, `{"/a":{"actions":["get"]}}`, string(g.Policy[1].Permissions))
}

func TestATokenOfADeletedUserServesNoLonger(t *testing.T) {
	for _, locked := range []bool{true, false} {
		w := newWorld(t, func(o *login.Options) { o.LockToUserID = locked })
		g := w.granted(attempt("ann", "secret"))
		_, err := w.Verify(t.Context(), g.Token)
		require.NoError(t, err)
		_, err = w.directory.DeleteUser(t.Context(), "ann")
		require.NoError(t, err)
		assert.True(t, g.Account.Deleted())
		_, err = w.login(byToken(g.Token))
		refused(t, err, 401, "Invalid credentials")
		_, err = w.Verify(t.Context(), g.Token)
		refused(t, err, 403, "user ann has been deleted or does not exist")

		w.user(`{"username":"ann","password":"other"}`)
		_, err = w.login(byToken(g.Token))
		_, verified := w.Verify(t.Context(), g.Token)
		if !locked {
			assert.NoError(t, err, "as in happn-3")
			assert.NoError(t, verified)
			continue
		}
		refused(t, err, 403, "token userid does not match userid for username: ann")
		refused(t, verified, 401, "token userid does not match userid for username: ann")
	}
}

func TestTokensOfRequestsCountTheirUse(t *testing.T) {
	w := newWorld(t, nil, policy.Profile{Session: []byte(`{}`), Policy: []byte(`{"ttl":"1 hour","usage_limit":2,"inactivity_threshold":"1 minute"}`)})
	g := w.granted(attempt("ann", "secret"))
	for range 2 {
		got, err := w.Verify(t.Context(), g.Token)
		require.NoError(t, err)
		assert.Equal(t, g.SessionID, got.SessionID)
		assert.Zero(t, got.Type)
	}
	_, err := w.Verify(t.Context(), g.Token)
	refused(t, err, 401, "authorization failed for ann: session usage limit reached")
	g = w.granted(login.Attempt{Username: "ann", Password: "secret"})
	w.clock.forward(2 * time.Minute)
	_, err = w.Verify(t.Context(), g.Token)
	refused(t, err, 401, "authorization failed for ann: session inactivity threshold reached")
	w.clock.forward(2 * time.Hour)
	_, err = w.Verify(t.Context(), g.Token)
	refused(t, err, 401, "authorization failed for ann: expired session token")
	for _, none := range []string{"", "x", g.Token + "x"} {
		_, err = w.Verify(t.Context(), none)
		refused(t, err, 401, "invalid token format or null token")
	}
}

// checker is a provider of its own.
type checker struct{ revoked string }

func (c *checker) Check(_ context.Context, a *login.Attempt) (string, error) {
	switch a.Password {
	case "right":
		return "ann", nil
	case "broken":
		return "", errBroken
	case "ghost":
		return "ghost", nil
	}
	return "", login.ErrRejected
}

func (c *checker) Revoke(_ context.Context, claims *token.Claims, reason string) error {
	c.revoked = claims.Username + " " + reason
	return nil
}

func (c *checker) ChangePassword(_ context.Context, user, old, _ string) error {
	if old != "right" {
		return login.ErrRejected
	}
	return nil
}

func TestProvidersCheckCredentials(t *testing.T) {
	own := &checker{}
	w := newWorld(t, func(o *login.Options) { o.Providers = login.Fixed{"own": own} })
	a := attempt("anything", "right")
	a.AuthType = "own"
	g := w.granted(a)
	assert.Equal(t, "ann", g.Username)
	assert.Equal(t, "own", g.AuthType)
	assert.Equal(t, "own", w.granted(byToken(g.Token)).AuthType)
	for secret, code := range map[string]int{"wrong": 401, "ghost": 401, "broken": 500} {
		a.Password = secret
		_, err := w.login(a)
		var shown *security.Error
		require.ErrorAs(t, err, &shown)
		assert.Equal(t, code, shown.Code, secret)
	}
	a = attempt("ann", "secret")
	a.AuthType = "nobody knows it"
	assert.Equal(t, "default", w.granted(a).AuthType)
	require.NoError(t, w.Revoke(t.Context(), g.Token, "why"))
	assert.Equal(t, "ann why", own.revoked)

	w.user(`{"username":"own","authType":"own","password":"secret"}`)
	_, err := w.login(attempt("own", "secret"))
	refused(t, err, 401, "Invalid credentials")
	refused(t, w.ChangePassword(t.Context(), "own", "secret", "x"), 500, "Invalid old password")
	assert.NoError(t, w.ChangePassword(t.Context(), "own", "right", "x"))
	refused(t, w.ResetPassword(t.Context(), "own"), 500, "providerResetPassword not implemented.")

	w.options.DefaultProvider, w.options.Providers = "missing", nil
	_, err = login.New(t.Context(), w.options)
	assert.ErrorContains(t, err, "missing is not there")
}

func TestPasswordsAreChanged(t *testing.T) {
	w := newWorld(t, nil)
	var heard []string
	heardOf := make(chan string, 10)
	stop := w.directory.OnChange(func(c security.Change) { heardOf <- c.What })
	defer stop()
	refused(t, w.ChangePassword(t.Context(), "ann", "wrong", "new"), 500, "Invalid old password")
	refused(t, w.ChangePassword(t.Context(), "ann", "secret", ""), 500, "Invalid parameters: oldPassword and newPassword required")
	refused(t, w.ChangePassword(t.Context(), security.Admin, "admin", "new"), 500, "updates to the _ADMIN user are forbidden")
	refused(t, w.ChangePassword(t.Context(), "nobody", "x", "new"), 500, "bad username: nobody")
	require.NoError(t, w.ChangePassword(t.Context(), "ann", "secret", "new"))
	heard = append(heard, <-heardOf)
	assert.Equal(t, []string{security.UpsertUser}, heard)
	_, err := w.login(attempt("ann", "secret"))
	refused(t, err, 401, "Invalid credentials")
	assert.Contains(t, string(w.granted(attempt("ann", "new")).User), `"custom_data":{"a":1}`)
	for range 4 {
		refused(t, w.ChangePassword(t.Context(), "ann", "guess", "mine"), 500, "Invalid old password")
	}
	refused(t, w.ChangePassword(t.Context(), "ann", "guess", "mine"), 403, "Account locked out")
}

func TestWhatIsNeededIsNamed(t *testing.T) {
	_, err := login.New(t.Context(), login.Options{})
	assert.ErrorContains(t, err, "set them all")
}
