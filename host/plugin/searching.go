package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/answer"
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
func (s searcher) ask(ctx context.Context, asker *pipeline.Asker, data, options []byte) (found abi.Record, err error) {
	if chainOf(ctx).has(s.binding.plugin) {
		return found, &pipeline.SearchError{Told: fmt.Appendf(nil, "plugin %s is waiting for this very search", s.binding.name)}
	}
	rec := abi.Record{
		Kind: abi.KindSearch, Action: abi.ActionGet, Path: asker.Pattern, Data: data, Options: options, SessionID: []byte(asker.SessionID),
	}
	if asker.Username != "" {
		rec.Username = []byte(asker.Username)
	}
	verdict, output, err := s.binding.call(ctx, &rec)
	if err == nil {
		if found, err = answer.Search(verdict, output); err == nil {
			return found, nil
		}
		if errors.As(err, new(*pipeline.SearchError)) {
			return found, err
		}
		s.binding.failed(rec.SessionID, verdict, err)
	}
	return found, s.failed(err)
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

// searchQuery implements pipeline.SearchQuery.
type searchQuery struct{ searcher }

// Part implements pipeline.SearchQuery.
func (q searchQuery) Part(ctx context.Context, asker *pipeline.Asker, argument []byte, skip, limit int) (hits []pipeline.Hit, more bool, err error) {
	options := rawjson.AppendString([]byte(`{"query":`), q.name)
	options = fmt.Appendf(options, `,"skip":%d,"limit":%d}`, skip, limit)
	found, err := q.ask(ctx, asker, argument, options)
	if err != nil {
		return nil, false, err
	}
	if hits, more, err = answer.Hits(&found, limit); err != nil {
		return nil, false, q.broken(asker, err)
	}
	return hits, more, nil
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
	found, err := o.ask(ctx, asker, data, append(rawjson.AppendString([]byte(`{"operator":`), o.name), '}'))
	if err != nil {
		return err
	}
	if err := answer.Scores(found.Data, o.Ranks(), scores); err != nil {
		return o.broken(asker, err)
	}
	return nil
}
