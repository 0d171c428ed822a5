//go:build !wasip1

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func TestHoursKnowTheirNextChange(t *testing.T) {
	h, err := parseHours("Europe/Berlin", map[string][]string{
		"monday": {"13:00-18:00", "08:00-12:00"}, "tuesday": {"08:00-24:00"}, "wednesday": {"00:00-02:00"}, "Sunday": {"01:00-04:00"},
	}, []string{"2026-12-28"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		now    string
		open   bool
		change string
	}{
		"before":                  {"2026-11-30T07:59:59+01:00", false, "2026-11-30T08:00:00+01:00"},
		"from the first second":   {"2026-11-30T08:00:00+01:00", true, "2026-11-30T12:00:00+01:00"},
		"at the end it is closed": {"2026-11-30T12:00:00+01:00", false, "2026-11-30T13:00:00+01:00"},
		"in another zone":         {"2026-11-30T12:30:00Z", true, "2026-11-30T18:00:00+01:00"},
		"over midnight":           {"2026-12-01T23:00:00+01:00", true, "2026-12-02T02:00:00+01:00"},
		"days later":              {"2026-12-02T02:00:00+01:00", false, "2026-12-06T01:00:00+01:00"},
		"a holiday":               {"2026-12-28T09:00:00+01:00", false, "2026-12-29T08:00:00+01:00"},
		"an hour is missing":      {"2027-03-28T01:30:00+01:00", true, "2027-03-28T04:00:00+02:00"},
		"an hour is there twice":  {"2026-10-25T02:30:00+01:00", true, "2026-10-25T04:00:00+01:00"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		require.NoError(t, err)
		open, change := h.at(now)
		require.Equal(t, c.open, open, name)
		require.Equal(t, c.change, change.Format(time.RFC3339), name)
	}
	always, err := parseHours("UTC", map[string][]string{"monday": {"00:00-24:00"}, "tuesday": {"00:00-24:00"}, "wednesday": {"00:00-24:00"},
		"thursday": {"00:00-24:00"}, "friday": {"00:00-24:00"}, "saturday": {"00:00-12:00", "12:00-24:00"}, "sunday": {"00:00-24:00"}}, nil)
	require.NoError(t, err)
	open, change := always.at(time.Now())
	require.True(t, open && change.IsZero())
	never, err := parseHours("UTC", nil, nil)
	require.NoError(t, err)
	open, change = never.at(time.Now())
	require.True(t, !open && change.IsZero())
}

const week = `"hours":{"monday":["00:00-24:00"],"tuesday":["00:00-24:00"],"wednesday":["00:00-24:00"],"thursday":["00:00-24:00"],
	"friday":["00:00-24:00"],"saturday":["00:00-24:00"],"sunday":["00:00-24:00"]}`

func TestBusinessHours(t *testing.T) {
	sdktest.Both(t, (&profile{now: time.Now}).plugin(), func(t *testing.T, start sdktest.Start) {
		staff := abi.Record{Username: []byte("ann"), Data: []byte(`{"type":1,"user":{"username":"ann","groups":{"staff":{}}}}`)}
		guest := abi.Record{Username: []byte("bob"), Data: []byte(`{"type":1,"user":{"username":"bob","groups":{}}}`)}
		admin := abi.Record{Username: []byte("_ADMIN"), Data: []byte(`{"type":1,"user":{"username":"_ADMIN","groups":{"_ADMIN":{}}}}`)}
		for name, c := range map[string]struct {
			config  string
			session abi.Record
			verdict abi.Verdict
			says    string
		}{
			"open":               {`{"zone":"Asia/Tokyo",` + week + `,"inside":{"usage_limit":5}}`, staff, abi.VerdictReplace, `{"usage_limit":5,"ttl":0}`},
			"closed":             {`{"zone":"UTC"}`, staff, abi.VerdictReject, "outside of business hours"},
			"closed for some":    {`{"zone":"UTC","outside":{"permissions":{}}}`, staff, abi.VerdictReplace, `{"permissions":{},"ttl":0}`},
			"another's":          {`{"zone":"UTC","groups":["staff"]}`, guest, abi.VerdictPass, ""},
			"its own":            {`{"zone":"UTC","groups":["staff"]}`, staff, abi.VerdictReject, "AccessDenied"},
			"the administrator":  {`{"zone":"UTC"}`, admin, abi.VerdictPass, ""},
			"no exception":       {`{"zone":"UTC","except":[]}`, admin, abi.VerdictReject, "outside"},
			"an exempt group":    {`{"zone":"UTC","except":["staff"]}`, staff, abi.VerdictPass, ""},
			"nothing configured": {`{"zone":"UTC"}`, guest, abi.VerdictReject, "outside"},
		} {
			t.Run(name, func(t *testing.T) {
				r := start(c.config).Profile(c.session)
				require.NoError(t, r.Err)
				require.Equal(t, c.verdict, r.Verdict)
				switch c.verdict {
				case abi.VerdictReplace:
					require.JSONEq(t, c.says, string(r.Message.Data))
				case abi.VerdictReject:
					require.Contains(t, string(r.Message.Error), c.says)
				}
			})
		}
	})
}

func TestASessionEndsWithTheHours(t *testing.T) {
	now := time.Date(2026, 11, 30, 11, 0, 0, 0, time.UTC)
	p := &profile{now: func() time.Time { return now }}
	h := sdktest.Native(t, p.plugin(), `{"zone":"UTC","hours":{"monday":["08:00-12:00"]}}`)
	r := h.Profile(abi.Record{Username: []byte("ann"), Data: []byte(`{}`)})
	require.Equal(t, `{"ttl":3600000}`, string(r.Message.Data))
	now = now.Add(2 * time.Hour)
	r = h.Profile(abi.Record{Username: []byte("ann"), Data: []byte(`{}`)})
	require.Contains(t, string(r.Message.Error), "they begin on Monday, 2026-12-07 08:00 UTC")
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{}`:                                    `zone: "" is no time zone`,
		`{"zone":"Mars"}`:                       `zone: "Mars" is no time zone`,
		`{"zone":"UTC","hours":{"someday":[]}}`: `hours: "someday" is no day`,
		`{"zone":"UTC","hours":{"monday":["8-12"]}}`:        `hours.monday: "8-12" is no time such as`,
		`{"zone":"UTC","hours":{"monday":["18:00-08:00"]}}`: `hours.monday: "18:00-08:00"`,
		`{"zone":"UTC","hours":{"monday":["08:00-24:01"]}}`: `hours.monday:`,
		`{"zone":"UTC","closed":["25.12."]}`:                `closed: "25.12." is no day`,
		`{"zone":"UTC","inside":{"ttl":5}}`:                 "inside.ttl: sessions end when",
		`{"zone":"UTC","outside":[]}`:                       "outside: a policy is an object",
		`{"zone":"UTC","out":{}}`:                           `unknown field "out"`,
	} {
		require.ErrorContains(t, (&profile{}).configure([]byte(config)), says, config)
	}
}

func BenchmarkNative(b *testing.B) {
	bench(b, sdktest.Native(b, (&profile{now: time.Now}).plugin(), ""))
}

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), "")) }

func bench(b *testing.B, h sdktest.Host) {
	session := abi.Record{Username: []byte("ann"), Data: []byte(`{"type":1,"user":{"username":"ann","groups":{"staff":{}}}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if r := h.Profile(session); r.Verdict != abi.VerdictReplace {
			b.Fatal(r)
		}
	}
}
