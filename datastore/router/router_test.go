package router_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/router"
	"github.com/happn-host/happn-host/datastore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var background = context.Background()

func embedded(t testing.TB, durability memory.Durability) datastore.Store {
	t.Helper()
	s, err := memory.Open(memory.Options{Dir: t.TempDir(), Durability: durability})
	require.NoError(t, err)
	return s
}

func open(t testing.TB, o router.Options) *router.Store {
	t.Helper()
	s, err := router.Open(background, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// three stores of different speed that share the paths the suite uses. Those of
// its batches, below /b/, are in one.
func three(t testing.TB) router.Options {
	return router.Options{Default: "rest", Members: []router.Member{
		{Name: "fast", Store: embedded(t, memory.DurabilityNone), Patterns: []string{"/a/*", "*1*", "/o/*", "*5"}},
		{Name: "rest", Store: embedded(t, memory.DurabilitySync)},
		{Name: "other", Store: embedded(t, memory.DurabilityAsync), Patterns: []string{"/b/*", "/o/1*", "//*", "*7", "/c/*3*"}},
	}}
}

func TestARouterKeepsTheContractOfAStore(t *testing.T) {
	t.Run("one store", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) datastore.Store {
			return open(t, router.Options{Members: []router.Member{{Name: "only", Store: embedded(t, memory.DurabilitySync)}}})
		})
	})
	t.Run("three stores", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) datastore.Store { return open(t, three(t)) })
	})
	t.Run("three stores that all hold strays", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) datastore.Store {
			o := three(t)
			for i, path := range []string{"/b/stray", "/a/5", "/z"} {
				put(t, o.Members[i].Store, path, `{"n":5}`)
			}
			s := open(t, o)
			require.Equal(t, map[string]int{"fast": 1, "rest": 1, "other": 1}, s.Strays())
			return s
		})
	})
}

func TestAPathBelongsToTheLongestPatternThatCoversIt(t *testing.T) {
	none := func() datastore.Store { return embedded(t, memory.DurabilityNone) }
	s := open(t, router.Options{Default: "default", Members: []router.Member{
		{Name: "mix", Store: none(), Patterns: []string{"/mix/*", "/book/*"}},
		{Name: "default", Store: none()},
		{Name: "keep", Store: none(), Patterns: []string{"/mix/keep", "/mix/a*", "/m*", "*/z/z"}},
	}})
	for path, want := range map[string]string{
		"/mix/1":     "mix",
		"/mix/keep":  "keep",
		"/mix/keep/": "mix",
		"/mix/abc":   "keep",
		"/mix/z/z":   "mix", // /mix/* is longer than */z/z
		"/my":        "keep",
		"/bzzk/1":    "default",
		"/MIX/1":     "default",
		"/":          "default",
	} {
		require.Equal(t, want, s.Owner([]byte(path)), path)
	}
	for pattern, want := range map[string][]string{
		"/mix/keep": {"keep"},
		"/mix/*":    {"mix", "keep"}, // /mix/keep is elsewhere, the default has nothing there
		"/mix/b*":   {"mix"},
		"/mix/ab*":  {"keep"},
		"/book/*":   {"mix"}, // longer than */z/z
		"/other/*":  {"default", "keep"},
		"/other/*a": {"default"},
		"*":         {"mix", "default", "keep"},
	} {
		require.Equal(t, want, s.Asked(pattern), pattern)
	}
}

func TestPatternsOfOneLengthAreLookedAtInTheirOrder(t *testing.T) {
	none := func() datastore.Store { return embedded(t, memory.DurabilityNone) }
	s := open(t, router.Options{Members: []router.Member{
		{Name: "default", Store: none()},
		{Name: "first", Store: none(), Patterns: []string{"/a/**1"}}, // counts as /a/*1
		{Name: "second", Store: none(), Patterns: []string{"/a/1*"}},
	}})
	require.Equal(t, "first", s.Owner([]byte("/a/11")))
	require.Equal(t, "second", s.Owner([]byte("/a/12")))
}

func TestWhatCannotBeRoutedIsRefused(t *testing.T) {
	store := embedded(t, memory.DurabilityNone)
	defer store.Close()
	for want, o := range map[string]router.Options{
		"no store to route to":     {},
		`two stores with the name`: {Members: []router.Member{{Name: "a", Store: store}, {Name: "a", Store: store}}},
		`"/a/*" stands for two`: {Members: []router.Member{
			{Name: "a", Store: store, Patterns: []string{"/a/*"}}, {Name: "b", Store: store, Patterns: []string{"/a/**"}}}},
		`default store "c"`: {Default: "c", Members: []router.Member{{Name: "a", Store: store}}},
		"empty pattern":     {Members: []router.Member{{Name: "a", Store: store, Patterns: []string{""}}}},
		"is nil":            {Members: []router.Member{{Name: "a"}}},
	} {
		_, err := router.Open(background, o)
		require.ErrorContains(t, err, want)
	}
}

// answers receives callbacks; it must have room for all.
type answers chan error

func (a answers) Written(_ *datastore.Document, err error) { a <- err }

func (a answers) next(t testing.TB) error {
	t.Helper()
	select {
	case err := <-a:
		return err
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the store did not call back")
		return nil
	}
}

func put(t testing.TB, s datastore.Store, path, data string) {
	t.Helper()
	done := make(answers, 1)
	s.Write(background, &datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte(data), Now: 1}, done)
	require.NoError(t, done.next(t))
}

