package pipeline_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/security/payload"
)

// keyed is a pipeline whose clients are asked to encrypt.
func keyed(t testing.TB) (*pipeline.Pipeline, *payload.Pair) {
	t.Helper()
	pair, err := payload.Generate()
	require.NoError(t, err)
	return pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) {
		everything := []string{"/"}
		o.Access = &gate{allowed: map[string][]string{"ann get": everything, "ann set": everything, "ann on": everything, "ann remove": everything}}
		o.Payload, o.Server.PublicKey = pair, pair.PublicKey()
	}), pair
}

// encrypting is a client as happn-3 was before release 12.
type encrypting struct {
	*talker
	server *payload.Pair
	own    *payload.Pair
	secret *payload.Secret
}

func newEncrypting(t testing.TB, p *pipeline.Pipeline, server *payload.Pair, protocol string) *encrypting {
	t.Helper()
	own, err := payload.Generate()
	require.NoError(t, err)
	c := &encrypting{talker: connect(t, p, false), server: server, own: own}
	c.talker.ask(strings.Replace(configure, "happn_4", protocol, 1))
	return c
}

// login is the frame of an encrypted login, from the key inside and out.
func (c *encrypting) login(text, inside, outside string) string {
	c.t.Helper()
	text = strings.Replace(text, "{", `{"publicKey":"`+inside+`",`, 1)
	sealed, err := c.own.Seal(c.server.PublicKey(), []byte(text))
	require.NoError(c.t, err)
	return `{"action":"login","eventId":2,"data":{"encrypted":` + string(payload.AppendBuffer(nil, sealed)) + `,"publicKey":"` + outside + `"}}`
}

// enter logs ann in and returns the answer.
func (c *encrypting) enter(d payload.Derivation) map[string]any {
	c.t.Helper()
	sealed := c.talker.ask(c.login(`{"username":"ann","info":{"a":1}}`, c.own.PublicKey(), c.own.PublicKey()))
	require.Equal(c.t, map[string]any{"type": "login"}, sealed["_meta"])
	require.Equal(c.t, c.server.PublicKey(), sealed["publicKey"])
	raw, err := json.Marshal(sealed["encrypted"])
	require.NoError(c.t, err)
	bytes, err := payload.ParseBuffer(raw)
	require.NoError(c.t, err)
	text, sender, err := c.own.Open(bytes)
	require.NoError(c.t, err)
	require.Equal(c.t, c.server.PublicKey(), sender)
	var answer map[string]any
	require.NoError(c.t, json.Unmarshal(text, &answer))
	c.secret, err = payload.ParseSecret(field(answer, "data", "secret").(string), d)
	require.NoError(c.t, err)
	return answer
}

func (c *encrypting) seal(request string) string {
	return `{"sessionId":"s","eventId":99,"encrypted":"` + string(c.secret.Seal(nil, []byte(request))) + `"}`
}

// take returns the next frame, which must be encrypted.
func (c *encrypting) take() map[string]any {
	c.t.Helper()
	return c.open(c.wire.take(c.t))
}

func (c *encrypting) open(frame map[string]any) map[string]any {
	c.t.Helper()
	require.Len(c.t, frame, 1, "nothing is said in clear: %v", frame)
	text, err := c.secret.Open(nil, []byte(frame["encrypted"].(string)))
	require.NoError(c.t, err)
	if text[0] == '[' {
		text = []byte(`{"list":` + string(text) + `}`)
	}
	var answer map[string]any
	require.NoError(c.t, json.Unmarshal(text, &answer))
	return answer
}

func (c *encrypting) ask(request string) map[string]any {
	c.t.Helper()
	return c.open(c.talker.ask(c.seal(request)))
}

func TestClientsBefore12Encrypt(t *testing.T) {
	for protocol, d := range map[string]payload.Derivation{
		"happn_1": payload.Derived, "happn_2": payload.Derived, "happn_3": payload.Derived, "happn_4": payload.Direct,
	} {
		t.Run(protocol, func(t *testing.T) {
			p, pair := keyed(t)
			c := newEncrypting(t, p, pair, protocol)
			described := c.talker.ask(`{"action":"describe","eventId":2}`)
			assert.Equal(t, true, field(described, "data", "encryptPayloads"))
			assert.Equal(t, pair.PublicKey(), field(described, "data", "publicKey"))
			answer := c.enter(d)
			assert.Equal(t, true, field(answer, "data", "isEncrypted"))
			assert.Equal(t, "ann", field(answer, "data", "user", "username"))
			assert.Equal(t, map[string]any{"a": 1.0}, field(answer, "data", "info"))

			requireStatus(t, "ok", c.ask(`{"action":"on","eventId":3,"path":"/ALL@/a/*"}`))
			c.talker.say(c.seal(`{"action":"set","eventId":4,"path":"/a/1","data":{"encrypted":true,"text":"é\u2028"}}`))
			event := c.take()
			assert.Equal(t, "data", field(event, "_meta", "type"), "events are encrypted, too")
			assert.Equal(t, "é\u2028", field(event, "data", "text"))
			requireStatus(t, "ok", c.take())
			requireStatus(t, "error", c.ask(`{"action":"set","eventId":5,"path":"/bad path#","data":1}`))
			assert.Len(t, c.ask(`{"action":"get","eventId":6,"path":"/a/*"}`)["list"], 2)
			large := strings.Repeat("x", 100_000)
			requireStatus(t, "ok", c.ask(`{"action":"set","eventId":7,"path":"/b","data":{"v":"`+large+`"}}`))
			assert.Equal(t, large, field(c.ask(`{"action":"get","eventId":8,"path":"/b"}`), "data", "v"))
			// What the clients never encrypt is answered encrypted.
			requireStatus(t, "ok", c.open(c.talker.ask(`{"action":"describe","eventId":9}`)))
		})
	}
}

