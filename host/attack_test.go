package host_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security/directory"
)

// hidden stores a document that is prohibited to bob, who may read all beside it.
func hidden(t *testing.T, h *host.Host) {
	t.Helper()
	admin, err := h.LocalClient(t.Context(), client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Set(t.Context(), "/desk/secret", map[string]string{"is": "treasure"}, nil)
	require.NoError(t, err)
}

func TestNoSpellingOfAPathLeadsAroundAPermission(t *testing.T) {
	h := guarded(t, nil)
	hidden(t, h)
	s := secureWire(t, h, "bob", "pwd")
	for _, path := range []string{
		"/desk/secret", "desk/secret", "//desk/secret", "/desk//secret", "/desk/secret/", "/desk/./secret", "/desk/x/../secret", "/DESK/SECRET",
		"/desk/secre*", "/desk/*t", "/desk/**", "/desk/secret*", "*secret", "/*", "**", "/desk%2Fsecret", "/desk/%73ecret", `/desk\\secret`,
		`/desk/secret\u0000`, `/desk/\u0073ecret`, "/desk/secret ", "/desk/ſecret", "/desk/{{user.username}}", "/else/../desk/secret",
		"/SET@/desk/secret", "/ALL@/desk/secret", "/desk/secret#", "/desk/secret?", "/_TAGS/desk/secret/*",
	} {
		for _, form := range []string{
			`{"action":"get","path":"%s"}`,
			`{"action":"get","path":"%s","options":{"criteria":{"is":"treasure"},"fields":{"is":1}}}`,
			`{"action":"get","path":"%s","options":{"aggregate":[{"$group":{"_id":"$data.is"}}]}}`,
			`{"action":"on","path":"/ALL@%s","options":{"initialCallback":true}}`,
			`{"action":"on","path":"%s","options":{"initialCallback":true}}`,
			`{"action":"remove","path":"%s"}`,
		} {
			request := fmt.Sprintf(form, path)
			assert.NotContains(t, s.ask(request), "treasure", request)
		}
	}
	admin, err := h.LocalClient(t.Context(), client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	doc, err := admin.Get(t.Context(), "/desk/secret", nil)
	require.NoError(t, err)
	require.NotNil(t, doc, "nobody could remove it")
	assert.JSONEq(t, `{"is":"treasure"}`, string(doc.Data))
}

// Writes, too: no spelling of a path leaves something where bob may not write.
func TestNoSpellingOfAPathWritesElsewhere(t *testing.T) {
	h := guarded(t, nil)
	hidden(t, h)
	s := secureWire(t, h, "bob", "pwd")
	for _, path := range []string{
		"/desk/secret", `/desk/\u0073ecret`, "/desk/../else/1", "/else/1", "/_SYSTEM/_SECURITY/_USER/bob", "_SYSTEM/_SECURITY/_USER/bob",
		"//_SYSTEM/x", "/own/ann/1", "/own/bob/../ann/1", "/own/{{user.username}}/1", "/own/*/1",
	} {
		for _, options := range []string{`{}`, `{"merge":true}`, `{"set_type":"sibling"}`, `{"tag":"t"}`, `{"noStore":true}`, `{"upsertType":2}`} {
			s.ask(`{"action":"set","path":"` + path + `","data":{"is":"mine"},"options":` + options + `}`)
		}
	}
	admin, err := h.LocalClient(t.Context(), client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	docs, err := admin.GetAll(t.Context(), "*", nil)
	require.NoError(t, err)
	for _, doc := range docs {
		if strings.Contains(string(doc.Data), `"mine"`) {
			permitted := strings.HasPrefix(doc.Meta.Path, "/desk/") && doc.Meta.Path != "/desk/secret" || strings.HasPrefix(doc.Meta.Path, "/own/bob/")
			assert.True(t, permitted, doc.Meta.Path)
		}
	}
}

// Nobody chooses the session that a login is for, or acts by naming another's.
func TestASessionIsNobodyElsesByItsID(t *testing.T) {
	h := guarded(t, nil)
	admin := loggedIn(t, h, client.Options{Username: "_ADMIN", Password: adminPassword})
	stranger := openWire(t, h)
	id := admin.Session().ID
	require.NotEmpty(t, id)
	for _, request := range []string{
		`{"action":"get","path":"/desk/1","sessionId":"` + id + `"}`,
		`{"action":"revoke-token","sessionId":"` + id + `"}`,
		`{"action":"disconnect-child-sessions","sessionId":"` + id + `"}`,
	} {
		stranger := openWire(t, h)
		assert.NotContains(t, stranger.ask(request), `"data":{`, request)
	}
	answer := stranger.ask(`{"action":"login","sessionId":"` + id + `","data":{"username":"bob","password":"pwd","id":"` + id + `","sessionId":"` + id + `","parentId":"` + id + `"}}`)
	require.Contains(t, answer, `"status":"ok"`)
	var session struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(answer), &session))
	assert.NotContains(t, string(session.Data), id, "the id is the server's choice")
	_, err := admin.Set(t.Context(), "/desk/1", map[string]int{}, nil)
	assert.NoError(t, err, "the session lives on, and is still the administrator's")
}

// Who hands over a connection that has logged in, or has subscriptions, hears and
// may nothing more once somebody else has logged in on it.
func TestALoginTakesNothingOverFromTheOneBefore(t *testing.T) {
	h := guarded(t, nil)
	ctx, d := t.Context(), h.Directory()
	_, err := d.UpsertUser(ctx, []byte(`{"username":"eve","password":"pwd","permissions":{"/eve/*":{"actions":["*"]}}}`), true)
	require.NoError(t, err)
	s := secureWire(t, h, "bob", "pwd")
	require.Contains(t, s.ask(`{"action":"on","path":"/ALL@/desk/*"}`), `"status":"ok"`)
	bobs := tokenIn(t, s.ask(`{"action":"login","data":{"username":"bob","password":"pwd"}}`))
	eves := tokenIn(t, s.ask(`{"action":"login","data":{"username":"eve","password":"pwd"}}`))
	assert.NotEqual(t, bobs, eves)
	assert.Contains(t, s.ask(`{"action":"get","path":"/desk/1"}`), `"code":403`)
	assert.Contains(t, s.ask(`{"action":"set","path":"/eve/1","data":{}}`), `"status":"ok"`)
	admin, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Set(ctx, "/desk/1", map[string]string{"is": "treasure"}, nil)
	require.NoError(t, err)
	require.NotContains(t, s.all(`{"action":"describe"}`), "treasure", "a subscription of the user before")

	failed := s.ask(`{"action":"login","data":{"username":"_ADMIN","password":"wrong"}}`)
	assert.Contains(t, failed, `"status":"error"`)
	assert.Contains(t, s.ask(`{"action":"get","path":"/desk/1"}`), `"code":403`, "a login that fails gives nothing")
}

func tokenIn(t *testing.T, answer string) string {
	t.Helper()
	var login struct{ Data struct{ Token string } }
	require.NoError(t, json.Unmarshal([]byte(answer), &login))
	require.NotEmpty(t, login.Data.Token, answer)
	return login.Data.Token
}

// A publisher cannot say that somebody else has published or written.
func TestMetaDoesNotForgeWhoWroteOrPublished(t *testing.T) {
	h := guarded(t, nil)
	s, writer := secureWire(t, h, "bob", "pwd"), secureWire(t, h, "bob", "pwd")
	require.Contains(t, s.ask(`{"action":"on","path":"/ALL@/desk/*"}`), `"status":"ok"`)
	for _, options := range []string{`{}`, `{"noStore":true}`, `{"merge":true}`} {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(options), &o))
		o["meta"] = map[string]any{
			"eventOrigin": map[string]string{"username": "forged", "id": "forged"}, "sessionId": "forged", "publicationId": "forged", "modifiedBy": "forged",
			"createdBy": "forged", "path": "forged", "action": "forged", "channel": "forged", "type": "forged", "consistency": 9, "created": "forged",
			"modified": "forged", "depth": 77, "own": "kept",
		}
		raw, err := json.Marshal(o)
		require.NoError(t, err)
		require.Contains(t, writer.ask(`{"action":"set","path":"/desk/1","data":{},"options":`+string(raw)+`}`), `"status":"ok"`)
		heard := s.all(`{"action":"describe"}`)
		require.Contains(t, heard, `"kept"`)
		assert.NotContains(t, heard, "forged", options)
		assert.Contains(t, heard, `"eventOrigin":{"username":"bob"`)
		assert.NotContains(t, writer.ask(`{"action":"get","path":"/desk/1"}`), "forged", options)
	}
}

