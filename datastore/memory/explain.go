package memory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Explainer = (*Store)(nil)

// explanation is what Explain tells.
type explanation struct {
	Plan     string   `json:"plan"`            // "get", "path", "index" or "column"
	Index    string   `json:"index,omitempty"` // its name
	Ranges   int      `json:"ranges,omitempty"`
	Columns  []string `json:"columns,omitempty"` // their fields
	Prefix   string   `json:"prefix"`            // what all paths begin with
	Sort     string   `json:"sort"`              // "none", "index", "column" or "memory"
	Reverse  bool     `json:"reverse,omitempty"`
	Keys     int      `json:"keys examined"`
	Examined int      `json:"documents examined"`
	Found    int      `json:"documents found"`
	Micros   int64    `json:"microseconds"`
}

// Explain implements datastore.Explainer. Beside what that asks for, it tells
// the name of the index, or the fields of the columns, in how many ranges of it the search looked and at how
// many keys, what the paths begin with, whether the index gave the order or
// the documents were sorted in memory, and how long it took.
func (s *Store) Explain(ctx context.Context, q *datastore.Query) ([]byte, error) {
	if err := s.live(); err != nil {
		return nil, err
	}
	started := time.Now()
	p := compile(string(q.Pattern))
	out := explanation{Plan: "path", Prefix: p.prefix, Sort: "none"}
	count := func(*datastore.Document) bool {
		out.Found++
		return true
	}
	if p.exact {
		out.Plan, out.Examined = "get", 1
		if err := s.Find(ctx, q, count); err != nil {
			return nil, err
		}
		return out.json(started)
	}
	plan := s.index.plan(ctx, q, p)
	if plan.columns() {
		out.Plan, out.Columns = "column", plan.sifting.fields
	}
	if plan.ix != nil {
		out.Plan, out.Index, out.Ranges = "index", plan.ix.name, len(plan.ranges)
	}
	switch {
	case plan.sifting.rank != nil:
		out.Sort, out.Reverse = "column", plan.sifting.reverse
	case !plan.ordered:
		out.Sort = "memory"
	case q.Order != nil:
		out.Sort, out.Reverse = "index", plan.reverse
	}
	if err := s.carryOut(ctx, &plan, q, count); err != nil {
		return nil, err
	}
	out.Keys, out.Examined = plan.tally.keys, plan.tally.examined
	return out.json(started)
}

func (e *explanation) json(started time.Time) ([]byte, error) {
	e.Micros = time.Since(started).Microseconds()
	return json.Marshal(e)
}
