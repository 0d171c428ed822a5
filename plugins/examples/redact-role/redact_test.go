//go:build !wasip1

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const rules = `{"rules":[{"fields":["salary","**.iban"],"visible":["hr"]},{"fields":["phone"],"mask":"***","visible":["hr","reception"]}]}`

const person = `{"name":"Ann","salary":5,"phone":"07","bank":{"iban":"CH"}}`

func show(h sdktest.Host, kind abi.Kind, session, data string) sdktest.Result {
	r := abi.Record{Kind: kind, Action: abi.ActionSet, Path: []byte("/people/ann"), Data: []byte(data), Meta: []byte(`{}`)}
	if session != "" {
		r.SessionID = []byte(session)
	}
	return h.Outbound(r)
}

func inGroup(name string) string {
	return `{"id":"x","user":{"username":"u","groups":{"` + name + `":{"data":{}}}}}`
}

func TestFieldsAreHiddenFromThoseWhoAreNotInTheirGroups(t *testing.T) {
	sdktest.Both(t, (&redactor{now: time.Now}).plugin(), func(t *testing.T, start sdktest.Start) {
		h := start(rules)
		h.Session("in-hr", inGroup("hr"))
		h.Session("at-reception", inGroup("reception"))
		h.Session("in-another", inGroup("sales"))
		h.Session("no-user", `{"id":"no-user"}`)
		nothing := `{"name":"Ann","phone":"***","bank":{}}`
		for session, want := range map[string]string{
			"in-hr": person, "at-reception": `{"name":"Ann","phone":"07","bank":{}}`,
			"in-another": nothing, "no-user": nothing, "gone": nothing, "": nothing,
		} {
			for _, kind := range []abi.Kind{abi.KindResponse, abi.KindPublication} {
				r := show(h, kind, session, person)
				require.NoError(t, r.Err)
				require.Equal(t, want, string(r.Message.Data), session)
			}
		}
		r := show(h, abi.KindResponse, "in-another", `[`+person+`,{"name":"Bob"}]`)
		require.Equal(t, `[`+nothing+`,{"name":"Bob"}]`, string(r.Message.Data))
		require.Equal(t, abi.VerdictPass, show(h, abi.KindResponse, "in-another", `{"name":"Bob"}`).Verdict)
	})
}

func TestGroupsAreRememberedForAWhile(t *testing.T) {
	now := time.UnixMilli(0)
	r := &redactor{now: func() time.Time { return now }}
	h := sdktest.Native(t, r.plugin(), `{"rules":[{"fields":["salary"],"visible":["hr"]}],"remember":"5s"}`)
	h.Session("s", inGroup("hr"))
	sees := func() bool { return show(h, abi.KindResponse, "s", `{"salary":1}`).Verdict == abi.VerdictPass }
	require.True(t, sees())
	h.Session("s", inGroup("sales"))
	now = now.Add(4999 * time.Millisecond)
	require.True(t, sees())
	now = now.Add(time.Millisecond)
	require.False(t, sees())
}

func TestSessionsThatAreRememberedAreBounded(t *testing.T) {
	s := newSessions(100, time.Hour)
	now := time.UnixMilli(0)
	for i := range 10_000 {
		s.put(fmt.Append(nil, "session-", i), uint64(i), now)
		seen, ok := s.get([]byte("session-0"), now)
		require.True(t, ok && seen == 0, "what is asked for stays")
		require.LessOrEqual(t, len(s.first)+len(s.second), 100)
	}
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"rules":[{"fields":["a..b"]}]}`: `rules[0].fields[0]: "a..b" has an empty part`,
		`{"rules":[{"visible":["hr"]}]}`:  "rules[0].fields: name what to hide",
		`{"remember":"soon"}`:             `remember: "soon" is no duration`,
		`{"sessions":0}`:                  "sessions: must be from 1",
		`{"rule":[]}`:                     `unknown field "rule"`,
	} {
		require.ErrorContains(t, (&redactor{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) {
	bench(b, sdktest.Native(b, (&redactor{now: time.Now}).plugin(), rules))
}

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), rules)) }

func bench(b *testing.B, h sdktest.Host) {
	h.Session("at-reception", inGroup("reception"))
	for name, data := range map[string]string{"hides": person, "has nothing to hide": `{"name":"Ann","city":"Bern"}`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := show(h, abi.KindResponse, "at-reception", data); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}
