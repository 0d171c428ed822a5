package mongo

import (
	"context"
	"encoding/json"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Explainer = (*Store)(nil)

// explanation is what Explain tells.
type explanation struct {
	Plan     string          `json:"plan"` // "get" or "path"
	Criteria json.RawMessage `json:"criteria"`
	By       json.RawMessage `json:"collation,omitempty"` // that the server was given
	Matched  string          `json:"matched"`             // by whom: "server" or "host" as well
	Sort     string          `json:"sort"`                // by whom: "server" or "host"
	Shown    json.RawMessage `json:"projection"`
	Stage    string          `json:"stage,omitempty"`
	Index    string          `json:"index,omitempty"`
	Keys     int64           `json:"keys examined"`
	Examined int64           `json:"documents examined"`
	Found    int64           `json:"documents found"`
	Micros   int64           `json:"microseconds"`
}

// Explain implements datastore.Explainer. It tells what the server was asked,
// who matches and who sorts, and, as far as the server says so, by which index
// and how many keys and documents it looked at.
func (s *Store) Explain(ctx context.Context, q *datastore.Query) ([]byte, error) {
	if err := s.settle(ctx, q.Pattern); err != nil {
		return nil, err
	}
	started, p := time.Now(), s.plan(q)
	out := explanation{Plan: "path", Matched: "server", Sort: "server"}
	err := s.carryOutSearch(ctx, p, func(*datastore.Document) bool {
		out.Found++
		return true
	})
	if err != nil {
		return nil, err
	}
	if exact(q.Pattern) {
		out.Plan = "get"
	}
	if !p.whole {
		out.Matched = "host"
	}
	if p.sort == nil {
		out.Sort = "host"
	}
	if out.Criteria, err = bson.MarshalExtJSON(p.criteria, false, false); err != nil {
		return nil, err
	}
	if out.Shown, err = bson.MarshalExtJSON(p.shown, false, false); err != nil {
		return nil, err
	}
	if p.by != nil {
		out.By = p.by.source
	}
	s.ask(ctx, p, &out)
	out.Examined = max(out.Examined, int64(p.examined), out.Found)
	out.Micros = time.Since(started).Microseconds()
	return json.Marshal(&out)
}

// ask adds what the server tells; not every server does.
func (s *Store) ask(ctx context.Context, p *search, out *explanation) {
	find := bson.D{{Key: "find", Value: s.collection.Name()}, {Key: "filter", Value: p.criteria}, {Key: "projection", Value: p.shown}}
	if p.sort != nil {
		find = append(find, bson.E{Key: "sort", Value: p.sort})
	}
	if p.by != nil {
		by, _ := plainValue(p.by.source) // which the search had
		find = append(find, bson.E{Key: "collation", Value: by})
	}
	raw, err := s.collection.Database().RunCommand(ctx,
		bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "executionStats"}}).Raw()
	if err != nil {
		return
	}
	out.Keys, _ = raw.Lookup("executionStats", "totalKeysExamined").AsInt64OK()
	out.Examined, _ = raw.Lookup("executionStats", "totalDocsExamined").AsInt64OK()
	for stage, ok := raw.Lookup("queryPlanner", "winningPlan").DocumentOK(); ok; stage, ok = stage.Lookup("inputStage").DocumentOK() {
		if name, found := stage.Lookup("stage").StringValueOK(); found {
			out.Stage = name
		}
		if name, found := stage.Lookup("indexName").StringValueOK(); found {
			out.Index = name
		}
	}
}
