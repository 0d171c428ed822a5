package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/happn-host/happn-host/datastore"
)

// first returns how many matches a query can need at most.
func first(q *datastore.Query) int {
	skip := max(0, q.Skip)
	if q.Limit <= 0 || q.Limit > math.MaxInt-skip {
		return math.MaxInt
	}
	return skip + q.Limit
}

// window hands on what Skip and Limit of a query leave of what is added.
type window struct {
	skip, limit int
	seen        int // behind what is skipped
	held        []found
	yield       func(found) bool
}

func newWindow(q *datastore.Query, yield func(found) bool) *window {
	return &window{skip: max(0, q.Skip), limit: max(q.Limit, -math.MaxInt), yield: yield}
}

// add reports whether more are wanted.
func (w *window) add(f found) bool {
	if w.skip > 0 {
		w.skip--
		return true
	}
	w.seen++
	if w.limit >= 0 {
		return w.yield(f) && w.seen != w.limit
	}
	if len(w.held) < -w.limit { // the last ones, of which nobody knows yet that they are
		w.held = append(w.held, f)
		return true
	}
	slot := &w.held[(w.seen-1)%len(w.held)]
	out := *slot
	*slot = f
	return w.yield(out)
}

// ranking holds those documents of a search that come first in an order.
type ranking struct {
	docs  []found
	bytes int
	most  int // that can be needed
	err   error

	sorter datastore.Sorter // nil for the order of scores
}

// newRanking ranks by score, the least first, or else by the order of q.
func newRanking(q *datastore.Query, byScore bool) (*ranking, error) {
	r := &ranking{most: first(q)}
	if !byScore {
		var ok bool
		if r.sorter, ok = q.Order.(datastore.Sorter); !ok {
			return nil, errors.New("the search has an order that cannot sort")
		}
	}
	return r, nil
}

// add reports whether more are wanted.
func (r *ranking) add(f found) bool {
	r.docs = append(r.docs, f)
	r.bytes += len(f.doc.Data)
	if len(r.docs) >= 1024 && len(r.docs)/2 >= r.most {
		r.cut()
	}
	if len(r.docs) > maxRanked || r.bytes > maxRankedBytes {
		if r.cut(); len(r.docs) > maxRanked || r.bytes > maxRankedBytes {
			r.err = fmt.Errorf("the search finds more than %d documents, or %d MiB of them, to put in order: narrow it down, or give a limit",
				maxRanked, maxRankedBytes>>20)
			return false
		}
	}
	return true
}

// cut lets go of what is not needed.
func (r *ranking) cut() {
	r.sort()
	for i := min(len(r.docs), r.most); i < len(r.docs); i++ {
		r.bytes -= len(r.docs[i].doc.Data)
		r.docs[i] = found{}
	}
	r.docs = r.docs[:min(len(r.docs), r.most)]
}

func (r *ranking) sorted() []found {
	r.sort()
	return r.docs
}

func (r *ranking) sort() {
	if r.sorter == nil {
		slices.SortFunc(r.docs, func(a, b found) int {
			return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.doc.Path, b.doc.Path))
		})
		return
	}
	docs := make([]*datastore.Document, len(r.docs))
	scores := make(map[*datastore.Document]float64, len(r.docs))
	for i, f := range r.docs {
		docs[i], scores[f.doc] = f.doc, f.score
	}
	r.sorter.Sort(docs)
	for i, doc := range docs {
		r.docs[i] = found{doc, scores[doc]}
	}
}
