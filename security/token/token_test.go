package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security/durable"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// What happn-3 13.12.1's jwt-simple and jsonpack write.
const (
	foreignSecret = "23e3645c-e17a-4509-b5c8-24d8a9b172434080b305-a083-4a54-83c0-86e857e425ff"
	foreignToken  = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.ImlkfDU1Y2I5YTU0LTE3ODMtNGE2Ni04MmQ5LTU4YmZhOGNjYjAyM3xpbmZvfF9icm93c2VyfG5vdGV8YStiJTJCYyU3Q2QlNUVlJTI1ZitcInFcIivDqfCfmIB8bnx6fGxpc3R8ZW1wdHl8dGltZXN0YW1wfG9yaWdpbnxzcnZ8dHlwZXxwYXJlbnRJZHxwb2xpY3l8MHx0dGx8aW5hY3Rpdml0eV90aHJlc2hvbGR8MXxpc1Rva2VufHVzZXJuYW1lfGFubnx1c2VyaWR8MzNhNTQzMGMtMDIyYS00YWM1LWIzZTctNjc3M2Y0NjJhZmRkXjF8TVdQNU5EUTF8MHxBMDJZTzB8MjU1UzB8MF4tMS41fEluZmluaXR5XiQwfDF8MnwkM3wtMXw0fDV8NnxWfDd8LTN8OHxAUHwtMXxAXV18OXwtNF18QXxRfEJ8Q3xEfFJ8RXwxfEZ8JEd8JEh8U3xJfFRdfEp8JEh8VXxJfFddXXxLfC0xfEx8TXxOfE9dIg.6i88qIQKS6Jx3R94YOx-p-cniNUOguXIlKKR1B-jo3M"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newStore(t testing.TB) datastore.Store {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func open(t testing.TB, store datastore.Store, o token.Options) *token.Ring {
	t.Helper()
	ring, err := token.Open(t.Context(), store, o)
	require.NoError(t, err)
	return ring
}

func claims(t testing.TB, raw string, at time.Time) *token.Claims {
	t.Helper()
	p, err := policy.Parse([]byte(raw))
	require.NoError(t, err)
	return &token.Claims{SessionID: "s1", ParentID: "p1", Origin: "srv", Username: `ann "é"`, UserID: "u1", AuthType: "ldap",
		Type: 1, Timestamp: at.UnixMilli(), Policy: [2]*policy.Policy{p, p}, Info: []byte(`{"a":[1]}`)}
}

func signed(t testing.TB, ring *token.Ring, c *token.Claims) string {
	t.Helper()
	text, err := ring.Sign(c)
	require.NoError(t, err)
	return text
}

func TestWhatIsSignedIsRead(t *testing.T) {
	ring := open(t, newStore(t), token.Options{})
	want := claims(t, `{"ttl":"7 days","permissions":{"/a":{"actions":["get"]}}}`, time.Now())
	got, err := ring.Parse(signed(t, ring, want))
	require.NoError(t, err)
	want.Expires = got.Expires // seconds
	assert.Equal(t, want, got)
	assert.InDelta(t, want.Timestamp+7*24*3600*1000, got.Expires, 1000)
	assert.NotEmpty(t, got.ID)
}

func TestThePayloadIsStandard(t *testing.T) {
	store := newStore(t)
	secret := strings.Repeat("0123456789abcdef", 3)
	ring := open(t, store, token.Options{Secret: secret})
	at := time.UnixMilli(1795189788217)
	text := signed(t, ring, claims(t, `{"ttl":60000}`, at))
	var c jwt.RegisteredClaims
	parsed, err := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return at })).
		ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return []byte(secret), nil })
	require.NoError(t, err)
	assert.Equal(t, "srv", c.Issuer)
	assert.Equal(t, `ann "é"`, c.Subject)
	assert.Equal(t, at.Unix(), c.IssuedAt.Unix())
	assert.Equal(t, at.Add(60*time.Second).Unix()+1, c.ExpiresAt.Unix())
	assert.NotEmpty(t, c.ID)
	assert.Equal(t, ring.Keys()[0].ID, parsed.Header["kid"])
}

