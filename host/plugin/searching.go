package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/internal/rawjson"
)

var _ pipeline.Searches = (*Manager)(nil)

// HasOperator implements pipeline.Searches.
func (m *Manager) HasOperator(name string) bool { return m.operator(name) != nil }

// HasQuery implements pipeline.Searches.
func (m *Manager) HasQuery(name string) bool { return m.query(name) != nil }

// Operator implements pipeline.Searches.
func (m *Manager) Operator(name string) pipeline.SearchOperator {
	if b := m.operator(name); b != nil {
		return searchOperator{searcher{m, b, name}}
	}
	return nil
}

// Query implements pipeline.Searches.
func (m *Manager) Query(name string) pipeline.SearchQuery {
	if b := m.query(name); b != nil {
		return searchQuery{searcher{m, b, name}}
	}
	return nil
}

// operator returns the hook that works out an operator, nil for none. Of several
// plugins the first in order has it.
func (m *Manager) operator(name string) *binding {
	return m.searching(func(s *hook.Search) bool { return slices.Contains(s.Operators, name) })
}

// query is operator for a query.
func (m *Manager) query(name string) *binding {
	return m.searching(func(s *hook.Search) bool { return slices.Contains(s.Queries, name) })
}

func (m *Manager) searching(has func(*hook.Search) bool) *binding {
	for _, b := range m.lists.Load().hooks[hook.PlaceSearch] {
		if h := b.hook(); h != nil && has(h.hook.Search) {
			return b
		}
	}
	return nil
}

// searcher is an operator or a query of a plugin.
type searcher struct {
	manager *Manager
	binding *binding
	name    string
}

// Reads implements pipeline.SearchOperator and SearchQuery.
func (s searcher) Reads(path []byte) bool {
	g := s.binding.plugin.gen.Load()
	return g != nil && g.reads != nil && g.reads(path)
}

// ask shows a record to the hook and returns the one that it answers with.
func (s searcher) ask(ctx context.Context, asker *pipeline.Asker, data, options []byte) (answer abi.Record, err error) {
	if chainOf(ctx).has(s.binding.plugin) {
		return answer, &pipeline.SearchError{Told: fmt.Appendf(nil, "plugin %s is waiting for this very search", s.binding.name)}
	}
	rec := abi.Record{
		Kind: abi.KindSearch, Action: abi.ActionGet, Path: asker.Pattern, Data: data, Options: options, SessionID: []byte(asker.SessionID),
	}
	if asker.Username != "" {
		rec.Username = []byte(asker.Username)
	}
	verdict, output, err := s.binding.call(ctx, &rec)
	if err == nil {
		if answer, err = searchAnswer(verdict, output); err == nil {
			return answer, nil
		}
		if errors.As(err, new(*pipeline.SearchError)) {
			return answer, err
		}
		s.binding.failed(rec.SessionID, verdict, err)
	}
	return answer, s.failed(err)
}

// failed logs why a plugin has no answer, and returns what the client is told.
func (s searcher) failed(err error) error {
	if !errors.Is(err, errOpen) && !errors.Is(err, errGone) {
		s.manager.log.Warn("a plugin failed on a search", "plugin", s.binding.name, "search", s.name, "error", err)
	}
	return &pipeline.SearchError{Told: s.binding.failure()}
}

// broken is for an answer that is no valid one.
func (s searcher) broken(asker *pipeline.Asker, err error) error {
	s.binding.failed([]byte(asker.SessionID), abi.VerdictReplace, err)
	return s.failed(err)
}

// searchAnswer is what a hook of kind search answers. A *pipeline.SearchError is
// its refusal.
func searchAnswer(verdict abi.Verdict, output []byte) (rec abi.Record, err error) {
	switch verdict {
	case abi.VerdictReplace:
		if err = rec.Decode(output); err == nil {
			err = checkSection(abi.SectionData, &rec.Data)
		}
		if err == nil && rec.Options != nil {
			err = checkSection(abi.SectionOptions, &rec.Options)
		}
		if err == nil && !rawjson.IsArray(rec.Data) {
			err = errors.New("data is no list")
		}
		return rec, err
	case abi.VerdictReject:
		return rec, &pipeline.SearchError{Told: errorSection(output)}
	}
	return rec, errors.New("hook failed: " + errorText(output))
}

