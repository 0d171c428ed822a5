package login_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/policy"
)

func TestWrongPasswordsLockAnAccount(t *testing.T) {
	for _, name := range []string{"ann", "nobody"} {
		w := newWorld(t, nil)
		for range 4 {
			_, err := w.login(attempt(name, "wrong"))
			refused(t, err, 401, "Invalid credentials")
		}
		checks := w.hasher.checks.Load()
		_, err := w.login(attempt(name, "secret"))
		refused(t, err, 403, "Account locked out")
		assert.Equal(t, checks, w.hasher.checks.Load(), "nothing is hashed")
		w.clock.forward(10*time.Minute + time.Second)
		if name == "ann" {
			w.granted(attempt(name, "secret"))
		}
	}
}

func TestLoginsAreCountedByWhatBecameOfThem(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Rate.PerUser = 6 })
	g := w.granted(attempt("ann", "secret"))
	for range 4 {
		_, err := w.login(attempt("ann", "wrong"))
		refused(t, err, 401, "Invalid credentials")
	}
	_, err := w.login(attempt("ann", "secret"))
	refused(t, err, 403, "Account locked out")
	_, err = w.login(attempt("ann", "secret"))
	refused(t, err, 429, "too many logins of this user; try again in a minute")
	require.NoError(t, w.Revoke(t.Context(), g.Token, "lost"))
	require.Equal(t, login.Stats{Logins: 1, Refused: 6, Limited: 1, Locked: 1, Revoked: 1}, w.Stats())
}

func TestARightPasswordClearsTheCount(t *testing.T) {
	w := newWorld(t, nil)
	for range 5 {
		for range 3 {
			_, err := w.login(attempt("ann", "wrong"))
			refused(t, err, 401, "Invalid credentials")
		}
		w.granted(attempt("ann", "secret"))
	}
	for range 4 {
		_, _ = w.login(attempt("ann", "wrong"))
	}
	w.Unlock("ANN")
	w.granted(attempt("ann", "secret"))
}

// The directory takes other writings for the same user: each must count.
func TestTheLockoutIsNotEvadedByOtherWritings(t *testing.T) {
	for user, writings := range map[string][]string{
		"ann":        {"ann", "ANN", "Ann", "a*nn", "*ann*", "aNn"},
		"kim":        {"kim", "\u212aim", "KIM", "k*im"},       // the Kelvin sign is a k in lower case
		"i\u0307ris": {"\u0130ris", "i\u0307ris", "\u0130RIS"}, // a capital I with a dot
	} {
		w := newWorld(t, nil)
		w.user(`{"username":` + quoted(user) + `,"password":"secret"}`)
		for i := range 8 {
			_, err := w.login(attempt(writings[i%len(writings)], "wrong"))
			if i < 4 {
				refused(t, err, 401, "Invalid credentials")
			} else {
				refused(t, err, 403, "Account locked out")
			}
		}
		for _, writing := range writings {
			_, err := w.login(attempt(writing, "secret"))
			refused(t, err, 403, "Account locked out")
		}
	}
}

// A thousand guesses at once are no more than four one after the other.
func TestTheLockoutIsNotEvadedByHaste(t *testing.T) {
	w := newWorld(t, nil)
	var running, most atomic.Int64
	w.hasher.during = func() {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Millisecond)
		running.Add(-1)
	}
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { _, _ = w.Login(t.Context(), attempt("ann", fmt.Sprint("guess ", i))) })
	}
	all.Wait()
	assert.EqualValues(t, 4, w.hasher.checks.Load())
	assert.LessOrEqual(t, most.Load(), int64(4))
}

