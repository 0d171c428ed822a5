package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

var history = []test{
	{"a random history has the answers of a plain map", func(s *subject) {
		if s.has(NoRenames) {
			s.Skip("the server forgets a member's new name")
		}
		seed := uint64(time.Now().UnixNano())
		s.Cleanup(func() {
			if s.Failed() {
				s.Logf("the history's seed is %d", seed)
			}
		})
		h := &past{subject: s, random: rand.New(rand.NewPCG(seed, 0)), docs: make(model)}
		for range 3 * s.rounds() {
			h.now++
			h.step()
		}
		h.compare(matching("*"))
	}},
}

// model is the store as simple as it can be.
type model map[string]modelDoc

type modelDoc struct {
	data              map[string]any
	created, modified int64
}

// past is a history in progress.
type past struct {
	*subject
	random *rand.Rand
	docs   model
	now    int64
}

func (h *past) path() string {
	return strings.Repeat("/", 1+h.random.IntN(2)) + h.pick("a", "b", "a.b") + "/" + h.pick("", "1", "2", "12", "x/y", "ü")
}

func (h *past) pattern() string {
	return h.pick("*", "/a*", "/a/*", "//*", "*/1", "*b/*", "/a/1*", "/*/*2", "*.b*ü", "/**", h.path())
}

func (h *past) pick(texts ...string) string { return texts[h.random.IntN(len(texts))] }

// step does one thing to both and compares the answers.
func (h *past) step() {
	path := h.path()
	switch h.random.IntN(8) {
	case 0, 1:
		n := h.random.IntN(10)
		h.expect(put(path, fmt.Sprintf(`{"n":%d}`, n), h.now), map[string]any{"n": float64(n)})
	case 2:
		key, n := h.pick("n", "m", "o"), h.random.IntN(10)
		data := maps.Clone(h.docs[path].data)
		if data == nil {
			data = make(map[string]any)
		}
		data[key] = float64(n)
		h.expect(merge(path, fmt.Sprintf(`{%q:%d}`, key, n), h.now), data)
	case 3:
		h.increment(path)
	case 4:
		h.remove()
	default:
		q := matching(h.pattern())
		if h.random.IntN(2) == 0 {
			q.Filter = atLeast(h.random.IntN(10))
		}
		if h.random.IntN(2) == 0 {
			q.Order = byN(1 - 2*h.random.IntN(2))
		}
		q.Skip, q.Limit = h.random.IntN(6)-2, h.random.IntN(12)-4
		h.compare(q)
	}
}

// expect writes and compares the answer.
func (h *past) expect(w datastore.Write, data map[string]any) {
	path := string(w.Path)
	doc := modelDoc{data: data, created: h.now, modified: h.now}
	if before, ok := h.docs[path]; ok {
		doc.created = before.created
	}
	h.docs[path] = doc
	w.Now = h.now
	h.same(path, h.must(w))
}

func (h *past) increment(path string) {
	gauge, by := h.pick("g", "n"), float64(h.random.IntN(9)-4)/2
	w := increment(path, gauge, by)
	data := maps.Clone(h.docs[path].data)
	if data == nil {
		data = make(map[string]any)
	}
	switch v := data[gauge].(type) {
	case nil:
		data[gauge] = map[string]any{"value": by}
	case map[string]any:
		data[gauge] = map[string]any{"value": v["value"].(float64) + by}
	default:
		require.ErrorIs(h, h.write(w).err, datastore.ErrNotANumber)
		return
	}
	h.expect(w, data)
}

func (h *past) remove() {
	q := matching(h.pattern())
	if h.random.IntN(2) == 0 {
		q.Filter = atLeast(h.random.IntN(10))
	}
	gone := h.selects(q)
	for _, path := range gone {
		delete(h.docs, path)
	}
	require.Equal(h, len(gone), h.subject.remove(q), "removing %q", q.Pattern)
}

// selects answers a query from the model.
func (h *past) selects(q datastore.Query) []string {
	covers := naive(string(q.Pattern))
	paths := []string{}
	for _, path := range slices.Sorted(maps.Keys(h.docs)) {
		n, isNumber := h.docs[path].data["n"].(float64)
		least, filtered := q.Filter.(atLeast)
		if covers(path) && (!filtered || isNumber && n >= float64(least)) {
			paths = append(paths, path)
		}
	}
	if order, ok := q.Order.(byN); ok {
		slices.SortStableFunc(paths, func(a, b string) int {
			x, _ := h.docs[a].data["n"].(float64)
			y, _ := h.docs[b].data["n"].(float64)
			return int(order) * int(x-y)
		})
	}
	return page(paths, q.Skip, q.Limit)
}

// compare asks both.
func (h *past) compare(q datastore.Query) {
	h.Helper()
	require.Equal(h, h.selects(q), h.paths(q), "query %+v of %q", q, q.Pattern)
	for _, doc := range h.find(q) {
		h.same(doc.Path, doc)
	}
}

// same compares a document with the model's.
func (h *past) same(path string, doc *datastore.Document) {
	h.Helper()
	want := h.docs[path]
	var data map[string]any
	require.NoError(h, json.Unmarshal(doc.Data, &data))
	require.Equal(h, path, doc.Path)
	require.Equal(h, want.data, data, path)
	require.Equal(h, [2]int64{want.created, want.modified}, [2]int64{doc.Created, doc.Modified}, path)
}
