package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security/policy"
)

// What the npm package ms 2.1 answers, but for what it answers with nothing.
func TestDurationsAreThoseOfTheNpmPackage(t *testing.T) {
	for text, want := range map[string]int64{
		"100": 100, "1m": 60000, "1h": 3600000, "2d": 172800000, "3w": 1814400000, "1s": 1000, "100ms": 100,
		"1y": 31557600000, "1.5h": 5400000, "1   s": 1000, "1.5H": 5400000, ".5ms": 1, "53 milliseconds": 53,
		"17 msecs": 17, "1 sec": 1000, "1 min": 60000, "1 hr": 3600000, "2 days": 172800000, "1 week": 604800000,
		"1 year": 31557600000, "1.5 hours": 5400000, ".5 minutes": 30000, "4 seconds": 4000, "0": 0, "7 days": 604800000,
	} {
		got, err := policy.Milliseconds(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

// A ttl that overflows must not become a session that never ends.
func TestDurationsThatCannotBeCountedAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "x", "1 fortnight", "ms", "1e9 years", "-1 hour", "-1", "9007199254740993", "300000 years",
		strings.Repeat("9", 99), strings.Repeat("9", 95) + "y", strings.Repeat("9", 400), "Infinity", "NaN", "0x10", "1 h 2", "١h", "1\nh",
	} {
		n, err := policy.Milliseconds(text)
		assert.Error(t, err, "%.20q is %d", text, n)
	}
	for _, raw := range []string{`{"ttl":-1}`, `{"ttl":1e30}`, `{"ttl":1e400}`, `{"ttl":"-4s"}`, `{"ttl":true}`, `{"ttl":[1]}`,
		`{"inactivity_threshold":"soon"}`, `{"usage_limit":-3}`, `{"usage_limit":"many"}`, `{"permissions":[]}`, `[]`, `1`, ``, `{`,
		`{"sourceIPWhitelist":["10.0.0.0/99"]}`, `{"sourceIPWhitelist":"10.0.0.1"}`} {
		_, err := policy.Parse([]byte(raw))
		assert.Error(t, err, raw)
	}
}

func TestAPolicyIsShownAsHappn3ShowsIt(t *testing.T) {
	for raw, want := range map[string]string{
		`{"ttl":0,"inactivity_threshold":"Infinity"}`: `{"ttl":0,"inactivity_threshold":null}`,
		`{"ttl":"4 seconds"}`:                         `{"ttl":4000}`,
		` { "lockTokenToOrigin" : true } `:            `{"lockTokenToOrigin":true}`,
		`{"ttl":0.4}`:                                 `{"ttl":1}`,
		`{"ttl":null}`:                                `{"ttl":null}`,
		`{"more":{"a":1},"permissions":{"/a":{"actions":["get"]}}}`: `{"more":{"a":1},"permissions":{"/a":{"actions":["get"]}}}`,
	} {
		p, err := policy.Parse([]byte(raw))
		require.NoError(t, err, raw)
		shown, err := json.Marshal(p)
		require.NoError(t, err)
		assert.Equal(t, want, string(shown))
		again, err := policy.Parse(shown)
		require.NoError(t, err)
		assert.Equal(t, p, again, "frozen into a token and read again")
	}
}

func policiesOf(t testing.TB, profiles *policy.Profiles, session string) [2]*policy.Policy {
	t.Helper()
	both, err := profiles.For(t.Context(), &policy.Session{Record: []byte(session)})
	require.NoError(t, err)
	return both
}

func TestTheFirstProfileThatMatchesCountsForEachType(t *testing.T) {
	profiles, err := policy.Compile([]policy.Profile{
		{Name: "nested", Session: []byte(`{"user":{"username":{"$eq":"nested"}},"type":{"$eq":0}}`), Policy: []byte(`{"ttl":1}`)},
		{Name: "dotted", Session: []byte(`{"user.custom_data.level":{"$gt":3}}`), Policy: []byte(`{"ttl":2}`)},
		{Name: "in lists", Session: []byte(`{"$and":[{"user":{"username":{"$in":["both"]}}},{"info":{"a":{"b":true}}}]}`), Policy: []byte(`{"ttl":3}`)},
		{Name: "by group", Session: []byte(`{"user":{"groups":{"SLOW":{"$exists":true}}}}`), Policy: []byte(`{"ttl":4}`)},
		{Name: "quotes", Session: []byte(`{"user":{"a\"b":{"$eq":"\u0041"}}}`), Policy: []byte(`{"ttl":5}`)},
	}, nil)
	require.NoError(t, err)
	for session, want := range map[string][2]int64{
		`{"user":{"username":"nested","x":1}}`:                       {1, 0},
		`{"user":{"custom_data":{"level":4}}}`:                       {2, 2},
		`{"user":{"custom_data":{"level":3}}}`:                       {0, 0},
		`{"user":{"username":"both"},"info":{"a":{"b":true,"c":1}}}`: {3, 3},
		`{"user":{"username":"both"},"info":{"a":{"b":false}}}`:      {0, 0},
		`{"user":{"groups":{"SLOW":{"data":{}}}}}`:                   {4, 4},
		`{"user":{"a\"b":"A"}}`:                                      {5, 5},
		`{"info":{"_browser":true}}`:                                 {604800000, 604800000},
		`{"type":0,"info":{"_browser":false}}`:                       {0, 0},
		`{"type":7}`:                                                 {0, 0},
		`{}`:                                                         {0, 0},
	} {
		both := policiesOf(t, profiles, session)
		require.NotNil(t, both[0], session)
		require.NotNil(t, both[1], session)
		assert.Equal(t, want, [2]int64{both[0].TTL, both[1].TTL}, session)
	}
	assert.Equal(t, `{"0":{"ttl":0,"inactivity_threshold":null},"1":{"ttl":0,"inactivity_threshold":null}}`,
		string(policy.AppendBoth(nil, policiesOf(t, profiles, `{}`))))
}

func TestMistakesInProfilesAreNamed(t *testing.T) {
	for problem, p := range map[string]policy.Profile{
		"profile p: policy.tll is unknown":      {Name: "p", Policy: []byte(`{"tll":1}`)},
		"profile p: policy.ttl":                 {Name: "p", Policy: []byte(`{"ttl":"soon"}`)},
		"profile number 1: session":             {Session: []byte(`[]`), Policy: []byte(`{}`)},
		"profile p: unknown operator $is":       {Name: "p", Session: []byte(`{"a":{"$is":1}}`), Policy: []byte(`{}`)},
		"profile p: a policy must be an object": {Name: "p", Policy: []byte(`7`)},
		"profile p: it has a policy and asks j": {Name: "p", Policy: []byte(`{}`), Judge: "j"},
	} {
		_, err := policy.Compile([]policy.Profile{p}, nil)
		assert.ErrorContains(t, err, problem)
	}
}

func TestLoginsComeFromListedAddressesOnly(t *testing.T) {
	profiles, err := policy.Compile([]policy.Profile{
		{Session: []byte(`{"user":{"username":"ann"}}`), Policy: []byte(`{"sourceIPWhitelist":["10.1.0.0/16","::1","192.168.0.7","fd00::/8"]}`)},
		{Session: []byte(`{"user":{"username":"ann"}}`), Policy: []byte(`{"sourceIPWhitelist":["0.0.0.0/0","::/0"]}`)},
	}, nil)
	require.NoError(t, err)
	for address, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "192.168.0.7": true, "192.168.0.70": false,
		"::1": true, "fd12::9": true, "fd12::9%eth0": true, "fe80::1": false, "": false, "10.1.2.3 ": false, "010.1.2.3": false, "localhost": false,
	} {
		assert.Equal(t, want, profiles.SourceAllowed([]byte(`{"user":{"username":"ann"}}`), address), address)
		assert.True(t, profiles.SourceAllowed([]byte(`{"user":{"username":"bob"}}`), address), address)
	}
}

