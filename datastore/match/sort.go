package match

import (
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
)

// keyed is a document with its sort keys, found once.
type keyed struct {
	doc   *datastore.Document
	first value
	rest  []value
}

// compareKeyed orders by the sort keys, then by path.
func (o *Order) compareKeyed(a, b *keyed) int {
	for i := range o.fields {
		f := &o.fields[i]
		x, y := a.first, b.first
		if i > 0 {
			x, y = a.rest[i-1], b.rest[i-1]
		}
		if c := f.compare(x, y); c != 0 {
			return c
		}
	}
	return strings.Compare(a.doc.Path, b.doc.Path)
}

// Sort sorts documents in place; those that compare equal come in path order.
// It looks into each document once.
func (o *Order) Sort(docs []*datastore.Document) {
	t := o.Top(0)
	t.kept = make([]keyed, 0, len(docs))
	for _, doc := range docs {
		t.Add(doc)
	}
	t.sort()
	for i := range t.kept {
		docs[i] = t.kept[i].doc
	}
}

// Top collects the documents that come first in an order, without keeping
// more than it was asked for. It is for one goroutine.
type Top struct {
	order *Order
	n     int
	kept  []keyed // once there are n: a heap with the last document on top
	spare []value // room for the rest of some document's keys
	room  []value // where spares are cut from
}

// Top returns a collector of the first n documents; n = 0 keeps all.
func (o *Order) Top(n int) *Top {
	if o == nil {
		o = &Order{}
	}
	return &Top{order: o, n: max(n, 0)}
}

// Add shows a document to the collector, which keeps it if it is among the
// first n so far.
func (t *Top) Add(doc *datastore.Document) {
	k := keyed{doc: doc}
	fields := t.order.fields
	full := t.n > 0 && len(t.kept) == t.n
	if len(fields) > 0 {
		k.first = fields[0].key(doc).settled()
		if full && fields[0].compare(k.first, t.kept[0].first) > 0 {
			return
		}
	}
	if len(fields) > 1 {
		k.rest = t.take(len(fields) - 1)
		for i := range k.rest {
			k.rest[i] = fields[i+1].key(doc).settled()
		}
	}
	switch {
	case !full:
		t.kept = append(t.kept, k)
		if len(t.kept) == t.n {
			for i := t.n/2 - 1; i >= 0; i-- {
				t.sink(i)
			}
		}
	case t.order.compareKeyed(&k, &t.kept[0]) < 0:
		t.spare = t.kept[0].rest
		t.kept[0] = k
		t.sink(0)
	default:
		t.spare = k.rest
	}
}

// take returns room for n values, from a document that was not kept if it can.
func (t *Top) take(n int) []value {
	if t.spare != nil {
		out := t.spare
		t.spare = nil
		return out
	}
	if len(t.room) < n {
		t.room = make([]value, n*64)
	}
	out := t.room[:n:n]
	t.room = t.room[n:]
	return out
}

// Docs returns the collected documents in order and empties the collector.
func (t *Top) Docs() []*datastore.Document {
	t.sort()
	docs := make([]*datastore.Document, len(t.kept))
	for i := range t.kept {
		docs[i] = t.kept[i].doc
	}
	t.kept = nil
	return docs
}

func (t *Top) sort() {
	// Sorting pointers moves 8 bytes a swap; the keys stay where they are.
	byKey := make([]*keyed, len(t.kept))
	for i := range t.kept {
		byKey[i] = &t.kept[i]
	}
	slices.SortFunc(byKey, t.order.compareKeyed)
	sorted := make([]keyed, len(byKey))
	for i, k := range byKey {
		sorted[i] = *k
	}
	t.kept = sorted
}

// sink restores the heap below i.
func (t *Top) sink(i int) {
	for {
		last := i
		for _, kid := range [...]int{2*i + 1, 2*i + 2} {
			if kid < len(t.kept) && t.order.compareKeyed(&t.kept[kid], &t.kept[last]) > 0 {
				last = kid
			}
		}
		if last == i {
			return
		}
		t.kept[i], t.kept[last] = t.kept[last], t.kept[i]
		i = last
	}
}
