package hook_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// read reads an entry of hooks.
func read(t testing.TB, content string) (hook.Hook, error) {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader([]byte(content)))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	o, err := object.New("f", v)
	require.NoError(t, err)
	h := hook.Read(o)
	return h, o.Finish()
}

func good(t testing.TB, content string) *hook.Hook {
	t.Helper()
	h, err := read(t, content)
	require.NoError(t, err)
	return &h
}

// entries has one of each kind.
var entries = map[hook.Kind]string{
	hook.KindInbound:  `"paths":["/a/*"],"actions":["set"],"data":"lazy"`,
	hook.KindOutbound: `"kinds":["publication"],"scope":"publication"`,
	hook.KindProfile:  `"order":3`,
	hook.KindAuth:     `"provider":"device","users":["device-*"],"createUsers":{"groups":["g"]}`,
	hook.KindSearch:   `"operators":["$near"],"ranks":["$near"],"queries":["fulltext"]`,
	hook.KindHTTP:     `"routes":[{"path":"/x/*","methods":["GET"]}],"mount":"/hooks"`,
	hook.KindTick:     `"every":"10s"`,
	hook.KindEvent:    `"paths":["/a"],"actions":["set"],"deliver":"each"`,
	hook.KindService:  `"names":["geo.lookup"],"callers":["other"]`,
	hook.KindProtocol: `"listen":[{"tcp":"127.0.0.1:7000","tls":true,"idle":"1m"},{"websocket":"/mqtt","subprotocols":["mqtt"]},{"http":"/poll"}]`,
}

func TestEachKindHasItsKeys(t *testing.T) {
	for place := range hook.Places {
		kind := hook.RulesAt(place).Kind
		require.Equal(t, place, kind.Place())
		require.Contains(t, hook.KindNames(), string(kind))
		h := good(t, `{"kind":"`+string(kind)+`",`+entries[kind]+`}`)
		require.Equal(t, kind, h.Kind)
		require.NoError(t, h.Check())
	}
	require.Len(t, entries, hook.Places)
	require.Equal(t, -1, hook.Kind("other").Place())
}

func TestErrorsOfEntriesNameTheKeyAndTheRemedy(t *testing.T) {
	for content, want := range map[string]string{
		`{}`:                 "f: kind: is missing; it is one of inbound, ",
		`{"kind":"inbuond"}`: `f: kind: "inbuond" is not one of`,
		`{"kind":"inbound","scope":"publication"}`:                       "scope and kinds belong to outbound hooks",
		`{"kind":"inbound","actions":["sett"]}`:                          `actions[0]: "sett" is not one of`,
		`{"kind":"inbound","every":"1s"}`:                                "f: every: unknown key",
		`{"kind":"outbound","kinds":["request"]}`:                        `"request" is not one of response, publication`,
		`{"kind":"tick","every":"1ms"}`:                                  "every: 1ms is too often; at least 100ms",
		`{"kind":"tick","every":"1s","cron":"* * * * *"}`:                "cron: stands beside every",
		`{"kind":"tick","cron":"x"}`:                                     `cron: "x": `,
		`{"kind":"auth","provider":"happn"}`:                             `provider: "happn" is the host's own`,
		`{"kind":"auth","provider":"a b"}`:                               `provider: "a b" must begin with a letter or digit`,
		`{"kind":"search","operators":["near"]}`:                         `"near" must be $ and at most 64 letters`,
		`{"kind":"search","operators":["$eq"]}`:                          `"$eq" is an operator of the host`,
		`{"kind":"search","queries":["1"]}`:                              `queries: "1" must begin with a letter`,
		`{"kind":"http","routes":[{"path":"x"}]}`:                        `routes[0].path: "x" must begin with a slash`,
		`{"kind":"http","mount":"/a/"}`:                                  `mount: "/a/" must be a path such as /hooks`,
		`{"kind":"protocol","listen":[{}]}`:                              "listen[0].name: an endpoint has one of tcp, websocket and http",
		`{"kind":"protocol","listen":[{"tcp":"7000"}]}`:                  `tcp: "7000" is not an address such as`,
		`{"kind":"protocol","listen":[{"websocket":"/ws/x"}]}`:           "the path /ws/x is the host's own",
		`{"kind":"protocol","listen":[{"websocket":"mqtt"}]}`:            `"mqtt" is not a path such as /mqtt`,
		`{"kind":"protocol","listen":[{"http":"/p","tls":true}]}`:        "tls belongs to tcp",
		`{"kind":"protocol","listen":[{"http":"/p","stream":true}]}`:     "stream and subprotocols belong to websocket",
		`{"kind":"protocol","listen":[{"http":"/p"},{"http":"/p"}]}`:     "listen[1].name: /p occurs twice",
		`{"kind":"protocol","listen":[{"websocket":"/p","name":true}]}`:  "name: expected a string",
		`{"kind":"event","deliver":"all"}`:                               `deliver: "all" is not one of one, each`,
		`{"kind":"protocol","listen":[{"websocket":"/p","idle":"48h"}]}`: "idle: expected a duration",
	} {
		_, err := read(t, content)
		require.ErrorContains(t, err, want, content)
	}
	for content, want := range map[string]string{
		`{"kind":"service"}`: "a service hook needs names", `{"kind":"search"}`: "a search hook needs operators, queries or both",
		`{"kind":"search","operators":["$near"],"ranks":["$far"]}`: "ranks names $far, which is not among operators",
	} {
		require.ErrorContains(t, good(t, content).Check(), want)
	}
}

