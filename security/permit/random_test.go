package permit_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// checker decides as happn-wire.md, 8.4 says it, one permission after the other.
type checker struct {
	all   []security.Permissions
	known map[string]*regexp.Regexp // compiled before
}

func check(all ...security.Permissions) checker {
	return checker{all, map[string]*regexp.Regexp{}}
}

func (c checker) matches(pattern, text string) bool {
	if c.known[pattern] == nil {
		pieces := strings.Split(pattern, "*")
		for i := range pieces {
			pieces[i] = regexp.QuoteMeta(pieces[i])
		}
		c.known[pattern] = regexp.MustCompile(`\A(?s:` + strings.Join(pieces, ".*") + `)\z`)
	}
	return c.known[pattern].MatchString(text)
}

func (c checker) covers(permission, path string) bool {
	if !c.matches(permission, path) {
		return false
	}
	p, r := strings.Split(strings.TrimPrefix(permission, "/"), "/"), strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(p) > len(r) {
		return false
	}
	for i := 0; i < len(p)-1; i++ {
		if !c.matches(p[i], r[i]) {
			return false
		}
	}
	return true
}

func (c checker) decide(action, path string) bool {
	allowed := false
	for _, permissions := range c.all {
		for permission, p := range permissions {
			if !c.covers(permission, path) {
				continue
			}
			for _, name := range p.Prohibit.Names() {
				if name == action || name == "*" {
					return false
				}
			}
			for _, name := range p.Allow.Names() {
				allowed = allowed || name == action || name == "*"
			}
		}
	}
	return allowed
}

var segments = []string{"a", "b", "aa", "ab", "A", "", "*", "**", "a*", "*b", "a*b", ".", "a.b", "bb"}

func randomPath(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(8) > 0 {
		b.WriteByte('/')
	}
	for i := range 1 + r.IntN(4) {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(segments[r.IntN(len(segments))])
	}
	return b.String()
}

func randomPermissions(r *rand.Rand) security.Permissions {
	all := security.Permissions{}
	for range r.IntN(6) {
		p := security.Permission{Allow: security.Actions(r.IntN(1 << 10)), Prohibit: 0}
		if r.IntN(4) == 0 {
			p.Prohibit = security.Actions(r.IntN(1 << 10))
		}
		if r.IntN(2) == 0 {
			p.Allow &^= security.Any
			p.Prohibit &^= security.Any
		}
		all[randomPath(r)] = p
	}
	return all
}

func TestDecisionsAreThoseOfASlowChecker(t *testing.T) {
	const seeds = 1000
	allowed, denied := 0, 0
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 5))
		sets := make([]security.Permissions, 1+r.IntN(3))
		for i := range sets {
			sets[i] = randomPermissions(r)
		}
		slow, s := check(sets...), permit.Compile(sets, nil).For(nobody)
		for range 20 {
			path := randomPath(r)
			for bit := range 10 {
				action := security.Actions(1 << bit)
				want := slow.decide(action.String(), path)
				require.Equal(t, want, s.Decide(action, []byte(path)), "seed %d: %v %s with %v", seed, action, path, sets)
				if want {
					allowed++
				} else {
					denied++
				}
			}
		}
	}
	assert.Greater(t, allowed, seeds)
	assert.Greater(t, denied, seeds)
}

func TestWhatNeedsNoPickingIsAllowed(t *testing.T) {
	unpicked := 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 6))
		all := []security.Permissions{randomPermissions(r), randomPermissions(r)}
		s := permit.Compile(all, nil).For(nobody)
		for range 20 {
			pattern := randomPath(r)
			if !strings.Contains(pattern, "*") || s.Picks(security.Get, []byte(pattern)) {
				continue
			}
			for range 10 {
				path := pattern
				for strings.Contains(path, "*") {
					path = strings.Replace(path, "*", strings.ReplaceAll(randomPath(r), "*", ""), 1)
				}
				require.True(t, s.Decide(security.Get, []byte(path)), "seed %d: %s below %s with %v", seed, path, pattern, all)
				unpicked++
			}
		}
	}
	assert.Greater(t, unpicked, 500)
}

func TestDecisionsOfManyGoroutinesAreTheSame(t *testing.T) {
	s := set(t, "/even/*0:get", "/even/*2:get", "/even/*4:get", "/even/*6:get", "/even/*8:get")
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 7))
			for range 5000 {
				n := r.IntN(5000)
				path := []byte("/even/")
				path = append(path, []byte(strings.Repeat("0", r.IntN(2)))...)
				path = append(path, []byte(itoa(n))...)
				if s.Decide(security.Get, path) != (n%2 == 0) {
					t.Errorf("%s", path)
				}
			}
		})
	}
	all.Wait()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func FuzzDecide(f *testing.F) {
	f.Add("/a/*", "/b/{{x}}", "^/a/(.*)", "/t/{{$1}}", "/a/b", "v")
	f.Add("*", "{{{{x}}}}", "(", "{{$}}", "/a/*/**", "*")
	f.Fuzz(func(t *testing.T, one, other, regex, counterpart, path, value string) {
		if !utf8.ValidString(one) || !utf8.ValidString(other) || !utf8.ValidString(path) {
			t.Skip("the checker's regular expressions cannot say it")
		}
		table := &permit.Table{}
		table.Put(value)
		var lookups []*permit.Lookup
		l, err := permit.CompileLookup(security.LookupPermission{Regex: regex, Actions: []string{"set"}, Path: counterpart}, table)
		if err == nil {
			lookups = append(lookups, l)
		}
		p := security.Permissions{one: {Allow: security.Get}, other: {Allow: security.Get, Prohibit: security.On}}
		s := permit.Compile([]security.Permissions{p}, lookups).For(func(string) []string { return []string{value} })
		for range 3 {
			if strings.Contains(one, "{{") || strings.Contains(other, "{{") {
				s.Decide(security.Get, []byte(path))
			} else if want := check(p).decide("get", path); s.Decide(security.Get, []byte(path)) != want {
				t.Fatalf("%q with %q and %q: want %v", path, one, other, want)
			}
		}
		s.Picks(security.Get, []byte(path))
		s.Below(security.Get, []byte(path))
	})
}
