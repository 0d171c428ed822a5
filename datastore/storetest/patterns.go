package storetest

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
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
		s.putAll(patternPaths, `{}`)
		for _, text := range patternTexts {
			if s.has(KeepsValues) && !utf8.ValidString(text) {
				continue // such a store has texts only
			}
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
		gone := patternPaths // and to be stored
		for _, text := range patternTexts {
			if s.has(KeepsValues) && !utf8.ValidString(text) {
				continue
			}
			s.putAll(gone, `{}`)
			gone = naiveMatches(text, patternPaths)
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
