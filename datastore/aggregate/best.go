package aggregate

import (
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
)

// ordering is by fields; what it finds equal stays in the order in which it came.
type ordering struct {
	keys []expr.SortKey
	by   expr.Collation
}

// placed is a value with its sort keys, which are found once.
type placed struct {
	value expr.Value
	keys  []expr.Value
	at    int // how many came before
}

func (p *placed) size() int {
	n := p.value.Size() + 64
	for i := range p.keys {
		n += 64
		if p.keys[i].JSON() == nil { // it was made for the key, and is not a part of the value
			n += p.keys[i].Size()
		}
	}
	return n
}

func (o *ordering) compare(a, b *placed) int {
	for i := range o.keys {
		if c := expr.CompareBy(o.by, a.keys[i], b.keys[i]); c != 0 {
			if o.keys[i].Desc {
				return -c
			}
			return c
		}
	}
	return a.at - b.at
}

// best keeps the first n values in an order, or the last n, or with n = 0 all.
// Each takes log n steps.
type best struct {
	ordering
	n    int
	last bool

	seen  int
	kept  []placed     // once n are there a heap: the one to go first is first
	spare []expr.Value // keys of one that was not kept
}

// add shows it a value, with what has the fields to sort by. It returns whether
// it keeps one more, and by how many bytes what it keeps has grown.
func (b *best) add(value, from expr.Value) (more bool, grown int) {
	p := placed{value: value, at: b.seen, keys: b.spare}
	b.seen++
	b.spare = nil
	if p.keys == nil {
		p.keys = make([]expr.Value, len(b.keys))
	}
	for i := range b.keys {
		p.keys[i] = b.keys[i].Of(b.by, from)
	}
	switch {
	case b.n == 0 || len(b.kept) < b.n:
		b.kept = append(b.kept, p)
		if len(b.kept) == b.n {
			for i := b.n/2 - 1; i >= 0; i-- {
				b.sink(i)
			}
		}
		return true, p.size()
	case b.goes(&p, &b.kept[0]):
		b.spare = p.keys
		return false, 0
	}
	grown = p.size() - b.kept[0].size()
	b.spare = b.kept[0].keys
	b.kept[0] = p
	b.sink(0)
	return false, grown
}

// goes reports whether a is to go before b does.
func (b *best) goes(x, y *placed) bool {
	c := b.compare(x, y)
	return (c > 0) != b.last
}

// sink restores the heap below i.
func (b *best) sink(i int) {
	for {
		top := i
		for _, kid := range [...]int{2*i + 1, 2*i + 2} {
			if kid < len(b.kept) && b.goes(&b.kept[kid], &b.kept[top]) {
				top = kid
			}
		}
		if top == i {
			return
		}
		b.kept[i], b.kept[top] = b.kept[top], b.kept[i]
		i = top
	}
}

// inOrder returns what is kept, and keeps it no longer.
func (b *best) inOrder() []placed {
	kept := b.kept
	b.kept = nil
	slices.SortFunc(kept, func(x, y placed) int { return b.compare(&x, &y) })
	return kept
}
