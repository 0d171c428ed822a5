package login_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// judges are found at each login.
type judges []policy.Judge

func (j *judges) Judges() []policy.Judge { return *j }

// judge decides as its function does.
type judge func(s *policy.Session) (*policy.Policy, error)

func (judge) Name() string { return "judge" }

func (j judge) Judge(_ context.Context, s *policy.Session) (*policy.Policy, error) { return j(s) }

func gives(t testing.TB, text string) judge {
	t.Helper()
	given, err := policy.ParseStrict([]byte(text))
	require.NoError(t, err)
	return func(*policy.Session) (*policy.Policy, error) { return given, nil }
}

func TestAJudgeGivesASessionItsPolicy(t *testing.T) {
	w := newWorld(t, nil)
	var seen []policy.Session
	w.judges = judges{judge(func(s *policy.Session) (*policy.Policy, error) {
		seen = append(seen, *s)
		return policy.Parse([]byte(`{"ttl":1000}`))
	})}
	a := attempt("ann", "secret")
	a.Info = []byte(`{"x":1}`)
	g := w.granted(a)
	assert.EqualValues(t, 1000, g.Policy[0].TTL)
	assert.EqualValues(t, 1000, g.Policy[1].TTL)
	require.Len(t, seen, 2)
	assert.Equal(t, "ann s-ann 10.0.0.1", seen[1].Username+" "+seen[1].ID+" "+seen[1].Address)
	assert.Contains(t, string(seen[1].Record), `{"type":1,`)
	assert.Contains(t, string(seen[1].Record), `"groups":{}`)
	assert.Contains(t, string(seen[1].Record), `"info":{"x":1}`)
	assert.NotContains(t, string(seen[1].Record), "hash of")

	w.granted(byToken(g.Token))
	assert.Len(t, seen, 2, "the policy is the token's")
}

