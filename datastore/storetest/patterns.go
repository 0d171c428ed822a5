package storetest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// patternPaths are stored by the tests of patterns.
var patternPaths = []string{
	"/a", "/a/", "/a/1", "/a/1/2", "/a/12", "/a/n1", "/a/b", "/a/bb", "/ab", "/b/a/1", "a", "a/1", "//a", "/a//b",
	"/A/1", "/a/B", "/a.b/c", "/axb/c", "/a+b", "/aab", "/a(b)", "/a{2}", "/[a]", "/a|b", "/^a$", `/a\b`, "/a?",
	"/ü/1", "/ü/ö", "/日本/語", "/u", "/a b/c", "/a\tb", "/a\nb", "/x*y", "/x**y", "/", "/\U0010ffff", "/\U0010ffff/z",
	"/long/" + strings.Repeat("ab", 200),
}

// patternTexts are the patterns that are tried on them.
var patternTexts = []string{
	"*", "**", "***", "/*", "/a*", "/a/*", "/a/**", "/a/1*", "/a/n*", "/a*b", "/a*b*", "*a", "*/a", "*1", "*/1/*", "/*/1",
	"/*/*", "/*/*/*", "/a/1/*", "/a/*/*", "/a/*/", "/**/1", "*b*", "*bb*", "//*", "/*//*", "/A/*", "/a.b/*", "/a.*",
	"/a+*", "/a(*", "/a{*", "/[*", "/a|*", "/^*", "/*$", `/a\*`, "/a?*", "/ü/*", "/*ö", "/日*", "/\xc3*", "*\xbc*",
	"/a b*", "/a\t*", "/a\n*", "/x*y", "/x**y", "/x*", "/none/*", "", "/a", "/a/", "*ab*ab*ab*ab", "/long/*aab*", "*aba*bab*b",
	"/\U0010ffff*", "*c", "/a*a", "/ab*b", "/ab*ab",
}

var patterns = []test{
	{"'*' is any text, everything else itself", func(s *subject) {
		for _, path := range patternPaths {
			s.put(path, `{}`)
		}
		for _, text := range patternTexts {
			require.Equal(s, naiveMatches(text, patternPaths), s.paths(matching(text)), "pattern %q", text)
		}
	}},
	{"the documented examples", func(s *subject) {
		for _, path := range []string{"/a/", "/a/1", "/a/1/2", "/a", "/b/a/1", "/A/1"} {
			s.put(path, `{}`)
		}
		require.Equal(s, []string{"/a/", "/a/1", "/a/1/2"}, s.paths(matching("/a/*")))
		require.Equal(s, []string{"/a/1", "/a/1/2"}, s.paths(matching("/a/*1*")))
		require.Equal(s, []string{"/A/1", "/a/1", "/b/a/1"}, s.paths(matching("*/1")))
	}},
	{"a pattern with many stars is answered at once", func(s *subject) {
		s.put("/"+strings.Repeat("a", 4000), `{}`)
		require.Empty(s, s.paths(matching(strings.Repeat("*a", 500)+"*b")))
		require.Empty(s, s.paths(matching("/"+strings.Repeat("a*", 500)+"b*a")))
		require.Len(s, s.paths(matching("/"+strings.Repeat("a*", 2000))), 1)
	}},
	{"the pattern is borrowed", func(s *subject) {
		s.put("/a/1", `{}`)
		s.put("/a/2", `{}`)
		done := make(outcomes, 1)
		q := matching("/a/*")
		s.store.Remove(s.Context(), &q, done)
		copy(q.Pattern, "#####")
		require.Equal(s, 2, done.next(s).n)
		require.Empty(s, s.paths(matching("*")))
	}},
	{"a removal takes the same paths as a search", func(s *subject) {
		for _, text := range patternTexts {
			for _, path := range patternPaths {
				s.put(path, `{}`)
			}
			gone := naiveMatches(text, patternPaths)
			require.Equal(s, len(gone), s.remove(matching(text)), "pattern %q", text)
			left := naiveMatches("*", patternPaths)
			left = slices.DeleteFunc(left, func(path string) bool { return slices.Contains(gone, path) })
			require.Equal(s, left, s.paths(matching("*")), "pattern %q", text)
		}
	}},
}