func TestTheOperatorHasTheLastWord(t *testing.T) {
	for kind, entry := range entries {
		own, nobody := good(t, `{"kind":"`+string(kind)+`",`+entry+`}`), good(t, `{"kind":"`+string(kind)+`"}`)
		own.Override(*nobody)
		switch kind {
		case hook.KindAuth:
			require.Equal(t, "device", own.Auth.Provider)
			require.Nil(t, own.Auth.Users, "only an operator says who may be logged in")
			require.Nil(t, own.Auth.CreateUsers)
		case hook.KindHTTP:
			require.Len(t, own.HTTP.Routes, 1)
			require.Empty(t, own.HTTP.Mount, "only an operator gives paths of the host away")
		case hook.KindService:
			require.Equal(t, []string{"geo.lookup"}, own.Service.Names)
			require.False(t, own.Service.Admits("other"), "only an operator says who may call")
		default:
			require.Equal(t, good(t, `{"kind":"`+string(kind)+`",`+entry+`}`), own, "what nobody overrides stays")
		}
		nobody.Override(*good(t, `{"kind":"`+string(kind)+`","order":3,"on_error":"pass",`+entry+`}`))
		require.Equal(t, 3, nobody.Order)
		require.Equal(t, hook.OnErrorPass, nobody.OnError)
	}
}

