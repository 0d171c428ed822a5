package memory

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/happn-host/happn-host/datastore"
)

// collector returns what keeps as many documents as the query can need.
func collector(q *datastore.Query) datastore.Collector {
	keep := window(q)
	if sorter, ok := q.Order.(datastore.Sorter); ok {
		if keep == math.MaxInt {
			keep = 0
		}
		return sorter.Collect(keep)
	}
	return &top{order: q.Order, keep: keep}
}

// top keeps the first documents of an order, which nil is that of the paths.
// While it is not full it only collects; from then on it is a heap with the
// last of them on top.
type top struct {
	order datastore.Order
	keep  int
	docs  []*datastore.Document
}

// compare orders documents that are equal by path.
func (t *top) compare(a, b *datastore.Document) int {
	if t.order != nil {
		if c := t.order.Compare(a, b); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Path, b.Path)
}

// Add implements datastore.Collector.
func (t *top) Add(doc *datastore.Document) {
	if len(t.docs) < t.keep {
		t.docs = append(t.docs, doc)
		if len(t.docs) == t.keep {
			heap.Init(t)
		}
		return
	}
	if t.compare(doc, t.docs[0]) < 0 {
		t.docs[0] = doc
		heap.Fix(t, 0)
	}
}

// Docs implements datastore.Collector.
func (t *top) Docs() []*datastore.Document {
	docs := t.docs
	t.docs = nil
	slices.SortFunc(docs, t.compare)
	return docs
}

// Len implements heap.Interface.
func (t *top) Len() int { return len(t.docs) }

// Less implements heap.Interface, upside down.
func (t *top) Less(i, j int) bool { return t.compare(t.docs[i], t.docs[j]) > 0 }

// Swap implements heap.Interface.
func (t *top) Swap(i, j int) { t.docs[i], t.docs[j] = t.docs[j], t.docs[i] }

// Push implements heap.Interface; Add never grows the heap through it.
func (t *top) Push(x any) { t.docs = append(t.docs, x.(*datastore.Document)) }

// Pop implements heap.Interface; the heap is never emptied through it.
func (t *top) Pop() any {
	last := t.docs[len(t.docs)-1]
	t.docs = t.docs[:len(t.docs)-1]
	return last
}
