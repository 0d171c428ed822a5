package router_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/router"
)

func TestAPatternCoversWhatItsStarsLeaveRoomFor(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/*", "/a/", true},
		{"/a/*", "/a/1/2", true},
		{"/a/*", "/a", false},
		{"/a/*", "/A/1", false},       // case counts
		{"/book/*", "/bzzk/1", false}, // doubled letters are letters
		{"/book/*", "/book/1", true},
		{"/a/**", "/a/1", true},
		{"**", "", true},
		{"*", "anything", true},
		{"/a*b*c", "/abc", true},
		{"/a*b*c", "/axc", false},
		{"/a*a", "/a", false}, // ends do not overlap
		{"/a.c", "/abc", false},
		{"/mix/keep", "/mix/keep", true},
		{"/mix/keep", "/mix/keep/", false},
	} {
		require.Equal(t, tc.want, router.Matches(tc.pattern, tc.path), "%s on %s", tc.pattern, tc.path)
	}
}

// some returns a text of a few of the letters.
func some(r *rand.Rand, letters string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteByte(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// expression is the pattern as a regular expression.
func expression(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
}

func TestPatternsAgreeWithRegularExpressions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 20000 {
		pattern, path := some(r, "ab**", 7), some(r, "ab", 8)
		require.Equal(t, expression(pattern).MatchString(path), router.Matches(pattern, path), "%q on %q", pattern, path)
	}
}

func TestPatternsMeetIfAndOnlyIfSomePathIsUnderBoth(t *testing.T) {
	var paths []string // all up to eight letters: enough for patterns of four
	for length := range 9 {
		for n := range 1 << length {
			paths = append(paths, strings.NewReplacer("0", "a", "1", "b").Replace(fmt.Sprintf("%0*b", length, n))[:length])
		}
	}
	r := rand.New(rand.NewPCG(3, 2))
	for range 1500 {
		a, b := some(r, "ab*", 4), some(r, "ab*", 4)
		x, y, want := expression(a), expression(b), false
		for _, path := range paths {
			if want = x.MatchString(path) && y.MatchString(path); want {
				break
			}
		}
		require.Equal(t, want, router.Meets(a, b), "%q and %q", a, b)
	}
}
