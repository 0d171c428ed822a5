package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// query is what is searched for.
type query struct {
	pattern string
	words   []wanted
	all     bool // every word must be there, not only one
}

type wanted struct {
	word string
	wild bool
}

// found is a document on its way to the result.
type found struct {
	score float64
	words int // of the query, that it has
}

// find returns the most best documents of a query, by BM25 over the weighted numbers
// of words, and whether there are more.
func (x *index) find(q *query, k1, b float64, most int) (hits []sdk.Hit, more bool) {
	if len(x.scores) < len(x.docs) {
		x.scores = make([]found, len(x.docs)+len(x.docs)/4)
	}
	scores := x.scores
	touched := x.touched[:0]
	defer func() {
		for _, doc := range touched {
			scores[doc] = found{}
		}
		x.touched = touched
	}()
	for _, w := range q.words {
		weights, count := x.weights(w)
		if count == 0 && q.all {
			return nil, false
		}
		n := float64(count)
		rarity := math.Log(1 + (float64(x.size())-n+0.5)/(n+0.5))
		mean := x.lengths / float64(max(1, x.size()))
		weights(func(doc int32, weight float64) {
			f := &scores[doc]
			if f.words++; f.words == 1 {
				touched = append(touched, doc)
			}
			f.score += rarity * weight * (k1 + 1) / (weight + k1*(1-b+b*float64(x.docs[doc].length)/mean))
		})
	}
	for _, doc := range touched {
		f := scores[doc]
		if path := x.docs[doc].path; (!q.all || f.words == len(q.words)) && matches(q.pattern, path) {
			hits = append(hits, sdk.Hit{Path: path, Score: f.score})
			if len(hits) > 2*most+1024 {
				best(hits)
				hits, more = hits[:most], true
			}
		}
	}
	best(hits)
	if len(hits) > most {
		hits, more = hits[:most], true
	}
	return hits, more
}

func best(hits []sdk.Hit) {
	slices.SortFunc(hits, func(a, b sdk.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
}

// weights returns what calls yield for each document that has the word, or one that
// begins so, and how many there are.
func (x *index) weights(w wanted) (each func(yield func(doc int32, weight float64)), count int) {
	if !w.wild {
		t, ok := x.byWord[w.word]
		if !ok {
			return func(func(int32, float64)) {}, 0
		}
		return func(yield func(int32, float64)) {
			for _, p := range x.terms[t].in {
				if x.docs[p.doc].path != "" {
					yield(p.doc, float64(p.weight))
				}
			}
		}, x.terms[t].count
	}
	sums := make([]float64, len(x.docs))
	for _, t := range x.withPrefix(w.word) {
		for _, p := range x.terms[t].in {
			if x.docs[p.doc].path != "" {
				if sums[p.doc] == 0 {
					count++
				}
				sums[p.doc] += float64(p.weight)
			}
		}
	}
	return func(yield func(int32, float64)) {
		for doc, weight := range sums {
			if weight > 0 {
				yield(int32(doc), weight)
			}
		}
	}, count
}