func TestWhatBecomesOfAFault(t *testing.T) {
	for name, c := range map[string]struct {
		kind      hook.Kind
		own, all  hook.OnError
		want      hook.OnError
		forbidden bool
	}{
		"the kind's own":                         {kind: hook.KindInbound, want: hook.OnErrorPass},
		"the plugin's":                           {kind: hook.KindInbound, all: hook.OnErrorReject, want: hook.OnErrorReject},
		"the entry's":                            {kind: hook.KindInbound, own: hook.OnErrorClose, all: hook.OnErrorReject, want: hook.OnErrorClose},
		"logins are refused":                     {kind: hook.KindAuth, all: hook.OnErrorPass, want: hook.OnErrorReject},
		"and nobody can say that they are not":   {kind: hook.KindAuth, own: hook.OnErrorPass, forbidden: true},
		"a connection may go on":                 {kind: hook.KindProtocol, own: hook.OnErrorPass, want: hook.OnErrorPass},
		"what is not answered cannot be refused": {kind: hook.KindTick, own: hook.OnErrorReject, forbidden: true},
	} {
		h := hook.Hook{Kind: c.kind, OnError: c.own}
		err := h.SettleOnError(c.all, "p.wasm", "p.yaml")
		if c.forbidden {
			require.ErrorContains(t, err, "p.wasm or p.yaml: hooks: "+string(c.kind), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, h.OnError, name)
	}
}

func TestWhoMayBeLoggedIn(t *testing.T) {
	own := good(t, `{"kind":"auth","provider":"device"}`)
	own.Override(*good(t, `{"kind":"auth","users":["device-*","ann","*x"]}`))
	for name, want := range map[string]bool{"device-1": true, "device": false, "ann": true, "anna": false, "max": true, "_ADMIN": false} {
		require.Equal(t, want, own.Auth.MayBe(name), name)
	}
	own.Override(*good(t, `{"kind":"auth","users":["*"]}`))
	require.False(t, own.Auth.MayBe("_ADMIN"), "a pattern does not cover the administrator")
	own.Override(*good(t, `{"kind":"auth","users":["_ADMIN"]}`))
	require.True(t, own.Auth.MayBe("_ADMIN"))
}

func TestRoutesOfRequests(t *testing.T) {
	h := good(t, `{"kind":"http","routes":[{"path":"/a/*","methods":["GET","PUT"]},{"path":"/a/b","methods":["POST"]},{"path":"/any"}]}`).HTTP
	for _, c := range []struct {
		method, path string
		found        bool
		allowed      []string
	}{
		{http.MethodGet, "/a/x", true, nil}, {http.MethodPost, "/a/b", true, nil}, {http.MethodDelete, "/any", true, nil},
		{http.MethodDelete, "/a/b", false, []string{"GET", "PUT", "POST"}}, {http.MethodGet, "/other", false, nil},
	} {
		found, allowed := h.Find(c.method, c.path)
		require.Equal(t, c.found, found, c)
		if !found {
			require.Equal(t, c.allowed, allowed, c)
		}
	}
	found, _ := good(t, `{"kind":"http"}`).HTTP.Find(http.MethodGet, "/whatever")
	require.True(t, found, "no routes are all")
}

func TestWhenATickIsDue(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	every, cron := good(t, `{"kind":"tick","every":"10s"}`).Tick, good(t, `{"kind":"tick","cron":"CRON_TZ=UTC 0 6 * * *"}`).Tick
	require.Equal(t, at.Add(10*time.Second), every.Next(at))
	require.Equal(t, at.Add(18*time.Hour), cron.Next(at))
	require.True(t, every.Same(good(t, `{"kind":"tick","every":"10000ms"}`).Tick))
	require.False(t, every.Same(cron))
}

func TestChannelsAndPlaces(t *testing.T) {
	require.Equal(t, []string{"/SET@/a"}, good(t, `{"kind":"event","paths":["/a"],"actions":["set"]}`).Event.Channels())
	require.Equal(t, []string{"/ALL@/a", "/ALL@/b*"}, good(t, `{"kind":"event","paths":["/a","/b*"]}`).Event.Channels())

	all := good(t, `{"kind":"protocol",`+entries[hook.KindProtocol]+`}`).Protocol.Listen
	for n, want := range []struct {
		transport, place string
		messages         bool
		idle             time.Duration
	}{{"tcp", "127.0.0.1:7000", false, time.Minute}, {"websocket", "/mqtt", true, 0}, {"http", "/poll", false, time.Minute}} {
		e := &all[n]
		require.Equal(t, want.transport, e.Transport())
		require.Equal(t, want.place, e.Place())
		require.Equal(t, want.place, e.Name)
		require.Equal(t, want.messages, e.Messages())
		require.Equal(t, want.idle, e.Idle)
	}
}

func TestSetsOfVerdicts(t *testing.T) {
	tick := hook.RulesAt(hook.PlaceTick)
	require.True(t, tick.Gives.Has(abi.VerdictPass))
	require.False(t, tick.Gives.Has(abi.VerdictReject))
}

func FuzzRead(f *testing.F) {
	for kind, entry := range entries {
		f.Add(`{"kind":"` + string(kind) + `",` + entry + `}`)
	}
	f.Fuzz(func(t *testing.T, content string) {
		var v map[string]any
		if json.Unmarshal([]byte(content), &v) != nil {
			t.Skip("no object")
		}
		o, err := object.New("f", v)
		require.NoError(t, err)
		if h := hook.Read(o); o.Finish() == nil {
			require.NotEqual(t, -1, h.Kind.Place())
			_ = h.Check()
			h.Override(h)
		}
	})
}
