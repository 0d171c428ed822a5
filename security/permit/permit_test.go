package permit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// grants parses "path:get,set,!on" for each permission.
func grants(t testing.TB, texts ...string) security.Permissions {
	t.Helper()
	all := security.Permissions{}
	for _, text := range texts {
		at := strings.LastIndexByte(text, ':')
		p := all[text[:at]]
		for _, name := range strings.Split(text[at+1:], ",") {
			name, prohibit := strings.CutPrefix(name, "!")
			a, ok := security.ParseAction(name)
			require.True(t, ok, name)
			if prohibit {
				p.Prohibit |= a
			} else {
				p.Allow |= a
			}
		}
		all[text[:at]] = p
	}
	return all
}

func nobody(string) []string { return nil }

func set(t testing.TB, texts ...string) *permit.Set {
	t.Helper()
	return permit.Compile([]security.Permissions{grants(t, texts...)}, nil).For(nobody)
}

func TestAPermissionCoversWhatItsTextAndItsSegmentsMatch(t *testing.T) {
	for _, c := range []struct {
		permission string
		covers     []string
		not        []string
	}{
		{"/a/*", []string{"/a/b", "/a/b/c", "/a/", "/a/*", "/a/**"}, []string{"/a", "/*", "*", "a/b", "/A/b", "/b/a/c", ""}},
		{"/a/b", []string{"/a/b"}, []string{"/A/B", "/a/b/", "/a", "a/b", "/a/*"}},
		{"/x/*/z", []string{"/x/1/z", "/x/1/2/3/z", "/x/*/z"}, []string{"/x/1/z/q", "/x/z", "/x/1/Z"}},
		{"/x/*/*", []string{"/x/1/2/3", "/x//", "/x/*/*"}, []string{"/x/1", "/x/*"}},
		{"/a*", []string{"/abc", "/abc/d", "/a"}, []string{"/b", "a"}},
		{"*", []string{"*", "/", "", "a", "/a/b"}, nil},
		{"a/*", []string{"a/b"}, []string{"/a/b"}},
		{"/a**b***c", []string{"/abc", "/a/b/c"}, []string{"/ab"}},
		// Doubled characters are nothing special, and case counts.
		{"/book/*", []string{"/book/1"}, []string{"/bzzk/1", "/BOOK/1", "/bk/1"}},
		{"/a.b/*", []string{"/a.b/1"}, []string{"/axb/1"}},
		// All segments but the last must match, one by one.
		{"/a*c/d", nil, []string{"/a/b/c/d"}},
		{"/a*c/d*", []string{"/abc/d/e"}, []string{"/a/bc/d"}},
		{"/a*c", []string{"/a/b/c"}, nil},
	} {
		s := set(t, c.permission+":get")
		for range 3 { // the third time it is remembered
			for _, path := range c.covers {
				assert.True(t, s.Decide(security.Get, []byte(path)), "%s covers %s", c.permission, path)
			}
			for _, path := range c.not {
				assert.False(t, s.Decide(security.Get, []byte(path)), "%s does not cover %s", c.permission, path)
			}
		}
	}
}

func TestProhibitionsWin(t *testing.T) {
	s := set(t, "/a/*:*", "/a/b:!set", "/a/c/*:!*", "/a/c/d:get")
	for _, c := range []struct {
		action security.Actions
		path   string
		want   bool
	}{
		{security.Get, "/a/b", true},
		{security.Set, "/a/b", false},
		{security.Any, "/a/b", true}, // an action without a name
		{security.Set, "/a/b2", true},
		{security.Get, "/a/c/d", false},
		{security.Any, "/a/c/d", false},
		{security.Get, "/a/c", true},
		{0, "/a/b", false},
	} {
		assert.Equal(t, c.want, s.Decide(c.action, []byte(c.path)), "%v %s", c.action, c.path)
	}
}

func TestPermissionsOfGroupsAreUnited(t *testing.T) {
	one, other := grants(t, "/x:get"), grants(t, "/x:set")
	s := permit.Compile([]security.Permissions{one, other}, nil).For(nobody)
	assert.True(t, s.Decide(security.Get, []byte("/x")))
	assert.True(t, s.Decide(security.Set, []byte("/x")))

	a, b := permit.Compile([]security.Permissions{one}, nil), permit.Compile([]security.Permissions{grants(t, "/x:!get,set")}, nil)
	both := permit.Unite("key", a, b)
	assert.Equal(t, "key", both.Key())
	assert.False(t, both.For(nobody).Decide(security.Get, []byte("/x")))
	assert.True(t, both.For(nobody).Decide(security.Set, []byte("/x")))
}

