package aggregate

import (
	"math/rand/v2"
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
)

// sorter is $sort. Documents that compare equal keep their order.
type sorter struct{ keys []expr.SortKey }

func (c *compiler) sort(raw []byte, at *expr.Place) (stage, error) {
	keys, err := expr.CompileSort(raw, at)
	return sorter{keys}, err
}

func compareBy(keys []expr.SortKey, by expr.Collation, a, b expr.Value) int {
	for i := range keys {
		k := &keys[i]
		if c := expr.CompareBy(by, k.Of(by, a), k.Of(by, b)); c != 0 {
			if k.Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

func (s sorter) start(r *run, next sink) sink { return &sortSink{keys: s.keys, run: r, next: next} }

type sortSink struct {
	keys []expr.SortKey
	run  *run
	next sink
	docs []sortable
}

// sortable is a document with its sort keys, found once.
type sortable struct {
	doc  expr.Value
	keys []expr.Value
}

func (s *sortSink) add(doc expr.Value) (bool, error) {
	d := sortable{doc, make([]expr.Value, len(s.keys))}
	for i := range s.keys {
		d.keys[i] = s.keys[i].Of(s.run.by, doc)
	}
	s.docs = append(s.docs, d)
	return true, s.run.keep(1, doc.Size())
}

func (s *sortSink) end() error {
	slices.SortStableFunc(s.docs, func(a, b sortable) int {
		for i := range s.keys {
			if c := expr.CompareBy(s.run.by, a.keys[i], b.keys[i]); c != 0 {
				if s.keys[i].Desc {
					return -c
				}
				return c
			}
		}
		return 0
	})
	for _, d := range s.docs {
		if err := s.run.step(); err != nil {
			return err
		}
		if more, err := s.next.add(d.doc); err != nil || !more {
			return ended(s.next, err)
		}
	}
	return s.next.end()
}

// sample is $sample: some documents at random, each with the same chance.
type sample struct{ size int }

func (s sample) start(r *run, next sink) sink { return &sampleSink{size: s.size, run: r, next: next} }

type sampleSink struct {
	size int
	run  *run
	next sink
	seen int
	docs []expr.Value
}

func (s *sampleSink) add(doc expr.Value) (bool, error) {
	s.seen++
	if len(s.docs) < s.size {
		s.docs = append(s.docs, doc)
		return true, s.run.keep(1, doc.Size())
	}
	if i := rand.IntN(s.seen); i < s.size {
		s.docs[i] = doc
	}
	return true, nil
}

func (s *sampleSink) end() error {
	rand.Shuffle(len(s.docs), func(i, j int) { s.docs[i], s.docs[j] = s.docs[j], s.docs[i] })
	for _, doc := range s.docs {
		if more, err := s.next.add(doc); err != nil || !more {
			return ended(s.next, err)
		}
	}
	return s.next.end()
}
