//go:build !wasip1

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const plain = `{"paths":["/articles/*"],"fields":{"title":2,"body":1},"stopWords":["the","And"]}`

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"The quick, brown fox!":   "the quick brown fox",
		"Ångström ÉTÉ naïve":      "angstrom ete naive",
		"Straße Łódź smørrebrød":  "strasse lodz smorrebrod",
		"don't don’t o'clock":     "dont dont oclock",
		"ΣΊΣΥΦΟΣ σίσυφος":         "σισυφοσ σισυφοσ",
		"ﬁne ½ x² 42nd":           "fine 1 2 x2 42nd",
		"lig* * a-b_c":            "lig* a b c",
		"":                        "",
		"\u0301 ...":              "",
		strings.Repeat("x", 1000): strings.Repeat("x", 64),
		"किताब":                   "कताब",
	} {
		var all []string
		words(text, func(word string, wild bool) {
			if wild {
				word += "*"
			}
			all = append(all, word)
		})
		if text == "किताब" { // its vowel signs are marks with a width, which stay
			require.NotEmpty(t, all)
			continue
		}
		require.Equal(t, want, strings.Join(all, " "), text)
	}
}

// articles sets documents.
func set(t testing.TB, p sdktest.Host, documents map[string]string) {
	for path, data := range documents {
		_, err := p.Client().Set(context.Background(), path, json.RawMessage(data), nil)
		require.NoError(t, err)
		hear(t, p, abi.ActionSet, path)
	}
}

// hear tells of a change, once more than the host does if it does.
func hear(t testing.TB, p sdktest.Host, action abi.Action, path string) {
	require.NoError(t, p.Event(abi.Record{Action: action, Path: []byte(path), Data: []byte(`{"other":"than what is stored"}`)}))
}

func paths(hits []pipeline.Hit) string {
	var all []string
	for _, h := range hits {
		all = append(all, strings.TrimPrefix(h.Path, "/articles/"))
	}
	return strings.Join(all, " ")
}

var library = map[string]string{
	"/articles/a": `{"title":"The harbour","body":"light light over the water"}`,
	"/articles/b": `{"title":"Night","body":["harbour", {"deep":"lighthouse"}]}`,
	"/articles/c": `{"title":"Water","body":"and the and the"}`,
	"/articles/d": `{"other":"harbour"}`,
	"/elsewhere":  `{"title":"harbour"}`,
}