func TestTemplatesAreFilledFromTheSession(t *testing.T) {
	rules := permit.Compile([]security.Permissions{grants(t,
		"/user/{{user.username}}/*:get",
		"/{{area}}/{{area}}/{{user.username}}:get",
		"/missing/{{nothing}}/*:get",
		"/star/{{star}}/x:get",
		"/open/*:get",
		"/open/{{star}}/x:!get",
		"/odd/{{:get",
	)}, nil)
	values := map[string][]string{"user.username": {"bob"}, "area": {"n", "s"}, "star": {"ok", "*"}}
	s := rules.For(func(name string) []string { return values[name] })
	for path, want := range map[string]bool{
		"/user/bob/1": true, "/user/al/1": false, "/user/{{user.username}}/1": false,
		"/n/n/bob": true, "/s/s/bob": true, "/n/s/bob": false,
		"/missing//x": false, "/missing/undefined/x": false,
		"/star/ok/x": false, "/star/1/x": false,
		"/open/1": true, "/open/1/x": false, "/open/ok/x": false, // a prohibition is not lost
		"/odd/{{": true,
	} {
		assert.Equal(t, want, s.Decide(security.Get, []byte(path)), path)
	}
	al := rules.For(func(name string) []string { return map[string][]string{"user.username": {"{{area}}"}}[name] })
	assert.True(t, al.Decide(security.Get, []byte("/user/{{area}}/1")), "a value is no template")
	assert.False(t, al.Decide(security.Get, []byte("/user/n/1")))
}

func TestTooManyCombinationsAllowNothing(t *testing.T) {
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	s := permit.Compile([]security.Permissions{grants(t, "/{{a}}/{{b}}:get", "*:set", "/{{a}}/{{b}}/x:!set")}, nil).
		For(func(string) []string { return many })
	assert.False(t, s.Decide(security.Get, []byte("/1/1")))
	assert.True(t, s.Decide(security.Set, []byte("/1/1")))
	assert.False(t, s.Decide(security.Set, []byte("/1/1/x")))
}

func TestSessionsShareWhatNeedsNoValues(t *testing.T) {
	plain := permit.Compile([]security.Permissions{grants(t, "/a:get")}, nil)
	assert.Same(t, plain.For(nobody), plain.For(nobody))
	templated := permit.Compile([]security.Permissions{grants(t, "/{{a}}:get")}, nil)
	assert.NotSame(t, templated.For(nobody), templated.For(nobody))
}

func TestLookupTablesAllow(t *testing.T) {
	table := &permit.Table{}
	for _, path := range []string{"x/1", "/x/2/y", "h/bob/1", "x/b*"} {
		table.Put(path)
	}
	compile := func(p security.LookupPermission) *permit.Lookup {
		l, err := permit.CompileLookup(p, table)
		require.NoError(t, err)
		return l
	}
	rules := permit.Compile([]security.Permissions{grants(t, "/data/1:!on")}, []*permit.Lookup{
		compile(security.LookupPermission{Regex: "^/data/(.*)", Actions: []string{"get", "on", "*"}, Table: "t", Path: "/x/{{$1}}"}),
		compile(security.LookupPermission{Regex: "^/mine/(.*)", Actions: []string{"set"}, Table: "t", Path: "h/{{user.username}}/{{$1}}"}),
		compile(security.LookupPermission{Regex: "^/bad", Actions: []string{"get"}, Table: "t", Path: "/x/{{$7}}{{$}}"}),
	})
	s := rules.For(func(name string) []string {
		return map[string][]string{"user.username": {"bob"}}[name]
	})
	for _, c := range []struct {
		action security.Actions
		path   string
		want   bool
	}{
		{security.Get, "/data/1", true},
		{security.On, "/data/1", true}, // a prohibition does not concern lookups
		{security.Set, "/data/1", false},
		{security.Get, "/data/2/y", true},
		{security.Get, "/data/2", false},
		{security.Get, "/data/*", true}, // it matches paths of the table
		{security.Get, "/data/q*", false},
		{security.Set, "/mine/1", true},
		{security.Set, "/mine/2", false},
		{security.Get, "/bad", false},
	} {
		assert.Equal(t, c.want, s.Decide(c.action, []byte(c.path)), "%v %s", c.action, c.path)
	}
	assert.True(t, s.Picks(security.Get, []byte("/data/*")))
	table.Delete("x/1")
	assert.ElementsMatch(t, []string{"x/2/y", "h/bob/1", "x/b*"}, table.Paths())

	_, err := permit.CompileLookup(security.LookupPermission{Regex: "(?=a)", Table: "t"}, table)
	assert.ErrorContains(t, err, "look-around")
}

func TestBelowListsWhatIsGranted(t *testing.T) {
	for _, c := range []struct {
		grants []string
		prefix string
		want   []string
	}{
		{[]string{"/a/*:get"}, "/a/", []string{"/a/*"}},
		{[]string{"/a/1:get", "/a/2/3:get", "/b:get"}, "/a/", []string{"/a/1", "/a/2/3"}},
		{[]string{"/a/*:get", "/a/2:!get"}, "/a/", []string{"/a/*"}},
		{[]string{"*:*"}, "/a/", []string{"*"}},
		{[]string{"/a/1:get", "/a/1:!get", "/a/2:set"}, "/a/", nil},
		{[]string{"/a:get", "/b/1:get"}, "/a/", nil},
		{nil, "/a/", nil},
	} {
		got, some := set(t, c.grants...).Below(security.Get, []byte(c.prefix))
		assert.Equal(t, c.want, got, "%v", c.grants)
		assert.Equal(t, len(c.want) > 0, some)
	}
}