// searchQuery implements pipeline.SearchQuery.
type searchQuery struct{ searcher }

// Part implements pipeline.SearchQuery.
func (q searchQuery) Part(ctx context.Context, asker *pipeline.Asker, argument []byte, skip, limit int) (hits []pipeline.Hit, more bool, err error) {
	options := rawjson.AppendString([]byte(`{"query":`), q.name)
	options = fmt.Appendf(options, `,"skip":%d,"limit":%d}`, skip, limit)
	answer, err := q.ask(ctx, asker, argument, options)
	if err != nil {
		return nil, false, err
	}
	if hits, more, err = readHits(&answer, limit); err != nil {
		return nil, false, q.broken(asker, err)
	}
	return hits, more, nil
}

// readHits reads what a query has found: at most limit of it is looked at.
func readHits(answer *abi.Record, limit int) (hits []pipeline.Hit, more bool, err error) {
	said, _ := rawjson.Lookup(answer.Options, "more")
	more = string(said) == "true"
	for raw := range rawjson.Elements(answer.Data) {
		if len(hits) == limit {
			return hits, true, nil
		}
		path, _ := rawjson.Lookup(raw, "path")
		score, _ := rawjson.Lookup(raw, "score")
		value, ok := finite(score)
		if !rawjson.IsObject(raw) || !rawjson.IsString(path) || !ok {
			return nil, false, fmt.Errorf("hit %d is not {path: text, score: number}", len(hits))
		}
		hits = append(hits, pipeline.Hit{Path: string(rawjson.Unquote(path)), Score: value})
	}
	return hits, more, nil
}

// finite reads a JSON number.
func finite(raw []byte) (float64, bool) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// searchOperator implements pipeline.SearchOperator.
type searchOperator struct{ searcher }

// Ranks implements pipeline.SearchOperator.
func (o searchOperator) Ranks() bool {
	h := o.binding.hook()
	return h != nil && slices.Contains(h.hook.Search.Ranks, o.name)
}

// Score implements pipeline.SearchOperator.
func (o searchOperator) Score(ctx context.Context, asker *pipeline.Asker, argument []byte, values [][]byte, scores []pipeline.Score) error {
	data := append(append([]byte(`{"argument":`), argument...), `,"values":[`...)
	data = append(append(data, bytes.Join(values, []byte{','})...), "]}"...)
	answer, err := o.ask(ctx, asker, data, append(rawjson.AppendString([]byte(`{"operator":`), o.name), '}'))
	if err != nil {
		return err
	}
	if err := readScores(answer.Data, o.Ranks(), scores); err != nil {
		return o.broken(asker, err)
	}
	return nil
}

// readScores reads what an operator makes of values: a number or, unless it ranks,
// true for one that matches, null or false for one that does not.
func readScores(list []byte, ranks bool, scores []pipeline.Score) error {
	n := 0
	for raw := range rawjson.Elements(list) {
		if n == len(scores) {
			return fmt.Errorf("more than the %d scores that were asked for", n)
		}
		switch value, ok := finite(raw); {
		case ok:
			scores[n] = pipeline.Score{Value: value, Matches: true}
		case string(raw) == "true" && !ranks:
			scores[n] = pipeline.Score{Matches: true}
		case !rawjson.IsNull(raw) && string(raw) != "false":
			return fmt.Errorf("score %d is %s, which is neither a number nor null", n, errorText(raw[:min(len(raw), 40)]))
		}
		n++
	}
	if n != len(scores) {
		return fmt.Errorf("%d scores for %d values", n, len(scores))
	}
	return nil
}
