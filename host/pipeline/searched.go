package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// Bounds of one search in which plugins have a part.
const (
	// maxSearch is how long it may take.
	maxSearch = 10 * time.Second
	// maxRanked is how many documents are put in order, or taken from a query.
	maxRanked = 100_000
	// maxRankedBytes is how much of their data is held for that.
	maxRankedBytes = 64 << 20
	// minPart and maxPart are how many hits of a query are asked for at once.
	minPart, maxPart = 64, 1024
	// batchValues and batchBytes are how much an operator is shown at once.
	batchValues, batchBytes = 256, 256 << 10
)

// searched reads what a store has and plugins let through. It is for the search of
// one request.
type searched struct {
	store datastore.Store  // where the hits of a query are looked up
	from  datastore.Reader // where documents are shown to operators
	now   func() time.Time
	until time.Time // the search must be over
	asker Asker

	query    SearchQuery // nil for none
	argument []byte

	operators []appliedOperator
	ranking   int // which of the operators orders the result, -1 for none

	score *float64 // of the document that is being yielded, nil for none
}

// appliedOperator is an operator as criteria have it.
type appliedOperator struct {
	SearchOperator
	on *match.Operator
}

var _ datastore.Reader = (*searched)(nil)

// found is a document with what a plugin says of it.
type found struct {
	doc   *datastore.Document
	score float64
}

// Get implements datastore.Reader; who wants one document that a plugin has a say
// about has to search for it.
func (s *searched) Get(context.Context, []byte) (*datastore.Document, error) {
	return nil, errors.New("documents that a plugin selects are found, not looked up")
}

// Count implements datastore.Reader.
func (s *searched) Count(ctx context.Context, q *datastore.Query) (n int, err error) {
	all := *q
	all.Order, all.Members = unordered{}, []string{}
	err = s.Find(ctx, &all, func(*datastore.Document) bool {
		n++
		return true
	})
	return n, err
}

// unordered is for those who only count.
type unordered struct{}

func (unordered) Compare(_, _ *datastore.Document) int { return 0 }
func (unordered) Source() []byte                       { return []byte("{}") }

// Find implements datastore.Reader. Documents come in the query's order or, if it
// has none, in that of the plugin.
func (s *searched) Find(ctx context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	s.until = s.now().Add(maxSearch)
	out := newWindow(q, func(f found) bool {
		s.score = nil
		if s.query != nil || s.ranking >= 0 {
			s.score = &f.score
		}
		return yield(f.doc)
	})
	inner := *q
	inner.Skip, inner.Limit = 0, 0
	inner.Filter = &permitted{q.Filter, s.reads}
	_, counting := q.Order.(unordered)
	if counting {
		inner.Order = nil
	}
	switch {
	case s.query == nil && (s.ranking < 0 || q.Order != nil):
		return s.filter(ctx, &inner, out.add)
	case s.query != nil && (q.Order == nil || counting):
		return s.answers(ctx, &inner, first(q), out.add)
	}
	ranks, err := newRanking(q, s.query == nil)
	if err != nil {
		return err
	}
	if s.query == nil {
		err = s.filter(ctx, &inner, ranks.add)
	} else {
		err = s.answers(ctx, &inner, maxPart, ranks.add)
	}
	if err == nil {
		err = ranks.err
	}
	if err != nil {
		return err
	}
	for _, f := range ranks.sorted() {
		if !out.add(f) {
			break
		}
	}
	return nil
}

// reads reports whether all plugins with a part in the search may see a document.
func (s *searched) reads(path []byte) bool {
	if s.query != nil && !s.query.Reads(path) {
		return false
	}
	for i := range s.operators {
		if !s.operators[i].Reads(path) {
			return false
		}
	}
	return true
}

// filter shows what a query selects to the operators.
func (s *searched) filter(ctx context.Context, q *datastore.Query, yield func(found) bool) error {
	if q.Members != nil {
		names := q.Members
		for i := range s.operators {
			names = s.operators[i].on.Members(names[:len(names):len(names)])
		}
		q.Members = names
	}
	b := batch{search: s, yield: yield}
	err := s.from.Find(ctx, q, func(doc *datastore.Document) bool { return b.add(ctx, found{doc: doc}) })
	if err == nil {
		err = b.err
	}
	if err == nil && !b.enough {
		b.flush(ctx)
		err = b.err
	}
	return err
}

// answers yields what a query's plugin has found, as far as q selects it. wanted is
// how many hits may do.
func (s *searched) answers(ctx context.Context, q *datastore.Query, wanted int, yield func(found) bool) error {
	seen := map[string]struct{}{}
	size, pattern := max(minPart, min(wanted, maxPart)), string(q.Pattern)
	for skip := 0; ; {
		if err := s.late(ctx); err != nil {
			return err
		}
		hits, more, err := s.query.Part(ctx, &s.asker, s.argument, skip, size)
		if err != nil {
			return err
		}
		skip += len(hits)
		fresh := hits[:0]
		for _, h := range hits {
			if _, again := seen[h.Path]; !again {
				seen[h.Path] = struct{}{}
				if datastore.Covers(pattern, h.Path) {
					fresh = append(fresh, h)
				}
			}
		}
		enough, err := s.lookUp(ctx, q, fresh, yield)
		switch {
		case err != nil || enough || !more:
			return err
		case len(hits) == 0:
			return errors.New("the plugin says that there is more, and gives nothing")
		case skip >= maxRanked:
			return fmt.Errorf("the search finds more than %d documents: narrow it down, or give a limit", maxRanked)
		}
		size = min(2*size, maxPart)
	}
}

// lookUp yields the documents of hits that q selects. It reports whether enough
// were found.
func (s *searched) lookUp(ctx context.Context, q *datastore.Query, hits []Hit, yield func(found) bool) (enough bool, err error) {
	var paths []string
	var scores []float64
	for _, h := range hits {
		if s.reads(bytesOf(h.Path)) {
			paths, scores = append(paths, h.Path), append(scores, h.Score)
		}
	}
	docs, err := datastore.GetAll(ctx, s.store, paths)
	if err != nil {
		return false, err
	}
	b := batch{search: s, yield: yield}
	for i, doc := range docs {
		if doc != nil && q.Filter.Match(doc) && !b.add(ctx, found{doc, scores[i]}) {
			break
		}
	}
	if b.err == nil && !b.enough {
		b.flush(ctx)
	}
	return b.enough, b.err
}

// late returns why a search must not go on.
func (s *searched) late(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.now().After(s.until) {
		return fmt.Errorf("the search takes longer than %s: narrow it down, or give a limit", maxSearch)
	}
	return nil
}

// appendScore appends what a plugin says of the document that is being yielded, to
// members of _meta.
func appendScore(dst []byte, from datastore.Reader) []byte {
	s, ok := from.(*searched)
	if !ok || s.score == nil {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return strconv.AppendFloat(append(dst, `"score":`...), *s.score, 'g', -1, 64)
}