// part encodes one part of a token.
func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func hs256(secret, header, payload string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(header + "." + payload))
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestForgedTokensAreRefused(t *testing.T) {
	secret := strings.Repeat("0123456789abcdef", 3)
	for _, compat := range []bool{false, true} {
		ring := open(t, newStore(t), token.Options{Secret: secret, CompatTokens: compat})
		good := signed(t, ring, claims(t, `{}`, time.Now()))
		parts := strings.Split(good, ".")
		kid := ring.Keys()[0].ID
		admin := part(`{"iss":"srv","sub":"_ADMIN","id":"s","type":1,"timestamp":1,"policy":{"0":{},"1":{}}}`)
		last := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		flipped := parts[2][:len(parts[2])-1] + string(last[strings.IndexByte(last, parts[2][len(parts[2])-1])^1])
		for name, forged := range map[string]string{
			"alg none":                        part(`{"alg":"none","typ":"JWT"}`) + "." + admin + ".",
			"alg none with kid":               part(`{"alg":"none","kid":"`+kid+`"}`) + "." + admin + ".",
			"alg None and the good signature": part(`{"alg":"None","kid":"`+kid+`"}`) + "." + parts[1] + "." + parts[2],
			"no alg":                          hs256(secret, part(`{"kid":"`+kid+`"}`), parts[1]),
			"alg HS512 in the header":         hs256(secret, part(`{"alg":"HS512","kid":"`+kid+`"}`), parts[1]),
			"alg hs256":                       hs256(secret, part(`{"alg":"hs256","kid":"`+kid+`"}`), parts[1]),
			"alg RS256":                       hs256(secret, part(`{"alg":"RS256","kid":"`+kid+`"}`), parts[1]),
			"alg twice":                       hs256(secret, part(`{"alg":"HS256","alg":"none","kid":"`+kid+`"}`), parts[1]),
			"critical extension":              hs256(secret, part(`{"alg":"HS256","crit":["b64"],"kid":"`+kid+`"}`), parts[1]),
			"other type":                      hs256(secret, part(`{"alg":"HS256","typ":"JWE","kid":"`+kid+`"}`), parts[1]),
			"wrong kid":                       hs256(secret, part(`{"alg":"HS256","typ":"JWT","kid":"other"}`), parts[1]),
			"empty kid":                       hs256(secret, part(`{"alg":"HS256","typ":"JWT","kid":""}`), parts[1]),
			"no kid and an object":            hs256(secret, part(`{"alg":"HS256","typ":"JWT"}`), parts[1]),
			"other secret":                    hs256(secret+"x", parts[0], parts[1]),
			"empty secret":                    hs256("", parts[0], parts[1]),
			"tampered payload":                parts[0] + "." + admin + "." + parts[2],
			"tampered header":                 part(`{"alg":"HS256","kid":"`+kid+`"}`) + "." + parts[1] + "." + parts[2],
			"no signature":                    parts[0] + "." + parts[1] + ".",
			"two parts":                       parts[0] + "." + parts[1],
			"four parts":                      good + ".",
			"five parts":                      good + ".a.b",
			"nothing":                         "",
			"dots":                            "..",
			"bits that do not count":          parts[0] + "." + parts[1] + "." + flipped,
			"line break":                      good + "\n",
			"line break inside":               parts[0] + "." + parts[1] + "." + parts[2][:5] + "\r\n" + parts[2][5:],
			"padding":                         good + "=",
			"blank":                           good + " ",
			"oversized":                       hs256(secret, parts[0], part(`{"sub":"`+strings.Repeat("x", token.MaxBytes)+`"}`)),
			"oversized header":                hs256(secret, part(`{"alg":"HS256","x":"`+strings.Repeat("x", token.MaxBytes)+`"}`), parts[1]),
			"signed but no user":              hs256(secret, parts[0], part(`{"iss":"srv","id":"s","type":1,"timestamp":1,"policy":{"0":{},"1":{}}}`)),
			"signed but no policy":            hs256(secret, parts[0], part(`{"sub":"a","id":"s","type":1,"timestamp":1}`)),
			"signed but type 2":               hs256(secret, parts[0], part(`{"sub":"a","id":"s","type":2,"timestamp":1,"policy":{"0":{},"1":{}}}`)),
			"signed but a policy that is odd": hs256(secret, parts[0], part(`{"sub":"a","id":"s","type":1,"timestamp":1,"policy":{"0":{"ttl":"1e9y"},"1":{}}}`)),
			"signed but no time":              hs256(secret, parts[0], part(`{"sub":"a","id":"s","type":1,"policy":{"0":{},"1":{}}}`)),
			"signed but no JSON":              hs256(secret, parts[0], part(`{`)),
			"signed but a happn-3 payload":    hs256(secret, parts[0], part(`"a^^^$]"`)),
		} {
			c, err := ring.Parse(forged)
			assert.ErrorIs(t, err, token.ErrInvalid, name)
			assert.Nil(t, c, name)
		}
		_, err := ring.Parse(good)
		assert.NoError(t, err)
		if !compat {
			_, err = ring.Parse(hs256(secret, part(`{"alg":"HS256","typ":"JWT"}`), part(`"a^^^$]"`)))
			assert.ErrorIs(t, err, token.ErrInvalid)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	c := &clock{time.UnixMilli(1_000_000_000)}
	ring := open(t, newStore(t), token.Options{Now: c.Now})
	short := signed(t, ring, claims(t, `{"ttl":5000}`, c.now))
	endless := signed(t, ring, claims(t, `{}`, c.now))
	c.now = c.now.Add(5 * time.Second)
	_, err := ring.Parse(short)
	assert.NoError(t, err)
	c.now = c.now.Add(2 * time.Second)
	got, err := ring.Parse(short)
	assert.ErrorIs(t, err, token.ErrExpired)
	require.NotNil(t, got)
	assert.Equal(t, "s1", got.SessionID)
	c.now = c.now.Add(1e6 * time.Hour)
	_, err = ring.Parse(endless)
	assert.NoError(t, err)
}

func TestKeysAreChangedWhileTokensAreInUse(t *testing.T) {
	c := &clock{time.UnixMilli(1_000_000_000)}
	store := newStore(t)
	ring := open(t, store, token.Options{Now: c.Now})
	first := signed(t, ring, claims(t, `{}`, c.now))
	require.NoError(t, ring.Rotate(t.Context(), time.Hour))
	second := signed(t, ring, claims(t, `{}`, c.now))
	assert.Len(t, ring.Keys(), 2)

	again := open(t, store, token.Options{Now: c.Now}) // after a restart
	for _, r := range []*token.Ring{ring, again} {
		for _, text := range []string{first, second} {
			_, err := r.Parse(text)
			assert.NoError(t, err)
		}
	}
	c.now = c.now.Add(time.Hour)
	for _, r := range []*token.Ring{ring, again} {
		_, err := r.Parse(first)
		assert.ErrorIs(t, err, token.ErrInvalid, "its key has retired")
		_, err = r.Parse(second)
		assert.NoError(t, err)
	}
	require.NoError(t, ring.Rotate(t.Context(), 0))
	_, err := ring.Parse(second)
	assert.ErrorIs(t, err, token.ErrInvalid)
	_, err = again.Parse(second)
	assert.NoError(t, err, "it has not heard")
	require.NoError(t, again.Reload(t.Context()))
	_, err = again.Parse(second)
	assert.ErrorIs(t, err, token.ErrInvalid)
}

func TestTheSecretIsWhereHappn3HasIt(t *testing.T) {
	store := newStore(t)
	open(t, store, token.Options{})
	doc, err := store.Get(t.Context(), []byte(token.Path))
	require.NoError(t, err)
	require.NotNil(t, doc)
	assert.Regexp(t, `^\{"secret":"[A-Z2-7]{52}","keys":\[\{"secret":`, string(doc.Data))

	_, err = durable.Put(t.Context(), store, token.Path, []byte(`{"secret":"`+foreignSecret+`"}`), time.Now())
	require.NoError(t, err)
	ring := open(t, store, token.Options{CompatTokens: true, Now: func() time.Time { return time.UnixMilli(1795189788217 + 1000) }})
	c, err := ring.Parse(foreignToken)
	require.NoError(t, err)
	assert.True(t, c.Foreign)
	assert.Equal(t, "ann", c.Username)
	assert.Equal(t, "33a5430c-022a-4ac5-b3e7-6773f462afdd", c.UserID)
	assert.Equal(t, "55cb9a54-1783-4a66-82d9-58bfa8ccb023", c.SessionID)
	assert.Equal(t, c.SessionID, c.ParentID)
	assert.Equal(t, "srv", c.Origin)
	assert.EqualValues(t, 1795189788217, c.Timestamp)
	assert.Zero(t, c.Type)
	assert.EqualValues(t, 604800000, c.Policy[0].TTL)
	assert.JSONEq(t, `{"_browser":true,"note":"a b+c|d^e%f \"q\" é😀","n":-1.5,"z":null,"list":[1,true,[]],"empty":""}`, string(c.Info))

	strict := open(t, store, token.Options{})
	_, err = strict.Parse(foreignToken)
	assert.ErrorIs(t, err, token.ErrInvalid)
	parts := strings.Split(foreignToken, ".")
	_, err = ring.Parse(parts[0] + "." + parts[1][:40] + "A" + parts[1][41:] + "." + parts[2])
	assert.ErrorIs(t, err, token.ErrInvalid)
}

func TestSecretsThatCouldBeGuessedAreRefused(t *testing.T) {
	_, err := token.Open(t.Context(), newStore(t), token.Options{Secret: "happn"})
	assert.ErrorContains(t, err, "could be guessed")
	store := newStore(t)
	_, err = durable.Put(t.Context(), store, token.Path, []byte(`{"secret":"short"}`), time.Now())
	require.NoError(t, err)
	ring := open(t, store, token.Options{CompatTokens: true})
	_, err = ring.Parse(hs256("short", part(`{"typ":"JWT","alg":"HS256"}`), part(`"id|s^1^^$0|0]"`)))
	assert.ErrorIs(t, err, token.ErrInvalid)
	_, err = durable.Put(t.Context(), store, token.Path, []byte(`{"secret":7}`), time.Now())
	require.NoError(t, err)
	_, err = token.Open(t.Context(), store, token.Options{})
	assert.ErrorContains(t, err, "cannot be read")
}

func TestPackedTextsAreBounded(t *testing.T) {
	ring := open(t, newStore(t), token.Options{Secret: foreignSecret, CompatTokens: true})
	for name, packed := range map[string]string{
		"a text that is referred to often": strings.Repeat("x", 10000) + "^^^@" + strings.Repeat("0|", 5000) + "0]",
		"nesting":                          "^^^" + strings.Repeat("@", 1000) + strings.Repeat("]", 1000),
		"no end":                           "a^^^$0|0",
		"no value":                         "a^^^$0",
		"nothing":                          "^^^",
		"index out of range":               "a^^^$0|9]",
		"a number for a name":              "a^1^^$1|0]",
		"more behind it":                   "a^^^$]]",
		"three parts":                      "a^^$]",
		"odd whole number":                 "a^?^^$]",
	} {
		quoted := `"` + packed + `"`
		_, err := ring.Parse(hs256(foreignSecret, part(`{"typ":"JWT","alg":"HS256"}`), part(quoted)))
		assert.ErrorIs(t, err, token.ErrInvalid, name)
		assert.ErrorContains(t, err, "packed", name)
	}
}

func TestALongInfoIsCutFromTheToken(t *testing.T) {
	ring := open(t, newStore(t), token.Options{})
	c := claims(t, `{}`, time.Now())
	c.Info = []byte(`{"x":"` + strings.Repeat("x", 100_000) + `","_browser":true}`)
	got, err := ring.Parse(signed(t, ring, c))
	require.NoError(t, err)
	assert.Equal(t, `{"_browser":true}`, string(got.Info))
	c.Username = strings.Repeat("x", token.MaxBytes)
	_, err = ring.Sign(c)
	assert.ErrorContains(t, err, "longer than")
}

func FuzzParse(f *testing.F) {
	store := newStore(f)
	ring := open(f, store, token.Options{Secret: foreignSecret, CompatTokens: true})
	good := signed(f, ring, claims(f, `{}`, time.Now()))
	f.Add(good)
	f.Add(foreignToken)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ring.Parse(text)
		if err != nil {
			return
		}
		// The process that chose the text may not be this one: good is different there.
		if parts := strings.Split(text, "."); len(parts) != 3 || hs256(foreignSecret, parts[0], parts[1]) != text {
			t.Errorf("%q is accepted: %+v", text, c)
		}
	})
}

