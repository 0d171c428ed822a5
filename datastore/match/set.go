package match

import (
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// valueSet is values, each once and in order, so that looking for one costs the
// logarithm of their number.
type valueSet struct {
	by     expr.Collation // how texts compare; nil is by bytes
	sorted []value
}

// setOf makes a set of the list, which it takes over.
func setOf(by expr.Collation, list []value) valueSet {
	s := valueSet{by: by, sorted: list}
	slices.SortFunc(s.sorted, s.compare)
	s.sorted = slices.CompactFunc(s.sorted, func(a, b value) bool { return s.compare(a, b) == 0 })
	return s
}

// elementsOf returns the elements of an array, settled.
func elementsOf(arr []byte) (list []value) {
	for elem := range rawjson.Elements(arr) {
		list = append(list, valueOf(elem).settled())
	}
	return list
}

func (s *valueSet) compare(a, b value) int { return compareBy(s.by, a, b) }

// find returns the place of a value in the set. What is not there counts as null,
// as it does to $eq.
func (s *valueSet) find(v value) (int, bool) {
	if v.kind == undefined {
		v = value{kind: null}
	}
	return slices.BinarySearchFunc(s.sorted, v.settled(), s.compare)
}

// holds implements test: the value is one of the set.
func (s *valueSet) holds(v value) bool {
	_, ok := s.find(v)
	return ok
}

// tally keeps which of some numbered things were seen, and how many are still
// to be seen. It stays on the stack for few of them.
type tally struct {
	left int
	few  uint64
	more []uint64 // beyond the first 64
}

// tallyOf counts things from 0 to n-1, of which one suffices or all are needed.
func tallyOf(n int, every bool) tally {
	t := tally{left: 1}
	if every {
		t.left = n
	}
	if n > 64 {
		t.more = make([]uint64, (n-1)/64)
	}
	return t
}

// see notes one and reports whether nothing is left to be seen.
func (t *tally) see(i int) bool {
	word := &t.few
	if i >= 64 {
		word = &t.more[i/64-1]
	}
	if bit := uint64(1) << (i % 64); *word&bit == 0 {
		*word |= bit
		t.left--
	}
	return t.left <= 0
}

// seen reports whether one was noted.
func (t *tally) seen(i int) bool {
	word := t.few
	if i >= 64 {
		word = t.more[i/64-1]
	}
	return word>>(i%64)&1 == 1
}
