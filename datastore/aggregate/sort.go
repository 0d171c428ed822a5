package aggregate

import (
	"math/rand/v2"

	"github.com/happn-host/happn-host/datastore/expr"
)

// sorter is $sort. Documents that compare equal keep their order.
type sorter struct {
	keys []expr.SortKey
	most int // how many of the first a $limit further on lets through; 0 is all
}

func (c *compiler) sort(raw []byte, at *expr.Place) (stage, error) {
	keys, err := expr.CompileSort(raw, at)
	return sorter{keys: keys}, err
}

// limitSorts tells each $sort how many documents the stages behind it want, so
// that it keeps no others.
func limitSorts(stages []stage) {
	for i := range stages {
		if s, ok := stages[i].(sorter); ok {
			s.most = wanted(stages[i+1:])
			stages[i] = s
		}
	}
}

// wanted returns how many documents stages take at most, 0 if that is not known.
// Stages that make one document of each are passed over.
func wanted(stages []stage) int {
	skipped := 0
	for _, s := range stages {
		switch s := s.(type) {
		case window:
			if s.limit {
				return skipped + s.n
			}
			skipped += s.n
		case transform, *lookup:
		default:
			return 0
		}
	}
	return 0
}

func (s sorter) start(r *run, next sink) sink {
	return &sortSink{best: best{ordering: ordering{s.keys, r.by}, n: s.most}, run: r, next: next}
}

type sortSink struct {
	best best
	run  *run
	next sink
}

func (s *sortSink) add(doc expr.Value) (bool, error) {
	documents := 0
	more, grown := s.best.add(doc, doc)
	if more {
		documents = 1
	}
	return true, s.run.keep(documents, grown)
}

func (s *sortSink) end() error {
	for _, d := range s.best.inOrder() {
		if err := s.run.step(); err != nil {
			return err
		}
		if more, err := s.next.add(d.value); err != nil || !more {
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
		grown := doc.Size() - s.docs[i].Size()
		s.docs[i] = doc
		return true, s.run.keep(0, grown)
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