func TestASessionIsAdmittedWithinItsBounds(t *testing.T) {
	parsed := func(raw string) *policy.Policy {
		p, err := policy.Parse([]byte(raw))
		require.NoError(t, err)
		return p
	}
	const begin = 1_000_000
	for name, c := range map[string]struct {
		policy string
		at     []int64 // ms after the login
		want   []policy.Reason
	}{
		"no bounds":  {`{}`, []int64{0, 1 << 50}, []policy.Reason{"", ""}},
		"ttl":        {`{"ttl":10}`, []int64{0, 10, 11}, []policy.Reason{"", "", policy.Expired}},
		"inactivity": {`{"inactivity_threshold":10}`, []int64{10, 20, 31, 32}, []policy.Reason{"", "", policy.Inactive, policy.Inactive}},
		"usage":      {`{"usage_limit":2}`, []int64{0, 0, 0, 0}, []policy.Reason{"", "", policy.UsedUp, policy.UsedUp}},
		"ttl first":  {`{"ttl":5,"usage_limit":1}`, []int64{0, 6}, []policy.Reason{"", policy.Expired}},
	} {
		p, usage := parsed(c.policy), new(policy.Usage)
		for i, at := range c.at {
			assert.Equal(t, c.want[i], p.Admit(usage, begin, begin+at), "%s, request %d", name, i)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"ttl":"7 days","inactivity_threshold":null,"permissions":{},"sourceIPWhitelist":["::/0"],"usage_limit":1e3}`, `{"user":{"a":{"$eq":1}},"$or":[{"b":{"c":1}}]}`)
	f.Fuzz(func(t *testing.T, raw, filter string) {
		p, err := policy.Parse([]byte(raw))
		if err == nil {
			again, err := policy.Parse(p.Source())
			if err != nil || again.TTL != p.TTL || again.UsageLimit != p.UsageLimit || p.TTL < 0 || p.Inactivity < 0 {
				t.Errorf("%s: %v", p.Source(), err)
			}
		}
		profiles, err := policy.Compile([]policy.Profile{{Session: []byte(filter), Policy: []byte(`{}`)}}, nil)
		if err == nil {
			_, _ = profiles.For(t.Context(), &policy.Session{Record: []byte(`{"user":{"username":"a"}}`)})
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	p, err := policy.Parse([]byte(`{"ttl":"7 days","inactivity_threshold":"1 hour"}`))
	require.NoError(b, err)
	var u policy.Usage
	b.ReportAllocs()
	for b.Loop() {
		if p.Admit(&u, 1, 2) != "" {
			b.Fatal("refused")
		}
	}
}

func BenchmarkProfiles(b *testing.B) {
	profiles, err := policy.Compile(nil, nil)
	require.NoError(b, err)
	session := &policy.Session{Record: []byte(`{"id":"x","user":{"username":"ann"},"info":{"_browser":false}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profiles.For(b.Context(), session); err != nil {
			b.Fatal(err)
		}
	}
}
