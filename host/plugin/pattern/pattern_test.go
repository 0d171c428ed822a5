package pattern_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/pattern"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"*", "/a/b", true}, {"**", "x", true}, {"/a", "/a", true}, {"/a", "/a/b", false},
		{"/a/*", "/a/", true}, {"/a/*", "/a", false}, {"/a/*", "/a/b/c", true}, {"*/c", "/a/b/c", true},
		{"/a*b", "/ab", true}, {"/ab*b", "/ab", false}, {"*a*b*", "xaxbx", true}, {"*a*b*", "xbxax", false},
		{"/*/x/*/y", "/1/x/2/x/3/y", true}, {"/a/*/*", "/a/b", false}, {"", "", true}, {"", "/", false},
	} {
		p := pattern.New(c.pattern)
		require.Equal(t, c.want, p.Match([]byte(c.text)), "%s %s", c.pattern, c.text)
		if !strings.Contains(c.text, "*") {
			require.Equal(t, c.want, p.Meets([]byte(c.text)), "%s %s: a text meets what stands for it", c.pattern, c.text)
		}
	}
}

func TestToMatchAllocatesNothing(t *testing.T) {
	p, text := pattern.New("/a/*/x/*"), []byte("/a/b/x/c")
	require.Zero(t, testing.AllocsPerRun(100, func() { p.Match(text) }))
}

// FuzzPatternsMeet compares with texts that both patterns stand for, or do not.
func FuzzPatternsMeet(f *testing.F) {
	f.Add("/a/*", "/*/b", "/a/b")
	f.Add("*", "/x", "/x")
	f.Fuzz(func(t *testing.T, one, other, text string) {
		for _, s := range []string{one, other, text} {
			if len(s) > 60 || strings.Trim(s, "*/ab") != "" {
				t.Skip("few characters meet more often")
			}
		}
		if strings.Contains(text, "*") {
			t.Skip("no text that they could stand for")
		}
		p, o := pattern.New(one), pattern.New(other+"*")
		if p.Match([]byte(text)) && o.Match([]byte(text)) && !p.Meets([]byte(other+"*")) {
			t.Fatalf("%q and %q both stand for %q and do not meet", one, other+"*", text)
		}
	})
}
