package collation_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/collation"
)

// resemblingLanguages are all that Resembling knows.
var resemblingLanguages = []string{
	"af", "ca", "cs", "da", "de", "de_AT", "en", "en_US", "es", "fi", "fil", "fr", "fr_CA", "ga", "id", "is", "it",
	"lv", "ms", "nb", "nl", "nn", "pl", "pt", "ro", "root", "ru", "sk", "sl", "sv", "sw", "tr", "uk", "zu",
}

func compile(t *testing.T, locale string, strength int, more string) *collation.Collation {
	t.Helper()
	by, err := collation.Compile(fmt.Appendf(nil, `{"locale":%q,"strength":%d%s}`, locale, strength, more))
	require.NoError(t, err)
	return by
}

// Texts of two letters (in some languages also of three, and of any two ASCII
// characters) are put together that a collation finds equal: each must be found by the expression of the others.
func TestAnExpressionFindsWhatACollationFindsEqual(t *testing.T) {
	var short []string
	for a := range 128 {
		short = append(short, string(rune(a)))
		for b := range 128 {
			short = append(short, string(rune(a))+string(rune(b)))
		}
	}
	var letters, pairs []string
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			pairs = append(pairs, string([]rune{a, b}))
			for c := 'a'; c <= 'z'; c++ {
				letters = append(letters, string([]rune{a, b, c}))
			}
		}
	}
	for i, locale := range resemblingLanguages {
		for _, strength := range []int{1, 3} {
			if strength == 3 && i%16 > 0 {
				continue // finds less equal
			}
			by := compile(t, locale, strength, "")
			texts := pairs
			if i%16 == 0 { // these take their time
				texts = append(append(texts[:0:0], short...), letters...)
			}
			equal := map[string][]string{}
			for _, text := range texts {
				key := string(by.AppendKey(nil, []byte(text)))
				equal[key] = append(equal[key], text)
			}
			for _, texts := range equal {
				expression, known := by.Resembling([]byte(texts[0]))
				require.True(t, known)
				find := regexp.MustCompile(expression)
				for _, text := range texts {
					require.True(t, find.MatchString(text), "%s, strength %d: %q is %q, which %s does not find", locale, strength, texts[0], text, expression)
				}
			}
		}
	}
}

func TestAnExpressionFindsEqualTextsOfAnyLanguage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "A", "e", "s", "ss", "S", "ch", "aa", "ae", "oe", "o", "u", " ", "-", "1", "\x00", "\u00ad",
		"\u00e4", "\u00e9", "e\u0301", "\u0301", "\u00df", "\u00e5", "\u00e6", "\u212b", "\ufb01", "fi", "i", "I", "\u0131", "\u0130", "\uff21", "\u0153", "\u0132", "ij"}
	text := func() (s string) {
		for range random.IntN(4) {
			s += pieces[random.IntN(len(pieces))]
		}
		return s
	}
	for _, locale := range resemblingLanguages {
		for strength := 1; strength <= 3; strength++ {
			by := compile(t, locale, strength, "")
			texts := make([]string, 120)
			for i := range texts {
				texts[i] = text()
			}
			for _, wanted := range texts {
				expression, known := by.Resembling([]byte(wanted))
				if !known {
					continue
				}
				find := regexp.MustCompile(expression)
				for _, other := range texts {
					if by.Compare([]byte(wanted), []byte(other)) == 0 {
						require.True(t, find.MatchString(other), "%s, strength %d: %q is %q", locale, strength, wanted, other)
					}
				}
			}
		}
	}
}

func TestAnExpressionFindsLittleElse(t *testing.T) {
	for _, c := range []struct {
		locale, more, wanted, text string
		strength                   int
		found                      bool
	}{
		{"en", "", "eu", "EU", 2, true},
		{"en", "", "eu", "EU", 3, false},
		{"en", `,"caseLevel":true`, "eu", "EU", 2, false},
		{"en", "", "eu", "eur", 2, false},
		{"en", "", "eu", "e\x01u", 2, true},
		{"en", "", "e.u", "exu", 2, false},
		{"en", "", "eu", "\u00e9u", 2, true}, // nothing is known of it
		{"de", "", "M\u00fcller", "Maier", 2, false},
		{"de", "", "Sch\u00e4fer", "Schafer", 1, true},
		{"de", "", "Sch\u00e4fer", "Maier", 1, false},
	} {
		by := compile(t, c.locale, c.strength, c.more)
		expression, known := by.Resembling([]byte(c.wanted))
		if !known {
			require.Equal(t, "M\u00fcller", c.wanted)
			continue
		}
		require.Equal(t, c.found, regexp.MustCompile(expression).MatchString(c.text), "%q: %q", c.wanted, c.text)
	}
	for _, c := range []struct{ locale, more, wanted string }{
		{"hu", "", "ccs"}, {"en", `,"alternate":"shifted"`, "a b"}, {"de@collation=phonebk", "", "oe"},
		{"en", `,"numericOrdering":true`, "a1"}, {"en", "", "\u00e9"},
	} {
		_, known := compile(t, c.locale, 2, c.more).Resembling([]byte(c.wanted))
		require.False(t, known, c)
	}
	long := make([]byte, 10_000)
	for i := range long {
		long[i] = 'a'
	}
	expression, _ := compile(t, "en", 2, "").Resembling(long)
	require.Less(t, len(expression), 16_000, "servers take no longer ones")
	require.True(t, regexp.MustCompile(expression).Match(long))
}