// A fleet that comes back at once with the right password is no attack.
func TestManyRightLoginsAtOnceAllSucceed(t *testing.T) {
	w := newWorld(t, nil)
	w.hasher.during = func() { time.Sleep(100 * time.Microsecond) }
	var all sync.WaitGroup
	var ok atomic.Int64
	for range 200 {
		all.Go(func() {
			if _, err := w.Login(t.Context(), attempt("ann", "secret")); assert.NoError(t, err) {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 200, ok.Load())
}

func TestAWaitingLoginEndsWithItsContext(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Lockout.Attempts = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	w.hasher.during = func() {
		w.hasher.during = nil
		cancel()
		_, err := w.Login(ctx, attempt("ann", "secret"))
		assert.ErrorIs(t, err, context.Canceled)
	}
	w.granted(attempt("ann", "secret"))
}

func TestANonceServesOneLogin(t *testing.T) {
	for name, pairs := range map[string]func(testing.TB) pair{"RSA": newPair, "the curve of old clients": newCurvePair} {
		t.Run(name, func(t *testing.T) { nonceServesOneLogin(t, pairs(t), pairs(t)) })
	}
}

func nonceServesOneLogin(t *testing.T, own, other pair) {
	w := newWorld(t, nil)
	w.user(`{"username":"keyed","publicKey":` + quoted(own.public) + `}`)
	digest := func(key, digest string) login.Attempt {
		return login.Attempt{Username: "keyed", PublicKey: key, Digest: digest, Type: 1}
	}
	ask := func(key string) string {
		nonce, err := w.Nonce(key)
		require.NoError(t, err)
		return nonce
	}

	first, second := ask(own.public), ask(own.public)
	signed := own.sign(t, first)
	assert.Equal(t, "keyed", w.granted(digest(own.public, signed)).Username)
	w.granted(digest(own.public, own.sign(t, second))) // both of two that were asked for together

	for name, a := range map[string]login.Attempt{
		"replayed":              digest(own.public, signed),
		"signed by another":     digest(own.public, other.sign(t, ask(own.public))),
		"nonce of another key":  digest(own.public, own.sign(t, ask(other.public))),
		"other key, and signed": digest(other.public, other.sign(t, ask(other.public))),
		"one of one's own":      digest(own.public, own.sign(t, base64.StdEncoding.EncodeToString(make([]byte, 32)))),
		"no signature":          digest(own.public, "AAAA"),
		"no base64":             digest(own.public, "?"),
		"no key":                digest("", signed),
	} {
		w.Unlock("keyed")
		_, err := w.login(a)
		t.Log(name)
		refused(t, err, 401, "Invalid credentials")
	}
	w.Unlock("keyed")
	late := own.sign(t, ask(own.public))
	w.clock.forward(time.Minute + time.Second)
	_, err := w.login(digest(own.public, late))
	refused(t, err, 401, "Invalid credentials")

	_, err = w.Nonce("")
	refused(t, err, 0, "no public key with request")
	_, err = w.Nonce(strings.Repeat("x", 1<<20))
	assert.Error(t, err)
}

// Of two who send the same signature at the same time, one logs in.
func TestANonceServesOneOfManyAtOnce(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Lockout.Disabled = true })
	own := newPair(t)
	w.user(`{"username":"keyed","publicKey":` + quoted(own.public) + `}`)
	nonce, err := w.Nonce(own.public)
	require.NoError(t, err)
	a := login.Attempt{Username: "keyed", PublicKey: own.public, Digest: own.sign(t, nonce), Type: 1}
	var all sync.WaitGroup
	var ok atomic.Int64
	for range 16 {
		all.Go(func() {
			if _, err := w.Login(t.Context(), a); err == nil {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, ok.Load())
}

func TestARevokedTokenStaysRevoked(t *testing.T) {
	w := newWorld(t, nil)
	g, other := w.granted(attempt("ann", "secret")), w.granted(attempt("ann", "secret"))
	refused(t, w.Revoke(t.Context(), "", ""), 0, "token not defined")
	refused(t, w.Revoke(t.Context(), "x", ""), 0, "invalid token")
	assert.False(t, w.Revoked(g.Token))
	require.NoError(t, w.Revoke(t.Context(), g.Token, "stolen"))
	shown, err := json.Marshal(w.ListRevoked())
	require.NoError(t, err)
	assert.NotContains(t, string(shown), g.Token, "who reads the list could use it once it is restored")

	again, err := login.New(t.Context(), w.options) // after a restart
	require.NoError(t, err)
	for _, s := range []*login.Service{w.Service, again} {
		assert.True(t, s.Revoked(g.Token))
		assert.False(t, s.Revoked(other.Token))
		assert.Equal(t, []login.Revocation{{ID: login.RevocationID(g.Token), Token: g.Token, Username: "ann", SessionID: g.SessionID,
			Reason: "stolen", Timestamp: w.clock.Now().UnixMilli()}}, s.ListRevoked())
		_, err = s.Login(t.Context(), byToken(g.Token))
		refused(t, err, 403, "token has been revoked")
		_, err = s.Verify(t.Context(), g.Token)
		refused(t, err, 403, "token has been revoked")
		for _, same := range []string{g.Token + "\n", g.Token + "=", " " + g.Token, g.Token[:len(g.Token)-1] + "\r\n" + g.Token[len(g.Token)-1:]} {
			_, err = s.Login(t.Context(), byToken(same))
			refused(t, err, 401, "Invalid credentials: invalid session token")
		}
	}
	require.NoError(t, again.Restore(t.Context(), again.ListRevoked()[0].ID), "by its name")
	_, err = again.Verify(t.Context(), g.Token)
	assert.NoError(t, err)
	refused(t, again.Restore(t.Context(), g.Token), 0, "this token is not revoked")

	assert.True(t, w.Revoked(g.Token), "it has not heard")
	path := []byte("/_SYSTEM/_CACHE/cache_revoked_tokens/" + g.Token)
	require.NoError(t, w.Observe(path, nil))
	assert.False(t, w.Revoked(g.Token))
}

func TestRevocationsAreRememberedAsLongAsTheyMatter(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.NoTTL0Revoking = true },
		policy.Profile{Session: []byte(`{"info.short":true,"type":0}`), Policy: []byte(`{"ttl":"1 hour"}`)},
		policy.Profile{Session: []byte(`{"info.short":true}`), Policy: []byte(`{"ttl":"2 hours"}`)})
	endless := w.granted(attempt("ann", "secret"))
	refused(t, w.Revoke(t.Context(), endless.Token, ""), 0, "revoking a token without a ttl means it stays in the revocation list forever")

	short := attempt("ann", "secret")
	short.Info = []byte(`{"short":true}`)
	first := w.granted(short)
	require.NoError(t, w.Revoke(t.Context(), first.Token, ""))
	w.clock.forward(2 * time.Hour)
	assert.True(t, w.Revoked(first.Token), "either kind of session may end last")
	w.clock.forward(time.Minute)
	assert.False(t, w.Revoked(first.Token))
	_, err := w.login(byToken(first.Token))
	refused(t, err, 401, "expired session token")

	require.NoError(t, w.Revoke(t.Context(), w.granted(short).Token, "")) // takes those away that are over
	doc, err := w.store.Get(t.Context(), []byte("/_SYSTEM/_CACHE/cache_revoked_tokens/"+first.Token))
	require.NoError(t, err)
	assert.Nil(t, doc)
}

// What happn-3 has stored counts, and what cannot be read fails closed.
func TestStoredRevocationsAreRead(t *testing.T) {
	w := newWorld(t, nil)
	g := w.granted(attempt("ann", "secret"))
	require.NoError(t, w.Revoke(t.Context(), g.Token, "SYSTEM"))
	path := "/_SYSTEM/_CACHE/cache_revoked_tokens/" + g.Token
	doc, err := w.store.Get(t.Context(), []byte(path))
	require.NoError(t, err)
	assert.JSONEq(t, `{"data":{"reason":"SYSTEM","timestamp":1795000000000,"ttl":0},"key":"`+g.Token+`","ttl":0,"noclone":false}`, string(doc.Data))
	for _, data := range []string{`{"data":{"reason":"SYSTEM","timestamp":1795000000000,"ttl":null},"key":"k","ttl":0,"noclone":false}`, `{"data":7}`, `{}`} {
		odd := *doc
		odd.Data = []byte(data)
		require.NoError(t, w.Observe([]byte(path), nil))
		require.False(t, w.Revoked(g.Token))
		require.NoError(t, w.Observe([]byte(path), &odd))
		assert.True(t, w.Revoked(g.Token), data)
	}
}

func TestLoginsAreBoundedByAddressAndUser(t *testing.T) {
	w := newWorld(t, func(o *login.Options) {
		o.Rate = login.RateOptions{PerAddress: 3, PerUser: 5}
		o.Lockout.Disabled = true
	})
	from := func(address, name string) error {
		a := attempt(name, "wrong")
		a.Address = address
		_, err := w.login(a)
		return err
	}
	for i := range 3 {
		refused(t, from("10.0.0.1", fmt.Sprint("user", i)), 401, "Invalid credentials")
	}
	checks := w.hasher.checks.Load()
	for _, same := range []string{"10.0.0.1", "::ffff:10.0.0.1"} {
		refused(t, from(same, "user9"), 429, "too many logins from this address; try again in a minute")
	}
	assert.Equal(t, checks, w.hasher.checks.Load(), "nothing is hashed")
	for i := range 3 {
		refused(t, from(fmt.Sprintf("2001:db8::%d", i), "other"), 401, "Invalid credentials")
	}
	refused(t, from("2001:db8::ffff:1", "other"), 429, "too many logins from this address; try again in a minute")
	for i := range 5 {
		refused(t, from(fmt.Sprintf("10.1.0.%d", i), []string{"ann", "ANN", "a*nn"}[i%3]), 401, "Invalid credentials")
	}
	refused(t, from("10.2.0.1", "Ann"), 429, "too many logins of this user; try again in a minute")
	w.clock.forward(20 * time.Second)
	refused(t, from("10.0.0.1", "user9"), 401, "Invalid credentials")
}

// Strangers choose names, addresses and keys: none may fill the memory, and a
// lock must not give way to names that are merely many.
func TestStrangersDoNotFillTheMemory(t *testing.T) {
	w := newWorld(t, func(o *login.Options) { o.Rate = login.RateOptions{PerAddress: 1000, PerUser: 1000} })
	for range 4 {
		_, _ = w.login(attempt("ann", "wrong"))
	}
	for i := range 105_000 {
		a := attempt(fmt.Sprint("nobody", i), "wrong")
		a.Address = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
		_, err := w.login(a)
		if err == nil {
			t.Fatal("logged in")
		}
	}
	_, err := w.login(attempt("ann", "secret"))
	refused(t, err, 403, "Account locked out")
	assert.LessOrEqual(t, login.Remembered(w.Service), 100_000+2*50_000)
}

func FuzzLogin(f *testing.F) {
	w := newWorld(f, func(o *login.Options) { o.Lockout.Disabled = true })
	g := w.granted(attempt("ann", "secret"))
	f.Add("ann", "wrong", g.Token[:40], "key", "digest", "happn", `{"_browser":true}`, "10.0.0.1")
	f.Add("_ADMIN", "", "", "", "AAAA", "", `{`, "::1")
	f.Fuzz(func(t *testing.T, name, password, token, key, digest, kind, info, address string) {
		if password == "secret" || password == "admin" || token == g.Token {
			t.Skip("these are good credentials")
		}
		a := login.Attempt{Username: name, Password: password, Token: token, PublicKey: key, Digest: digest, AuthType: kind, Address: address, Info: []byte(info)}
		if g, err := w.Login(t.Context(), a); err == nil {
			t.Errorf("%+v logged in as %s", a, g.Username)
		}
	})
}
