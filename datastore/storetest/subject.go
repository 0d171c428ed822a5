package storetest

import (
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// patience is how long a store may take to answer one write.
const patience = 30 * time.Second

// subject is a store under test, with calls that wait and fail the test.
type subject struct {
	*testing.T
	store  datastore.Store
	traits []Trait
}

// many is how many documents a test uses that wants n.
func (s *subject) many(n int) int {
	if s.has(Slow) {
		return n / 10
	}
	return n
}

// severalBatches is many for a test that wants more than a server sends at once.
func (s *subject) severalBatches() int {
	if s.has(Slow) {
		return 150 // MongoDB begins with 101
	}
	return 3000
}

func (s *subject) has(t Trait) bool { return slices.Contains(s.traits, t) }

// sameData requires data as it went in, or the same values from a store that
// KeepsValues.
func (s *subject) sameData(want, got string) {
	s.Helper()
	if s.has(KeepsValues) {
		want, got = canonical(want), canonical(got)
	}
	require.Equal(s, want, got)
}

// canonical is one spelling of all JSON texts with the same values.
func canonical(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	out, err := json.Marshal(canonicalValue(v))
	if err != nil {
		return text
	}
	return string(out)
}

func canonicalValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = canonicalValue(one)
		}
	case []any:
		for i, one := range v {
			v[i] = canonicalValue(one)
		}
	case json.Number:
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return r.RatString()
		}
	}
	return v
}

// outcome is what a callback said.
type outcome struct {
	doc *datastore.Document
	n   int
	err error
}

// outcomes receives answers of writes and removals. It must have room for all.
type outcomes chan outcome

// Written implements datastore.Written.
func (o outcomes) Written(doc *datastore.Document, err error) { o <- outcome{doc: doc, err: err} }

// Removed implements datastore.Removed.
func (o outcomes) Removed(n int, err error) { o <- outcome{n: n, err: err} }

// next waits for the next answer.
func (o outcomes) next(t testing.TB) outcome {
	t.Helper()
	select {
	case got := <-o:
		return got
	case <-time.After(patience):
		require.FailNow(t, "the store did not call back")
		return outcome{}
	}
}

// write carries out w and waits for the answer.
func (s *subject) write(w datastore.Write) outcome {
	s.Helper()
	done := make(outcomes, 1)
	s.store.Write(context.Background(), &w, done)
	return done.next(s)
}

// must is write for a write that has to succeed.
func (s *subject) must(w datastore.Write) *datastore.Document {
	s.Helper()
	got := s.write(w)
	require.NoError(s, got.err)
	require.NotNil(s, got.doc)
	return got.doc
}

func (s *subject) put(path, data string) *datastore.Document {
	s.Helper()
	return s.must(put(path, data, 1000))
}

// putAll puts the same data at all paths.
func (s *subject) putAll(paths []string, data string) {
	s.Helper()
	done := make(outcomes, len(paths))
	for _, path := range paths {
		w := put(path, data, 1000)
		s.store.Write(context.Background(), &w, done)
	}
	for range paths {
		require.NoError(s, done.next(s).err)
	}
}

// put is a Put at a time.
func put(path, data string, now int64) datastore.Write {
	return datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte(data), Now: now}
}

// merge is a Merge at a time.
func merge(path, data string, now int64) datastore.Write {
	return datastore.Write{Op: datastore.Merge, Path: []byte(path), Data: []byte(data), Now: now}
}

// increment is an Increment.
func increment(path, gauge string, by float64) datastore.Write {
	return datastore.Write{Op: datastore.Increment, Path: []byte(path), Gauge: gauge, By: by, Now: 1000}
}

func (s *subject) get(path string) *datastore.Document {
	s.Helper()
	doc, err := s.store.Get(context.Background(), []byte(path))
	require.NoError(s, err)
	return doc
}

// find returns the documents that the query selects.
func (s *subject) find(q datastore.Query) []*datastore.Document {
	s.Helper()
	var docs []*datastore.Document
	err := s.store.Find(context.Background(), &q, func(doc *datastore.Document) bool {
		docs = append(docs, doc)
		return true
	})
	require.NoError(s, err)
	return docs
}

// paths returns the paths that the query selects, never nil, and checks that
// Count agrees.
func (s *subject) paths(q datastore.Query) []string {
	s.Helper()
	paths := []string{}
	for _, doc := range s.find(q) {
		paths = append(paths, doc.Path)
	}
	n, err := s.store.Count(context.Background(), &q)
	require.NoError(s, err)
	require.Equal(s, len(paths), n, "Count differs from what Find yields")
	return paths
}

func (s *subject) remove(q datastore.Query) int {
	s.Helper()
	done := make(outcomes, 1)
	s.store.Remove(context.Background(), &q, done)
	got := done.next(s)
	require.NoError(s, got.err)
	return got.n
}

// matching is a query by pattern.
func matching(pattern string) datastore.Query {
	return datastore.Query{Pattern: []byte(pattern)}
}

// atLeast is a filter: the number in member n is at least this.
type atLeast float64

// Match implements datastore.Filter.
func (f atLeast) Match(doc *datastore.Document) bool {
	n, ok := memberN(doc)
	return ok && n >= float64(f)
}

// Source implements datastore.Filter.
func (f atLeast) Source() []byte {
	source, _ := json.Marshal(map[string]any{"data.n": map[string]any{"$gte": float64(f)}})
	return source
}

// byN is an order: by the number in member n; -1 is descending.
type byN int

// Compare implements datastore.Order.
func (o byN) Compare(a, b *datastore.Document) int {
	x, _ := memberN(a)
	y, _ := memberN(b)
	switch {
	case x < y:
		return -int(o)
	case x > y:
		return int(o)
	}
	return 0
}

// Source implements datastore.Order.
func (o byN) Source() []byte {
	source, _ := json.Marshal(map[string]int{"data.n": int(o)})
	return source
}

func memberN(doc *datastore.Document) (float64, bool) {
	var data struct {
		N *float64 `json:"n"`
	}
	if json.Unmarshal(doc.Data, &data) != nil || data.N == nil {
		return 0, false
	}
	return *data.N, true
}
