package difftest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// both runs a test on documents without arrays and on documents with them.
func both(t *testing.T, f func(t *testing.T, r random)) {
	for _, arrays := range []bool{false, true} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("arrays=%v seed=%d", arrays, seed), func(t *testing.T) { f(t, newRandom(seed, arrays)) })
		}
	}
}

func decoded[T any](t *testing.T, raw json.RawMessage, question json.RawMessage) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(raw, &v), "%s: %s", question, raw)
	return v
}

func TestFiltersAgreeWithMingo(t *testing.T) {
	both(t, func(t *testing.T, r random) {
		q := question{Docs: raws(100, r.document), Filters: raws(800, func() string { return r.criteria(2) })}
		a := ask(t, q)
		for i, criteria := range q.Filters {
			f, err := match.CompileFilter(criteria)
			require.NoError(t, err, "%s", criteria)
			theirs := decoded[[]bool](t, a.Filters[i], criteria)
			for j, data := range q.Docs {
				ours := f.Match(&datastore.Document{Data: data})
				require.Equal(t, theirs[j], ours, "%s on %s", criteria, data)
			}
		}
	})
}

func TestSortsAgreeWithMingo(t *testing.T) {
	both(t, func(t *testing.T, r random) {
		q := question{Docs: raws(100, r.sortable), Sorts: raws(50, r.sort)}
		a := ask(t, q)
		for i, sort := range q.Sorts {
			o, err := match.CompileOrder(sort)
			require.NoError(t, err, "%s", sort)
			docs := make([]*datastore.Document, len(q.Docs))
			for j, data := range q.Docs {
				docs[j] = &datastore.Document{Path: fmt.Sprintf("%05d", j), Data: data}
			}
			o.Sort(docs)
			for at, j := range decoded[[]int](t, a.Sorts[i], sort) {
				require.Equal(t, string(q.Docs[j]), string(docs[at].Data), "%s, place %d", sort, at)
			}
		}
	})
}

func TestProjectionsAgreeWithMingo(t *testing.T) {
	both(t, func(t *testing.T, r random) {
		q := question{Docs: raws(100, r.document), Projections: raws(50, r.projection)}
		a := ask(t, q)
		for i, projection := range q.Projections {
			f, err := match.CompileFields(projection)
			require.NoError(t, err, "%s", projection)
			theirs := decoded[[]json.RawMessage](t, a.Projections[i], projection)
			for j, data := range q.Docs {
				ours, _ := f.Append(nil, nil, &datastore.Document{Data: data})
				require.JSONEq(t, string(theirs[j]), string(ours), "%s on %s", projection, data)
			}
		}
	})
}
