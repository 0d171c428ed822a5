package memory

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternCoversTheWholePath(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/*", "/a/", true}, {"/a/*", "/a/1/2", true}, {"/a/*", "/a", false}, {"/a/*", "/A/1", false},
		{"*", "", true}, {"**", "x", true}, {"", "", true}, {"", "x", false}, {"/a", "/a", true}, {"/a", "/ab", false},
		{"/a*a", "/a", false}, {"/a*a", "/aa", true}, {"/a*b*c", "/axbxc", true}, {"/a*b*c", "/axcxb", false},
		{"/a**b", "/ab", true}, {"*ab*ab", "ab", false}, {"*ab*ab", "abab", true}, {"*aab*", "aaab", true},
		{"/.*", "/x", false}, {"/.*", "/.x", true}, {"/*?", "/x?", true}, {"/\xff*", "/\xff\xfe", true},
	} {
		p := compile(c.pattern)
		require.Equal(t, c.want, p.match(c.path), "%q on %q", c.pattern, c.path)
	}
}

func FuzzPatternAgreesWithARegularExpression(f *testing.F) {
	f.Add("/a/*", "/a/1")
	f.Add("*ab*ab*", "xxabyabz")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, text, path string) {
		if len(text) > 100 || len(path) > 1000 {
			return
		}
		var re strings.Builder
		re.WriteString(`(?s)\A`)
		for i, piece := range strings.Split(latin(text), "*") {
			if i > 0 {
				re.WriteString(".*")
			}
			re.WriteString(regexp.QuoteMeta(piece))
		}
		re.WriteString(`\z`)
		p := compile(text)
		require.Equal(t, regexp.MustCompile(re.String()).MatchString(latin(path)), p.match(path), "%q on %q", text, path)
	})
}

// latin makes each byte a character.
func latin(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

func BenchmarkPattern(b *testing.B) {
	for _, c := range []struct{ name, pattern, path string }{
		{"prefix", "/device/17/*", "/device/17/sensor/temperature"},
		{"middle", "/device/*/sensor/*", "/device/17/sensor/temperature"},
		{"hostile", strings.Repeat("*a", 100) + "*b*", strings.Repeat("a", 2000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := compile(c.pattern)
			b.ReportAllocs()
			for b.Loop() {
				p.match(c.path)
			}
		})
	}
}