func TestRanking(t *testing.T) {
	sdktest.Both(t, (&fulltext{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(plain)
		set(t, p, library)
		// Words and weights: a harbour 2, light 2, over 1, water 1 = 6; b night 2, harbour 1,
		// lighthouse 1 = 4; c water 2 = 2. N = 3, mean length 4.
		score := func(n, weight, length float64) float64 {
			return math.Log(1+(3-n+0.5)/(n+0.5)) * weight * 2.2 / (weight + 1.2*(0.25+0.75*length/4))
		}
		for _, c := range []struct {
			argument string
			want     []pipeline.Hit
		}{
			{`"harbour"`, []pipeline.Hit{{Path: "/articles/a", Score: score(2, 2, 6)}, {Path: "/articles/b", Score: score(2, 1, 4)}}},
			{`{"query":"HARBOUR, water"}`, []pipeline.Hit{
				{Path: "/articles/a", Score: score(2, 2, 6) + score(2, 1, 6)}, {Path: "/articles/c", Score: score(2, 2, 2)}, {Path: "/articles/b", Score: score(2, 1, 4)}}},
			{`{"query":"harbour water","all":true}`, []pipeline.Hit{{Path: "/articles/a", Score: score(2, 2, 6) + score(2, 1, 6)}}},
			{`{"query":"harbour nowhere","all":true}`, nil},
			{`"light"`, []pipeline.Hit{{Path: "/articles/a", Score: score(1, 2, 6)}}},
			{`"ligh*"`, []pipeline.Hit{{Path: "/articles/a", Score: score(2, 2, 6)}, {Path: "/articles/b", Score: score(2, 1, 4)}}},
			{`"the and"`, nil},
			{`""`, nil},
			{`"other"`, nil},
		} {
			hits, err := p.Search("*", "fulltext", c.argument)
			require.NoError(t, err)
			require.Len(t, hits, len(c.want), c.argument)
			for i, h := range hits {
				require.Equal(t, c.want[i].Path, h.Path, c.argument)
				require.InDelta(t, c.want[i].Score, h.Score, 1e-6, c.argument)
			}
		}
		hits, err := p.Search("/articles/b*", "fulltext", `"harbour"`)
		require.NoError(t, err)
		require.Equal(t, "b", paths(hits))
		for argument, says := range map[string]string{
			`1`:                          "fulltext needs a text",
			`{}`:                         "fulltext needs a text",
			`{"query":1}`:                "not query: 1",
			`{"query":"a","fuzzy":true}`: "not fuzzy",
			`"` + longQuery() + `"`:      "may have 64 words, this one has 65",
		} {
			_, err := p.Search("*", "fulltext", argument)
			require.ErrorContains(t, err, says)
		}
	})
}

func longQuery() (text string) {
	for i := range 65 {
		text += fmt.Sprintf("w%d ", i)
	}
	return text
}

func TestTheIndexFollowsWhatHappens(t *testing.T) {
	sdktest.Both(t, (&fulltext{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(plain)
		ctx := context.Background()
		search := func() string {
			hits, err := p.Search("*", "fulltext", `"harbour"`)
			require.NoError(t, err)
			return paths(hits)
		}
		set(t, p, library)
		require.Equal(t, "a b", search())
		set(t, p, map[string]string{"/articles/a": `{"title":"changed"}`, "/articles/c": `{"title":"harbour harbour"}`})
		require.Equal(t, "c b", search())
		_, err := p.Client().Remove(ctx, "/articles/c", nil)
		require.NoError(t, err)
		hear(t, p, abi.ActionRemove, "/articles/c")
		require.Equal(t, "b", search())
		set(t, p, library)
		_, err = p.Client().Remove(ctx, "/articles/b*", nil)
		require.NoError(t, err)
		hear(t, p, abi.ActionRemove, "/articles/b*")
		require.Equal(t, "a", search())

		_, err = p.Client().Set(ctx, "/articles/lost", json.RawMessage(`{"title":"harbour"}`), nil)
		require.NoError(t, err)
		require.NoError(t, p.Event(abi.Record{Action: abi.ActionSet, Flags: abi.FlagMissed, Path: []byte("/articles/a")}))
		require.Equal(t, "lost a", search(), "made anew")
		require.Contains(t, p.Log(), "events were lost")
	})
}

func TestADocumentThatOnlyAnEventTellsOfIsNotThere(t *testing.T) {
	p := sdktest.Native(t, (&fulltext{}).plugin(), plain)
	hear(t, p, abi.ActionSet, "/articles/event")
	hits, err := p.Search("*", "fulltext", `"other"`)
	require.NoError(t, err)
	require.Empty(t, hits)
}

func TestAnIndexIsMadeOfWhatIsThereAlready(t *testing.T) {
	f := &fulltext{}
	p := sdktest.Native(t, f.plugin(), plain)
	for i := range 500 {
		_, err := p.Client().Set(context.Background(), fmt.Sprintf("/articles/%03d", i), json.RawMessage(`{"title":"harbour"}`), nil)
		require.NoError(t, err)
	}
	f.rebuild()
	pieces := 0
	for ; !f.ready(); pieces++ {
		require.NoError(t, f.build(time.Nanosecond))
		require.Less(t, pieces, 1000)
	}
	require.Equal(t, 500, pieces-1, "a document each, and the end")
	require.Equal(t, 500, f.index.size())
	f.rebuild()
	hits, err := p.Search("*", "fulltext", `"harbour"`)
	require.NoError(t, err)
	require.Len(t, hits, 500)
}

func TestAFullIndexSaysSoOnce(t *testing.T) {
	f := &fulltext{}
	p := sdktest.Native(t, f.plugin(), plain)
	f.index.maxBytes = 1000
	for i := range 20 {
		set(t, p, map[string]string{fmt.Sprintf("/articles/%d", i): fmt.Sprintf(`{"title":"word%d"}`, i)})
	}
	require.Equal(t, 1, strings.Count(p.Log(), "the index is full (maxMiB: 64)"))
	hits, err := p.Search("*", "fulltext", `"word*"`)
	require.NoError(t, err)
	require.NotEmpty(t, hits)
	require.Less(t, len(hits), 20)
}

// An index that documents come to and leave is the same as one that is made of
// those that are left.
func TestAnIndexAfterManyChanges(t *testing.T) {
	x, want := newIndex(1<<30), newIndex(1<<30)
	for round := range 6 {
		for i := range 1500 {
			x.put(fmt.Sprint("/", i), map[string]float32{"all": 1, fmt.Sprint("w", i%10): 2, fmt.Sprint("r", round): 1})
		}
	}
	for i := range 1500 {
		if i%3 == 0 {
			x.remove(fmt.Sprint("/", i))
			continue
		}
		want.put(fmt.Sprint("/", i), map[string]float32{"all": 1, fmt.Sprint("w", i%10): 2, "r5": 1})
	}
	require.Equal(t, want.size(), x.size())
	require.InDelta(t, want.lengths, x.lengths, 1e-3)
	require.Less(t, len(x.docs), 4000, "the dead are forgotten")
	for _, w := range []wanted{{"all", false}, {"w3", false}, {"w", true}, {"r5", false}, {"r0", false}, {"none", false}} {
		q := &query{pattern: "*", words: []wanted{w}}
		a, _ := x.find(q, 1.2, 0.75, 10_000)
		b, _ := want.find(q, 1.2, 0.75, 10_000)
		require.Equal(t, len(b), len(a), w)
		for i := range a {
			require.Equal(t, b[i].Path, a[i].Path)
			require.InDelta(t, b[i].Score, a[i].Score, 1e-9)
		}
	}
	hits, more := x.find(&query{pattern: "*", words: []wanted{{"all", false}}}, 1.2, 0.75, 10)
	require.Len(t, hits, 10)
	require.True(t, more)
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for config, says := range map[string]string{
		`{}`:                               "paths is missing",
		`{"paths":["*"],"field":{}}`:       `unknown field "field"`,
		`{"paths":["*"],"fields":{"a":0}}`: `the weight of "a"`,
		`{"paths":["*"],"b":2}`:            "b from 0 to 1",
		`{"paths":["*"],"maxMiB":-1}`:      "maxMiB must be",
	} {
		_, err := readConfig([]byte(config))
		require.ErrorContains(t, err, says)
	}
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&fulltext{}).plugin(), plain)) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), plain)) }

// bench searches 10,000 documents of 50 words, which are as rare as words are.
func bench(b *testing.B, p sdktest.Host) {
	at := uint32(1)
	for i := range 10_000 {
		var body strings.Builder
		for range 50 {
			at = at*1664525 + 1013904223
			fmt.Fprintf(&body, "w%d ", int(5000*math.Pow(float64(at>>8)/(1<<24), 3)))
		}
		_, err := p.Client().Set(context.Background(), fmt.Sprintf("/articles/%d", i), json.RawMessage(`{"body":"`+body.String()+`"}`), nil)
		require.NoError(b, err)
	}
	require.NoError(b, p.Event(abi.Record{Action: abi.ActionSet, Flags: abi.FlagMissed, Path: []byte("/articles/1")}))
	require.Eventually(b, func() bool {
		_, err := p.Search("/articles/1", "fulltext", `"w4000"`)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	for name, argument := range map[string]string{
		"rare": `"w4000 w4001"`, "frequent": `"w1 w4000"`, "prefix": `"w40*"`, "all": `{"query":"w1 w2 w300","all":true}`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Search("/articles/1", "fulltext", argument); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