// An acknowledgement counts if the session was sent what it acknowledges.
func TestAnAcknowledgementCannotBeForged(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.PubSub.AckTimeout = c.PubSub.AckTimeout / 100 })
	listener, forger, writer := secureWire(t, h, "bob", "pwd"), secureWire(t, h, "bob", "pwd"), secureWire(t, h, "bob", "pwd")
	require.Contains(t, listener.ask(`{"action":"on","path":"/ALL@/desk/*"}`), `"status":"ok"`)
	publication := writer.id + "-" + strconv.Itoa(writer.eventID+1)
	writer.say(`{"action":"set","path":"/desk/1","data":{},"options":{"consistency":3}}`)
	listener.await(`"publicationId":"` + publication + `"`)
	forger.ask(`{"action":"ack","data":"` + publication + `","sessionId":"` + listener.id + `"}`)
	assert.Contains(t, writer.await(`"publication-ack"`), `"acknowledged":0`)
}

func TestAPageOfAnotherSiteHasNoWebsocketOnASecureHost(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.Websocket.Origins = []string{"https://good.example"} })
	token := httpLogin(t, h, "bob", "pwd")
	for origin, want := range map[string]bool{"https://good.example": true, "https://evil.example": false, "null": false, "": true} {
		header := map[string][]string{"Cookie": {"happn_token=" + token}}
		if origin != "" {
			header["Origin"] = []string{origin}
		}
		c, err := rawDial(h, header)
		assert.Equal(t, want, err == nil, origin)
		if err == nil {
			_ = c.Close()
		}
	}
	// A cookie that the browser adds is no login either: the page has to know it.
	c, err := rawDial(h, map[string][]string{"Cookie": {"happn_token=" + token}})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"action":"get","eventId":1,"path":"/desk/1"}`)))
	_, answer, err := c.ReadMessage()
	require.NoError(t, err)
	assert.Contains(t, string(answer), "no policy attached to session")
}

func TestHostileCriteriaOfAUserAreRefused(t *testing.T) {
	h := guarded(t, nil)
	_, err := h.Directory().UpsertPermission(t.Context(), directory.UserOf("bob"), "/desk/*", "get", true)
	require.NoError(t, err)
	s := secureWire(t, h, "bob", "pwd")
	require.Contains(t, s.ask(`{"action":"set","path":"/desk/1","data":{"a":"`+strings.Repeat("a", 100_000)+`"}}`), `"status":"ok"`)
	for name, criteria := range map[string]string{
		"back-references":       `{"a":{"$regex":"(a+)+\\1$"}}`,
		"look-ahead":            `{"a":{"$regex":"^(?=a+)+b"}}`,
		"a huge repetition":     `{"a":{"$regex":"(a{1000}){1000}"}}`,
		"where":                 `{"$where":"while(true){}"}`,
		"function":              `{"$expr":{"$function":{"body":"while(1){}","args":[],"lang":"js"}}}`,
		"deep nesting":          strings.Repeat(`{"$and":[`, 200) + `{"a":1}` + strings.Repeat(`]}`, 200),
		"many indexes in paths": `{"a` + strings.Repeat(".0", 60) + `":1}`,
	} {
		for _, form := range []string{
			`{"action":"get","path":"/desk/*","options":{"criteria":%s}}`, `{"action":"count","path":"/desk/*","options":{"criteria":%s}}`,
			`{"action":"on","path":"/ALL@/desk/*","options":{"criteria":%s}}`,
		} {
			answer := s.ask(fmt.Sprintf(form, criteria))
			assert.Contains(t, answer, `"status":"error"`, "%s: %s", name, answer)
		}
	}
	for _, form := range []string{`"criteria":{"$expr":{"$gt":[%s,0]}}`, `"aggregate":[{"$project":{"n":%s}}]`} {
		answer := s.ask(`{"action":"get","path":"/desk/*","options":{` + fmt.Sprintf(form, loops(8)) + `}}`)
		assert.NotContains(t, answer, "/desk/1", "its budget is used up")
	}
}

// loops is an expression that goes through a thousand numbers, and for each of
// them does so again.
func loops(depth int) string {
	if depth == 0 {
		return "1"
	}
	return `{"$size":{"$map":{"input":{"$range":[0,1000]},"in":` + loops(depth-1) + `}}}`
}

// FuzzLoginData sends the data of a login as a client sends them, to a host whose
// users are all known.
func FuzzLoginData(f *testing.F) {
	h := guarded(f, func(c *config.Config) {
		c.Security.Lockout.Enabled, c.Security.LoginRate = false, config.LoginRate{}
	})
	for _, seed := range []string{
		`{"username":"bob","password":"wrong","info":{"_browser":true,"_local":true}}`, `{"token":5,"username":"_ADMIN"}`, `{"token":"e30.e30.e30"}`,
		`{"username":"_ANONYMOUS"}`, `{"username":["bob"],"password":{"a":1}}`, `{"digest":"AAAA","publicKey":"k","username":"bob"}`, `null`, `[]`, `"bob"`,
		`{"username":"b*ob","authType":"x","type":"0","info":[{}]}`, `{"\u0075sername":"bob","password":null,"password":"","type":99999999999999999999}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !json.Valid([]byte(data)) || !utf8.ValidString(data) || strings.Contains(data, "pwd") || strings.Contains(data, adminPassword) {
			t.Skip("no JSON in a text frame, or good credentials")
		}
		w := openWire(t, h)
		if answer := w.ask(`{"action":"login","data":` + data + `}`); !strings.Contains(answer, `"status":"error"`) {
			t.Errorf("%s logged in: %s", data, answer)
		}
	})
}
