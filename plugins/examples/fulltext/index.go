package main

import (
	"slices"
	"sort"
	"strings"
)

// index tells in which documents a word is, and how often.
type index struct {
	terms    []term
	byWord   map[string]int32
	sorted   []int32 // terms by their word, but for the newest
	docs     []entry
	byPath   map[string]int32
	dead     int     // of docs
	lengths  float64 // of all documents
	bytes    int     // about what all this takes
	maxBytes int
	full     bool // documents were left out

	scores  []found // of documents, all zero between searches
	touched []int32 // the ones that were not, kept for its room
}

// term is a word and the documents that have it, also those that are dead.
type term struct {
	word  string
	count int // of living documents
	in    []posting
}

type posting struct {
	doc    int32
	weight float32 // how often the word is there, times the weights of fields
}

// entry is a document.
type entry struct {
	path   string // "" for a dead one
	length float32
	terms  []int32
}

// About what things take in memory, in bytes.
const (
	termBytes    = 120
	entryBytes   = 120
	postingBytes = 16 // with its place in entry.terms, and room to grow
)

func newIndex(maxBytes int) *index {
	return &index{byWord: map[string]int32{}, byPath: map[string]int32{}, maxBytes: maxBytes}
}

// size is how many documents are in the index.
func (x *index) size() int { return len(x.docs) - x.dead }

// put makes a document's words those in weights, and reports false if there is no room.
func (x *index) put(path string, weights map[string]float32) bool {
	x.remove(path)
	if len(weights) == 0 {
		return true
	}
	if x.bytes > x.maxBytes {
		x.full = true
		return false
	}
	id := int32(len(x.docs))
	e := entry{path: strings.Clone(path), terms: make([]int32, 0, len(weights))}
	for word, weight := range weights {
		t, known := x.byWord[word]
		if !known {
			t = int32(len(x.terms))
			word = strings.Clone(word)
			x.terms = append(x.terms, term{word: word})
			x.byWord[word] = t
			x.bytes += termBytes + len(word)
		}
		x.terms[t].in = append(x.terms[t].in, posting{id, weight})
		x.terms[t].count++
		e.terms = append(e.terms, t)
		e.length += weight
	}
	x.docs = append(x.docs, e)
	x.byPath[e.path] = id
	x.lengths += float64(e.length)
	x.bytes += entryBytes + len(path) + postingBytes*len(e.terms)
	return true
}

// remove takes a document out.
func (x *index) remove(path string) {
	id, ok := x.byPath[path]
	if !ok {
		return
	}
	e := &x.docs[id]
	delete(x.byPath, path)
	for _, t := range e.terms {
		x.terms[t].count--
	}
	x.lengths -= float64(e.length)
	*e = entry{}
	x.dead++
	if x.dead > 1000 && x.dead > len(x.docs)/2 {
		x.compact()
	}
}

// compact forgets dead documents, and words that no other has.
func (x *index) compact() {
	old := *x
	*x = *newIndex(old.maxBytes)
	x.full = old.full
	weights := map[int32][]posting{} // of the living, by their old number: terms and weights
	for t := range old.terms {
		for _, p := range old.terms[t].in {
			if old.docs[p.doc].path != "" {
				weights[p.doc] = append(weights[p.doc], posting{int32(t), p.weight})
			}
		}
		old.terms[t].in = nil
	}
	for id := range old.docs {
		if old.docs[id].path == "" {
			continue
		}
		words := make(map[string]float32, len(weights[int32(id)]))
		for _, p := range weights[int32(id)] {
			words[old.terms[p.doc].word] = p.weight
		}
		x.put(old.docs[id].path, words)
	}
}

// maxExpansions bounds the words that a prefix stands for.
const maxExpansions = 1000

// withPrefix returns the terms whose word begins so.
func (x *index) withPrefix(prefix string) (found []int32) {
	if fresh := len(x.terms) - len(x.sorted); fresh > 1024+len(x.sorted)/16 {
		for t := len(x.sorted); t < len(x.terms); t++ {
			x.sorted = append(x.sorted, int32(t))
		}
		slices.SortFunc(x.sorted, func(a, b int32) int { return strings.Compare(x.terms[a].word, x.terms[b].word) })
	}
	at := sort.Search(len(x.sorted), func(i int) bool { return x.terms[x.sorted[i]].word >= prefix })
	for ; at < len(x.sorted) && strings.HasPrefix(x.terms[x.sorted[at]].word, prefix) && len(found) < maxExpansions; at++ {
		found = append(found, x.sorted[at])
	}
	for t := len(x.sorted); t < len(x.terms) && len(found) < maxExpansions; t++ {
		if strings.HasPrefix(x.terms[t].word, prefix) {
			found = append(found, int32(t))
		}
	}
	return found
}
