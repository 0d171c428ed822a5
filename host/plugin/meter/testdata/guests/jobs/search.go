package jobs

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// BM25's usual parameters, and how many documents a query finds.
const (
	saturation = 1.2
	shortness  = 0.75
	top        = 10
)

// posting is a document with a word in it.
type posting struct{ document, count uint32 }

// index finds words in documents.
type index struct {
	words   map[string][]posting
	lengths []uint32 // in words
	total   uint32   // of lengths
}

// Search indexes documents and ranks them: the input is a line for each of them,
// an empty line, and a line for each query. It returns the mark of what the queries
// find, or 0 if the input is none.
func Search(input []byte) uint64 {
	documents, queries, found := bytes.Cut(input, []byte("\n\n"))
	if !found {
		return 0
	}
	x := index{words: map[string][]posting{}}
	for _, document := range bytes.Split(documents, []byte("\n")) {
		x.add(document)
	}
	m := uint64(basis)
	for _, query := range bytes.Split(queries, []byte("\n")) {
		for _, document := range x.find(query) {
			m = (m ^ uint64(document)) * prime
		}
	}
	return m
}

// eachWord calls f with each word of a text in lower case. Its bytes are used
// again for the next one.
func eachWord(text []byte, f func(word []byte)) {
	var word []byte
	for _, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			word = append(word, c)
		} else if len(word) > 0 {
			f(word)
			word = word[:0]
		}
	}
	if len(word) > 0 {
		f(word)
	}
}

func (x *index) add(text []byte) {
	document, length := uint32(len(x.lengths)), uint32(0)
	eachWord(text, func(word []byte) {
		length++
		list := x.words[string(word)]
		if n := len(list); n > 0 && list[n-1].document == document {
			list[n-1].count++
			return
		}
		x.words[string(word)] = append(list, posting{document, 1})
	})
	x.lengths = append(x.lengths, length)
	x.total += length
}

// find returns the documents that answer a query best, best first, and the
// earlier of two that answer it as well.
func (x *index) find(query []byte) []uint32 {
	n := float64(len(x.lengths))
	average := float64(x.total) / n
	scores := make([]float64, len(x.lengths))
	eachWord(query, func(word []byte) {
		list := x.words[string(word)]
		weight := logarithm(1 + (n-float64(len(list))+0.5)/(float64(len(list))+0.5))
		for _, p := range list {
			count := float64(p.count)
			length := float64(shortness * (float64(x.lengths[p.document]) / average))
			norm := float64(saturation * (1 - shortness + length))
			scores[p.document] += float64(weight * (count * (saturation + 1) / (count + norm)))
		}
	})
	var found []uint32
	for document, score := range scores {
		if score > 0 {
			found = append(found, uint32(document))
		}
	}
	slices.SortFunc(found, func(a, b uint32) int {
		if c := cmp.Compare(scores[b], scores[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return found[:min(top, len(found))]
}

// logarithm is the natural one of a number above 0, by a series, so that it has
// the same bits in every language.
func logarithm(v float64) float64 {
	bits := math.Float64bits(v)
	exponent := float64(int64(bits>>52) - 1023)
	part := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1 <= part < 2
	y := (part - 1) / (part + 1)
	square, term, sum := float64(y*y), y, 0.0
	for k := 1; k < 30; k += 2 {
		sum += term / float64(k)
		term = float64(term * square)
	}
	return float64(exponent*math.Ln2) + float64(2*sum)
}