func TestAnEventIsEncryptedForEachOfItsRecipients(t *testing.T) {
	p, pair := keyed(t)
	one, two := newEncrypting(t, p, pair, "happn_4"), newEncrypting(t, p, pair, "happn_2")
	one.enter(payload.Direct)
	two.enter(payload.Derived)
	plain := loggedIn(t, p, "ann")
	const on = `{"action":"on","eventId":3,"path":"/ALL@/a/*"}`
	requireStatus(t, "ok", one.ask(on))
	requireStatus(t, "ok", two.ask(on))
	requireStatus(t, "ok", plain.ask(on))
	for i := range 20 {
		plain.say(fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/a/%d","data":{"i":%d}}`, i+4, i, i))
		for _, event := range []map[string]any{one.take(), two.take(), plain.wire.take(t)} {
			assert.Equal(t, float64(i), field(event, "data", "i"))
		}
		requireStatus(t, "ok", plain.wire.take(t))
	}
	// What the host says of its own accord, too.
	var batch session.Batch
	p.Disconnect(&batch, one.peer.Session(), "why")
	assert.Equal(t, "why", field(one.take(), "data", "reason"))
}

func TestAWrongEncryptedLoginIsRefusedInClear(t *testing.T) {
	p, pair := keyed(t)
	other, err := payload.Generate()
	require.NoError(t, err)
	c := newEncrypting(t, p, pair, "happn_4")
	own, ann := c.own.PublicKey(), `{"username":"ann"}`
	good := c.login(ann, own, own)
	forOther := &encrypting{talker: c.talker, server: other, own: c.own}
	flipped := func(key string) string {
		raw, err := base64.StdEncoding.DecodeString(key)
		require.NoError(t, err)
		raw[0] ^= 1
		return base64.StdEncoding.EncodeToString(raw)
	}
	bytes := func(list string) string {
		return `{"action":"login","eventId":2,"data":{"encrypted":` + list + `,"publicKey":"` + own + `"}}`
	}
	for name, frame := range map[string]string{
		"a wrong user":                 c.login(`{"username":"nobody"}`, own, own),
		"for another server":           forOther.login(ann, own, own),
		"sent again by somebody else":  c.login(ann, own, other.PublicKey()),
		"from another key inside":      c.login(ann, other.PublicKey(), own),
		"with the other sign outside":  c.login(ann, own, flipped(own)),
		"without a key":                strings.Replace(good, own+`"}}`, `"}}`, 1),
		"a byte too many":              strings.Replace(good, `"data":[`, `"data":[3,`, 1),
		"cut":                          bytes("[2,3,4]"),
		"empty":                        bytes("[1]"),
		"no bytes":                     bytes(`"AAAA"`),
		"no JSON inside":               c.login(`{"username":`, own, own),
		"at the top":                   `{"action":"login","eventId":2,"encrypted":"00"}`,
		"not encrypted, and not right": `{"action":"login","eventId":2,"data":{"username":"nobody"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			answer := c.talker.ask(frame)
			requireStatus(t, "error", answer)
			assert.InDelta(t, 2, field(answer, "_meta", "eventId"), 0)
			assert.Nil(t, c.peer.Session().Cipher())
		})
	}
	c.enter(payload.Direct)
	requireStatus(t, "ok", c.ask(`{"action":"get","eventId":3,"path":"/a"}`))
}

func TestWhatWasTamperedWithIsRefused(t *testing.T) {
	p, pair := keyed(t)
	c := newEncrypting(t, p, pair, "happn_4")
	early := c.talker.ask(`{"action":"get","eventId":3,"encrypted":"00"}`)
	requireStatus(t, "error", early)
	assert.Contains(t, field(early, "_meta", "error", "message"), "log in first")

	c.enter(payload.Direct)
	sealed := c.seal(`{"action":"set","eventId":4,"path":"/a","data":{"n":1}}`)
	requireStatus(t, "ok", c.open(c.talker.ask(sealed)))
	digits := strings.Index(sealed, `encrypted":"`) + len(`encrypted":"`)
	brace := map[byte]string{'0': "1"}[sealed[digits]]
	if brace == "" {
		brace = "0"
	}
	for name, frame := range map[string]string{
		"repeated":               sealed,
		"older":                  c.seal(`{"action":"get","eventId":3,"path":"/a"}`),
		"without an id":          c.seal(`{"action":"get","path":"/a"}`),
		"cut":                    sealed[:len(sealed)-10] + `"}`,
		"an odd number":          sealed[:len(sealed)-3] + `"}`,
		"a digit changed":        sealed[:digits] + brace + sealed[digits+1:],
		"no digits":              `{"encrypted":"zz"}`,
		"a number":               `{"action":"get","encrypted":7}`,
		"in clear":               `{"action":"get","eventId":9,"path":"/a"}`,
		"a login inside":         c.seal(`{"action":"login","eventId":9,"data":{"username":"ann"}}`),
		"a frame inside a frame": c.seal(c.seal(`{"action":"get","eventId":9,"path":"/a"}`)),
	} {
		t.Run(name, func(t *testing.T) {
			answer := c.open(c.talker.ask(frame))
			requireStatus(t, "error", answer)
		})
	}
	requireStatus(t, "ok", c.ask(`{"action":"get","eventId":10,"path":"/a"}`))
}

func TestALoginInClearEndsTheEncryption(t *testing.T) {
	p, pair := keyed(t)
	c := newEncrypting(t, p, pair, "happn_4")
	c.enter(payload.Direct)
	requireStatus(t, "error", c.talker.ask(`{"action":"login","eventId":5,"data":{"username":"nobody"}}`))
	requireStatus(t, "ok", c.ask(`{"action":"get","eventId":6,"path":"/a"}`))
	answer := c.talker.ask(`{"action":"login","eventId":7,"data":{"username":"ann"}}`)
	requireStatus(t, "ok", answer)
	assert.Nil(t, field(answer, "data", "secret"))
	requireStatus(t, "ok", c.talker.ask(`{"action":"get","eventId":8,"path":"/a"}`))
}

func TestWithoutAKeyNothingEncryptedIsTaken(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	assert.Nil(t, field(k.ask(`{"action":"describe","eventId":2}`), "data", "encryptPayloads"))
	for _, frame := range []string{
		`{"action":"login","eventId":2,"data":{"encrypted":[1,2,3],"publicKey":"AAAA"}}`,
		`{"action":"get","eventId":2,"path":"/a","encrypted":"00"}`,
	} {
		answer := k.ask(frame)
		requireStatus(t, "error", answer)
		assert.Equal(t, "Encrypted payloads are no longer supported", field(answer, "_meta", "error", "message"))
	}
}

func FuzzEncryptedFrame(f *testing.F) {
	p, pair := keyed(f)
	c := newEncrypting(f, p, pair, "happn_4")
	c.enter(payload.Direct)
	f.Add(`{"action":"get","eventId":9,"path":"/a"}`)
	f.Add(`[]`)
	f.Add(`{"encrypted":"00"}`)
	f.Fuzz(func(t *testing.T, text string) {
		c.say(c.seal(text))
		for _, frame := range c.wire.drain() {
			if !strings.HasPrefix(frame, `{"encrypted":"`) {
				t.Fatalf("an answer in clear: %s", frame)
			}
		}
	})
}

func FuzzEncryptedLogin(f *testing.F) {
	p, pair := keyed(f)
	f.Add(`{"username":"ann"}`)
	f.Add(`{"username":"nobody","info":{"a":[1]}}`)
	f.Add(`[{]`)
	f.Fuzz(func(t *testing.T, text string) {
		c := newEncrypting(t, p, pair, "happn_4")
		answer := c.talker.ask(c.login(text, c.own.PublicKey(), c.own.PublicKey()))
		if sealed := c.peer.Session().Cipher() != nil; sealed != (answer["encrypted"] != nil) {
			t.Fatalf("%q was answered with %v", text, answer)
		}
	})
}

func BenchmarkEncryptedRequest(b *testing.B) {
	p, pair := keyed(b)
	c := newEncrypting(b, p, pair, "happn_4")
	c.enter(payload.Direct)
	var sealed [][]byte
	for i := range 100_000 {
		sealed = append(sealed, []byte(c.seal(fmt.Sprintf(`{"action":"get","path":"/docs/1","eventId":%d}`, i+10))))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_ = c.peer.Frame(sealed[i%len(sealed)]) // the later rounds are refused, after the same work
		if i++; i%100 == 0 {
			c.wire.drain()
		}
	}
}