func paths(t testing.TB, s datastore.Store, q datastore.Query) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, s.Find(background, &q, func(doc *datastore.Document) bool {
		found = append(found, doc.Path)
		return true
	}))
	return found
}

// byData orders by the text of the data.
type byData struct{}

func (byData) Compare(a, b *datastore.Document) int {
	return int(a.Data[len(a.Data)-2]) - int(b.Data[len(b.Data)-2])
}
func (byData) Source() []byte { return []byte(`{"data.v":1}`) }

func TestAQueryThatSpansStoresAnswersAsOneStoreWould(t *testing.T) {
	for _, strays := range []bool{false, true} {
		t.Run(fmt.Sprintf("strays %v", strays), func(t *testing.T) {
			o := three(t)
			if strays {
				put(t, o.Members[1].Store, "/a/99", `{"v":0}`)
				put(t, o.Members[0].Store, "/b/99", `{"v":0}`)
			}
			many, one := open(t, o), embedded(t, memory.DurabilityNone)
			defer one.Close()
			r := rand.New(rand.NewPCG(3, 3))
			for i := range 300 {
				path := fmt.Sprintf("/%c/%d", "abo"[r.IntN(3)], r.IntN(80))
				put(t, many, path, fmt.Sprintf(`{"v":%d}`, i%10))
				put(t, one, path, fmt.Sprintf(`{"v":%d}`, i%10))
			}
			for _, pattern := range []string{"*", "/*", "/a/*", "/b/*", "*1", "*/1*", "/o/1*", "/*/*2", "/a/12"} {
				for _, order := range []datastore.Order{nil, byData{}} {
					for range 12 {
						q := datastore.Query{Pattern: []byte(pattern), Order: order, Skip: r.IntN(9) - 2, Limit: r.IntN(24) - 8}
						want := paths(t, one, q)
						require.Equal(t, want, paths(t, many, q), "%s skip %d limit %d", pattern, q.Skip, q.Limit)
						n, err := many.Count(background, &q)
						require.NoError(t, err)
						require.Equal(t, len(want), n)
					}
				}
			}
		})
	}
}

type removed chan int

func (r removed) Removed(n int, err error) {
	if err != nil {
		n = -1
	}
	r <- n
}

func TestStraysAreNeitherFoundNorCountedNorRemoved(t *testing.T) {
	rest, cache := embedded(t, memory.DurabilityNone), embedded(t, memory.DurabilityNone)
	put(t, rest, "/cache/1", `{"v":"of an earlier configuration"}`)
	put(t, rest, "/keep", `{}`)
	s := open(t, router.Options{Members: []router.Member{
		{Name: "rest", Store: rest}, {Name: "cache", Store: cache, Patterns: []string{"/cache/*"}},
	}})
	require.Equal(t, map[string]int{"rest": 1}, s.Strays())
	put(t, s, "/cache/2", `{}`)
	require.Equal(t, []string{"/cache/2", "/keep"}, paths(t, s, datastore.Query{Pattern: []byte("*")}))
	doc, err := s.Get(background, []byte("/cache/1"))
	require.NoError(t, err)
	require.Nil(t, doc)

	done := make(removed, 1)
	s.Remove(background, &datastore.Query{Pattern: []byte("*")}, done)
	require.Equal(t, 2, <-done)
	require.Equal(t, []string{"/cache/1"}, paths(t, rest, datastore.Query{Pattern: []byte("*")}), "they come back with the configuration")
}

// slow is a store that answers writes when it is told to.
type slow struct {
	datastore.Store
	waiting chan func()
}

func (s *slow) Write(_ context.Context, _ *datastore.Write, done datastore.Written) {
	s.waiting <- func() { done.Written(nil, nil) }
}

func TestTheAnswerOfAFastStoreWaitsUnlessAnyOrderWillDo(t *testing.T) {
	for _, anyOrder := range []bool{false, true} {
		t.Run(fmt.Sprintf("any order %v", anyOrder), func(t *testing.T) {
			behind := &slow{embedded(t, memory.DurabilityNone), make(chan func(), 1)}
			s := open(t, router.Options{AnyOrder: anyOrder, Members: []router.Member{
				{Name: "slow", Store: behind},
				{Name: "fast", Store: embedded(t, memory.DurabilityNone), Patterns: []string{"/fast/*"}},
			}})
			first, second := make(answers, 1), make(answers, 1)
			s.Write(background, &datastore.Write{Op: datastore.Put, Path: []byte("/slow"), Data: []byte(`{}`)}, first)
			s.Write(background, &datastore.Write{Op: datastore.Put, Path: []byte("/fast/1"), Data: []byte(`{}`)}, second)
			require.Equal(t, anyOrder, len(second) == 1)
			(<-behind.waiting)()
			require.NoError(t, first.next(t))
			require.NoError(t, second.next(t))
		})
	}
}

func BenchmarkGetThroughTwentyPatterns(b *testing.B) {
	o := router.Options{Members: []router.Member{{Name: "rest", Store: embedded(b, memory.DurabilityNone)}}}
	for i := range 20 {
		o.Members = append(o.Members, router.Member{Name: fmt.Sprint(i), Store: embedded(b, memory.DurabilityNone),
			Patterns: []string{fmt.Sprintf("/tenant-%d/*", i)}})
	}
	s := open(b, o)
	path := []byte("/devices/1234/state")
	put(b, s, string(path), `{}`)
	b.ReportAllocs()
	for b.Loop() {
		if doc, _ := s.Get(background, path); doc == nil {
			b.Fatal("no document")
		}
	}
}