func TestAJudgeRefusesALogin(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(o *login.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	var err error
	w.judges = judges{judge(func(*policy.Session) (*policy.Policy, error) { return nil, err })}
	err = &security.Error{Name: "AccessDenied", Code: 403, Message: "come back at eight"}
	for range 5 {
		_, refusal := w.login(attempt("ann", "secret"))
		refused(t, refusal, 403, "come back at eight")
	}
	require.Empty(t, log.String())
	err = errBroken
	_, refusal := w.login(attempt("ann", "secret"))
	refused(t, refusal, 500, "the login could not be checked; try again, or ask the operator to look at the log")
	require.Contains(t, log.String(), "broken")
	w.judges = nil
	w.granted(attempt("ann", "secret")) // none of it counts as a wrong password
}

func TestAJudgesAddressesCount(t *testing.T) {
	w := newWorld(t, nil)
	w.judges = judges{gives(t, `{"sourceIPWhitelist":["10.0.0.0/24"]}`)}
	g := w.granted(attempt("ann", "secret"))
	elsewhere := attempt("ann", "secret")
	elsewhere.Address = "10.0.1.1"
	_, err := w.login(elsewhere)
	refused(t, err, 401, "Source address access restricted")
	stolen := byToken(g.Token)
	stolen.Address = "10.0.1.1"
	_, err = w.login(stolen)
	refused(t, err, 401, "Source address access restricted")
	w.granted(byToken(g.Token))
}

// outside is a provider that may do all that one may.
type outside struct {
	check    func(a *login.Attempt) (string, error)
	token    error
	change   error
	reset    error
	revoke   error
	may      func(string) bool
	groups   []string
	makes    bool
	verified int
}

func (o *outside) Check(_ context.Context, a *login.Attempt) (string, error) { return o.check(a) }

func (o *outside) CheckToken(context.Context, *token.Claims) error { o.verified++; return o.token }

func (o *outside) ChangePassword(context.Context, string, string, string) error { return o.change }

func (o *outside) ResetPassword(context.Context, string) error { return o.reset }

func (o *outside) Revoke(context.Context, *token.Claims, string) error { return o.revoke }

func (o *outside) MayBe(name string) bool { return o.may == nil || o.may(name) }

func (o *outside) NewUser(string) ([]string, bool) { return o.groups, o.makes }

func as(name string, err error) func(*login.Attempt) (string, error) {
	return func(*login.Attempt) (string, error) { return name, err }
}

func TestProvidersComeAndGo(t *testing.T) {
	providers := login.Fixed{}
	w := newWorld(t, func(o *login.Options) { o.Providers, o.DefaultProvider = providers, "out" })
	_, err := w.login(attempt("ann", "secret"))
	refused(t, err, 500, "the login could not be checked; try again, or ask the operator to look at the log")
	assert.Equal(t, "happn", w.granted(attempt(security.Admin, "admin")).AuthType, "whose provider is always there")

	providers["out"] = &outside{check: as("ann", nil)}
	g := w.granted(attempt("ann", "anything"))
	assert.Equal(t, "default", g.AuthType)

	delete(providers, "out")
	_, err = w.login(byToken(g.Token))
	refused(t, err, 500, "the login could not be checked; try again, or ask the operator to look at the log")
	_, err = w.Verify(t.Context(), g.Token)
	refused(t, err, 500, "the login could not be checked; try again, or ask the operator to look at the log")
}

func TestWhatIsNotAProvidersOwnIsTheNextOnes(t *testing.T) {
	first, second := &outside{}, &outside{}
	w := newWorld(t, func(o *login.Options) {
		o.Providers, o.DefaultProvider = login.Fixed{"one": first, "two": second}, "two"
	})
	a := attempt("ann", "secret")
	a.AuthType = "one"
	for name, c := range map[string]struct {
		first, second error
		authType      string // "" is refused
	}{
		"the first decides":     {nil, errBroken, "one"},
		"the default decides":   {login.ErrNotMine, nil, "default"},
		"the default refuses":   {login.ErrNotMine, login.ErrRejected, ""},
		"the directory decides": {login.ErrNotMine, login.ErrNotMine, "default"},
		"the first refuses":     {login.ErrRejected, nil, ""},
	} {
		w.Unlock("ann")
		first.check, second.check = as("ann", c.first), as("ann", c.second)
		g, err := w.login(a)
		if c.authType == "" {
			refused(t, err, 401, "Invalid credentials")
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.authType, g.AuthType, name)
	}
	first.check, second.check = as("", login.ErrNotMine), as("", login.ErrNotMine)
	a.Password = "wrong"
	w.Unlock("ann")
	for range 4 {
		_, err := w.login(a)
		refused(t, err, 401, "Invalid credentials")
	}
	_, err := w.login(a)
	refused(t, err, 403, "Account locked out")
}

func TestAProviderHasASayInTokensAndPasswords(t *testing.T) {
	own := &outside{check: as("own", nil)}
	w := newWorld(t, func(o *login.Options) { o.Providers = login.Fixed{"out": own} })
	w.user(`{"username":"own","authType":"out","password":"secret"}`)
	g := w.granted(attempt("own", "x"))
	assert.Equal(t, "out", g.AuthType)
	own.token = login.ErrNotMine
	w.granted(byToken(g.Token))
	_, err := w.Verify(t.Context(), g.Token)
	require.NoError(t, err)
	assert.Equal(t, 2, own.verified)
	own.token = &security.Error{Name: "AccessDenied", Code: 403, Message: "the key was taken back"}
	_, err = w.login(byToken(g.Token))
	refused(t, err, 403, "the key was taken back")
	_, err = w.Verify(t.Context(), g.Token)
	refused(t, err, 403, "the key was taken back")

	own.change = login.ErrNotMine
	require.NoError(t, w.ChangePassword(t.Context(), "own", "secret", "other"), "the directory's")
	own.change = errBroken
	refused(t, w.ChangePassword(t.Context(), "own", "other", "x"), 500, "the login could not be checked; try again, or ask the operator to look at the log")
	own.reset = login.ErrNotMine
	refused(t, w.ResetPassword(t.Context(), "own"), 500, "providerResetPassword not implemented.")
	own.reset = nil
	require.NoError(t, w.ResetPassword(t.Context(), "own"))
	own.revoke = errBroken
	refused(t, w.Revoke(t.Context(), g.Token, ""), 500, "the login could not be checked; try again, or ask the operator to look at the log")
	assert.False(t, w.Revoked(g.Token))
	own.revoke = login.ErrNotMine
	require.NoError(t, w.Revoke(t.Context(), g.Token, ""))
}

// What was decided about the name that was sent does not hold for another one.
func TestAProviderNamesOnlyWhoMayLogInThisWay(t *testing.T) {
	own := &outside{}
	w := newWorld(t, func(o *login.Options) { o.Providers, o.NoNetworkAdmin = login.Fixed{"out": own}, true },
		policy.Profile{Session: []byte(`{"user":{"username":"bob"}}`), Policy: []byte(`{"sourceIPWhitelist":["10.9.0.0/16"]}`)})
	w.user(`{"username":"bob","password":"secret"}`)
	a := attempt("anything", "x")
	a.AuthType = "out"
	for name, code := range map[string]int{security.Admin: 403, "_AD*MIN": 401, security.Anonymous: 401, "bob": 401, "BOB": 401, "nobody": 401} {
		own.check = as(name, nil)
		_, err := w.login(a)
		var shown *security.Error
		require.ErrorAs(t, err, &shown, name)
		assert.Equal(t, code, shown.Code, name)
	}
	own.check, own.may = as("a*nn", nil), func(name string) bool { return name != "ann" }
	_, err := w.login(a)
	refused(t, err, 500, "the login could not be checked; try again, or ask the operator to look at the log")
}

func TestAProviderHasItsUsersMade(t *testing.T) {
	own := &outside{check: as("new", nil), makes: true, groups: []string{"devices"}}
	w := newWorld(t, func(o *login.Options) { o.Providers = login.Fixed{"out": own} })
	a := attempt("anything", "x")
	a.AuthType = "out"
	_, err := w.login(a)
	refused(t, err, 500, "the login could not be checked; try again, or ask the operator to look at the log")
	_, there := w.directory.Account("new")
	require.False(t, there, "half a user is none")

	_, err = w.directory.UpsertGroup(t.Context(), []byte(`{"name":"devices"}`), "", true)
	require.NoError(t, err)
	g := w.granted(a)
	require.Contains(t, g.Account.User().Groups, "devices")
	require.Equal(t, "out", g.Account.User().AuthType)
	_, err = w.login(attempt("new", "x"))
	require.NoError(t, err, "its provider is known now")
	own.makes, own.check = false, as("another", nil)
	_, err = w.login(a)
	refused(t, err, 401, "Invalid credentials")
}