// naiveMatches returns the paths that the pattern covers, sorted.
func naiveMatches(pattern string, paths []string) []string {
	re := naive(pattern)
	out := []string{}
	for _, path := range paths {
		if re(path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// naive is the rule by way of a regular expression, on text in which each byte
// has become a character so that any bytes will do.
func naive(pattern string) func(path string) bool {
	if !strings.Contains(pattern, "*") {
		return func(path string) bool { return path == pattern }
	}
	pieces := strings.Split(latin(pattern), "*")
	for i := range pieces {
		pieces[i] = regexp.QuoteMeta(pieces[i])
	}
	re := regexp.MustCompile(`(?s)\A` + strings.Join(pieces, ".*") + `\z`)
	return func(path string) bool { return re.MatchString(latin(path)) }
}

// latin makes each byte a character.
func latin(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

var removing = []test{
	{"one document", func(s *subject) {
		s.put("/a", `{}`)
		s.put("/a/b", `{}`)
		require.Equal(s, 1, s.remove(matching("/a")))
		require.Nil(s, s.get("/a"))
		require.Equal(s, []string{"/a/b"}, s.paths(matching("*")))
		require.Equal(s, 0, s.remove(matching("/a")))
	}},
	{"nothing is no error", func(s *subject) {
		require.Equal(s, 0, s.remove(matching("/none")))
		require.Equal(s, 0, s.remove(matching("/none/*")))
	}},
	{"by pattern and filter", func(s *subject) {
		for i := range "0123456789" {
			s.put("/r/"+string(rune('0'+i)), `{"n":`+string(rune('0'+i))+`}`)
		}
		s.put("/q", `{"n":9}`)
		require.Equal(s, 4, s.remove(datastore.Query{Pattern: []byte("/r/*"), Filter: atLeast(6)}))
		require.Equal(s, 0, s.remove(datastore.Query{Pattern: []byte("/r/1"), Filter: atLeast(6)}))
		require.Equal(s, []string{"/q", "/r/0", "/r/1", "/r/2", "/r/3", "/r/4", "/r/5"}, s.paths(matching("*")))
	}},
	{"order, skip and limit are ignored", func(s *subject) {
		for _, path := range []string{"/r/1", "/r/2", "/r/3"} {
			s.put(path, `{}`)
		}
		require.Equal(s, 3, s.remove(datastore.Query{Pattern: []byte("/r/*"), Order: byN(1), Skip: 1, Limit: 1}))
	}},
	{"a path that is set again is new", func(s *subject) {
		s.must(put("/a", `{"old":1}`, 1000))
		s.remove(matching("/a"))
		got := s.must(merge("/a", `{"n":1}`, 2000))
		require.Equal(s, &datastore.Document{Path: "/a", Data: []byte(`{"n":1}`), Created: 2000, Modified: 2000}, got)
		s.remove(matching("/*"))
		require.JSONEq(s, `{"g":{"value":1}}`, string(s.must(increment("/a", "g", 1)).Data))
		require.Equal(s, []string{"/a"}, s.paths(matching("*")))
	}},
	{"many documents", func(s *subject) {
		const n = 3000
		done := make(outcomes, n)
		for i := range n {
			w := put("/many/"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26), `{}`, 1)
			s.store.Write(s.Context(), &w, done)
		}
		for range n {
			require.NoError(s, done.next(s).err)
		}
		stored := len(s.paths(matching("*")))
		require.Equal(s, stored, s.remove(matching("/many/*")))
		require.Empty(s, s.paths(matching("*")))
	}},
}
