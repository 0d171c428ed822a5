package login_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hasher counts what it is asked; hashes of "weak ..." want to be made anew.
type hasher struct {
	checks, wasted atomic.Int64
	fail           error
	during         func()
}

func (h *hasher) Hash(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

func (h *hasher) Verify(_ context.Context, hash, password string) (ok, rehash bool, err error) {
	h.checks.Add(1)
	if hash == "" {
		h.wasted.Add(1)
	}
	if h.during != nil {
		h.during()
	}
	if h.fail != nil {
		return false, false, h.fail
	}
	return hash == "hash of "+password || hash == "weak "+password, hash == "weak "+password, nil
}

// world is a service with all that it needs.
type world struct {
	*login.Service
	t         testing.TB
	store     datastore.Store
	directory *directory.Directory
	ring      *token.Ring
	hasher    *hasher
	clock     *clock
	options   login.Options
	judges    judges
}

func newWorld(t testing.TB, change func(*login.Options), profiles ...policy.Profile) *world {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	w := &world{t: t, store: store, hasher: &hasher{}, clock: &clock{now: time.UnixMilli(1_795_000_000_000)}}
	w.directory, err = directory.Open(t.Context(), store, directory.Options{
		Hash:          func(p string) (string, error) { return "hash of " + p, nil },
		AdminPassword: func() (string, error) { return "admin", nil }, Anonymous: true, CaseInsensitive: true, CaseInsensitiveExcept: []string{security.Anonymous}, Now: w.clock.Now,
	})
	require.NoError(t, err)
	compiled, err := policy.Compile(profiles, &w.judges)
	require.NoError(t, err)
	w.ring, err = token.Open(t.Context(), store, token.Options{Now: w.clock.Now})
	require.NoError(t, err)
	w.options = login.Options{Directory: w.directory, Store: store, Hasher: w.hasher, Tokens: w.ring, Profiles: compiled,
		Origin: "srv", LockToLoginType: true, Now: w.clock.Now}
	if change != nil {
		change(&w.options)
	}
	w.Service, err = login.New(t.Context(), w.options)
	require.NoError(t, err)
	w.user(`{"username":"ann","password":"secret","custom_data":{"a":1},"permissions":{"/a":{"actions":["get"]}}}`)
	return w
}

func (w *world) user(raw string) {
	w.t.Helper()
	_, err := w.directory.UpsertUser(w.t.Context(), []byte(raw), true)
	require.NoError(w.t, err)
}

func attempt(name, password string) login.Attempt {
	return login.Attempt{Username: name, Password: password, Type: 1, SessionID: "s-" + name, Address: "10.0.0.1"}
}

func byToken(text string) login.Attempt {
	return login.Attempt{Token: text, Type: 1, SessionID: "another", Address: "10.0.0.1"}
}

func (w *world) login(a login.Attempt) (*login.Grant, error) { return w.Login(w.t.Context(), a) }

func (w *world) granted(a login.Attempt) *login.Grant {
	w.t.Helper()
	g, err := w.login(a)
	require.NoError(w.t, err)
	return g
}

// refused checks the error as clients see it.
func refused(t testing.TB, err error, code int, message string) {
	t.Helper()
	var shown *security.Error
	require.ErrorAs(t, err, &shown)
	assert.Equal(t, code, shown.Code)
	assert.Equal(t, message, shown.Message)
}

// pair is what a client with a key has.
type pair struct {
	private interface {
		sign(testing.TB, []byte) []byte
	}
	public string
}

func newPair(t testing.TB) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return pair{rsaKey{key}, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}))}
}

// newCurvePair is newPair as clients before happn-3 12 have it.
func newCurvePair(t testing.TB) pair {
	t.Helper()
	key, err := secp256k1.GeneratePrivateKey()
	require.NoError(t, err)
	return pair{curveKey{key}, base64.StdEncoding.EncodeToString(key.PubKey().SerializeCompressed())}
}

func (p pair) sign(t testing.TB, nonce string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(nonce)
	require.NoError(t, err)
	require.Len(t, nonce, 44)
	return base64.StdEncoding.EncodeToString(p.private.sign(t, raw))
}

type rsaKey struct{ *rsa.PrivateKey }

func (k rsaKey) sign(t testing.TB, nonce []byte) []byte {
	t.Helper()
	hashed := sha256.Sum256(nonce)
	signature, err := rsa.SignPKCS1v15(nil, k.PrivateKey, crypto.SHA256, hashed[:])
	require.NoError(t, err)
	return signature
}

type curveKey struct{ *secp256k1.PrivateKey }

func (k curveKey) sign(_ testing.TB, nonce []byte) []byte {
	return ecdsa.Sign(k.PrivateKey, nonce).Serialize()
}

func quoted(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

var errBroken = errors.New("broken")