// FuzzPayload signs whatever comes: what the holder of the secret may do wrong.
func FuzzPayload(f *testing.F) {
	ring := open(f, newStore(f), token.Options{Secret: foreignSecret, CompatTokens: true})
	f.Add(`{"iss":"srv","sub":"a","id":"s","type":1,"timestamp":1,"policy":{"0":{"ttl":1},"1":{}}}`)
	f.Add(`"id|s|username|a|policy|0|1|type|timestamp^1^1.5|Infinity^$0|1|2|3|4|$5|$]|6|$]]|7|9|8|9]"`)
	f.Fuzz(func(t *testing.T, payload string) {
		kid := part(`{"alg":"HS256","kid":"` + ring.Keys()[0].ID + `"}`)
		for _, header := range []string{kid, part(`{"alg":"HS256"}`)} {
			c, err := ring.Parse(hs256(foreignSecret, header, part(payload)))
			if err == nil && (c.Username == "" || c.Policy[0] == nil || c.Policy[1] == nil || c.Type&^1 != 0) {
				t.Errorf("%s: %+v", payload, c)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	ring := open(b, newStore(b), token.Options{})
	c := claims(b, `{"ttl":0,"inactivity_threshold":null}`, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Sign(c); err != nil {
			b.Fatal(err)
		}
	}
}
