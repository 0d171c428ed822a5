package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// How long one call may go on reading documents for the index: at the start, and
// in searches and events afterwards.
const (
	startPiece = 20 * time.Second
	piece      = 500 * time.Millisecond
)

// fulltext keeps an index of its own in every instance.
type fulltext struct {
	config config
	stop   map[string]bool
	index  *index

	building int    // which of config.Paths is read, len(config.Paths) for none
	after    string // path of the document that was read last
	told     bool   // that the index is full
}

func (f *fulltext) configure(raw []byte) (err error) {
	if f.config, err = readConfig(raw); err != nil {
		return err
	}
	f.stop = map[string]bool{}
	for _, word := range f.config.StopWords {
		words(word, func(word string, _ bool) { f.stop[word] = true })
	}
	f.rebuild()
	return f.build(startPiece)
}

// rebuild begins anew.
func (f *fulltext) rebuild() {
	f.index, f.building, f.after, f.told = newIndex(f.config.MaxMiB<<20), 0, "", false
}

func (f *fulltext) ready() bool { return f.building >= len(f.config.Paths) }

// build reads documents into the index, for a time. It goes on where it stopped.
func (f *fulltext) build(most time.Duration) error {
	if f.ready() {
		return nil
	}
	end := time.Now().Add(most)
	for !f.ready() {
		options, err := json.Marshal(map[string]any{"criteria": map[string]any{"path": map[string]any{"$gt": f.after}}})
		if err != nil {
			return err
		}
		for doc, err := range sdk.Find(f.config.Paths[f.building], options) {
			if errors.Is(err, sdk.ErrLimit) {
				return nil // of calls in one hook: the next one goes on
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", f.config.Paths[f.building], err)
			}
			f.put(doc.Path, doc.Data)
			f.after = doc.Path
			if time.Now().After(end) {
				return nil
			}
		}
		f.building, f.after = f.building+1, ""
	}
	sdk.LogInfo(fmt.Sprintf("the index has %d documents, %d words, about %d KiB", f.index.size(), len(f.index.terms), f.index.bytes>>10))
	return nil
}

// put takes a document into the index.
func (f *fulltext) put(path string, data []byte) {
	weights := map[string]float32{}
	add := func(text []byte, weight float64) {
		words(string(rawjson.Unquote(text)), func(word string, _ bool) {
			if !f.stop[word] {
				weights[word] += float32(weight)
			}
		})
	}
	if len(f.config.Fields) == 0 {
		texts(data, func(text []byte) { add(text, 1) })
	}
	for name, weight := range f.config.Fields {
		fieldTexts(data, strings.Split(name, "."), func(text []byte) { add(text, weight) })
	}
	if !f.index.put(path, weights) && !f.told {
		f.told = true
		sdk.LogError(fmt.Sprintf("the index is full (maxMiB: %d): %s and what comes after it is not found; raise maxMiB and limits.memoryMiB, or index less",
			f.config.MaxMiB, path))
	}
}

// texts calls yield for all texts in a value.
func texts(value []byte, yield func([]byte)) {
	switch rawjson.TypeOf(value) {
	case rawjson.String:
		yield(value)
	case rawjson.Array:
		for elem := range rawjson.Elements(value) {
			texts(elem, yield)
		}
	case rawjson.Object:
		for _, member := range rawjson.Members(value) {
			texts(member, yield)
		}
	}
}

// fieldTexts calls yield for all texts in a field, also through arrays.
func fieldTexts(value []byte, way []string, yield func([]byte)) {
	if len(way) == 0 {
		texts(value, yield)
		return
	}
	switch rawjson.TypeOf(value) {
	case rawjson.Array:
		for elem := range rawjson.Elements(value) {
			fieldTexts(elem, way, yield)
		}
	case rawjson.Object:
		if member, ok := rawjson.Lookup(value, way[0]); ok {
			fieldTexts(member, way[1:], yield)
		}
	}
}

// event brings the index up to date. A publication may tell of a part of a document,
// or of what was not stored, so the document itself is read.
func (f *fulltext) event(m *sdk.Message) error {
	if m.Missed() {
		sdk.LogWarn("events were lost: the index is made anew")
		f.rebuild()
	}
	if err := f.build(piece); err != nil {
		return err
	}
	path := string(m.Path())
	if strings.Contains(path, "*") {
		return f.removed(path)
	}
	return f.look(path)
}

// look indexes a document as it is now.
func (f *fulltext) look(path string) error {
	if !f.config.covers(path) {
		return nil
	}
	doc, err := sdk.Get(path)
	switch {
	case errors.Is(err, sdk.ErrNotFound), errors.Is(err, sdk.ErrDenied):
		f.index.remove(path)
		return nil
	case err != nil:
		return err
	}
	f.put(path, doc.Data)
	return nil
}

// removed looks which documents that a pattern names are still there.
func (f *fulltext) removed(pattern string) error {
	there := map[string]bool{}
	for doc, err := range sdk.Find(pattern, []byte(`{"path_only":true}`)) {
		if err != nil { // not all can be told apart
			f.rebuild()
			return nil
		}
		there[doc.Path] = true
	}
	for path := range f.index.byPath {
		if matches(pattern, path) && !there[path] {
			f.index.remove(path)
		}
	}
	return nil
}

// search answers {query: "words and pre*", all: true}, or the words alone.
func (f *fulltext) search(s *sdk.SearchQuery) (r sdk.SearchResult, err error) {
	if err := f.build(piece); err != nil {
		return r, err
	}
	if !f.ready() {
		return r, fmt.Errorf("the index is being made and has %d documents so far: try again in a moment", f.index.size())
	}
	q := query{pattern: s.Pattern}
	if err := f.read(&q, s.Argument); err != nil {
		return r, err
	}
	hits, more := f.index.find(&q, *f.config.K1, *f.config.B, s.Skip+s.Limit)
	return sdk.SearchResult{Hits: hits[min(s.Skip, len(hits)):], More: more}, nil
}

// maxQuery is how many words a query may have.
const maxQuery = 64

func (f *fulltext) read(q *query, argument []byte) error {
	text := argument
	if rawjson.TypeOf(argument) == rawjson.Object {
		text = nil
		for name, value := range rawjson.Members(argument) {
			switch kind := rawjson.TypeOf(value); {
			case string(name) == "query" && kind == rawjson.String:
				text = value
			case string(name) == "all" && kind == rawjson.Boolean:
				q.all = string(value) == "true"
			default:
				return fmt.Errorf("fulltext takes {query: text, all: boolean}, not %s: %s", name, value[:min(len(value), 40)])
			}
		}
	}
	if rawjson.TypeOf(text) != rawjson.String {
		return errors.New("fulltext needs a text, or {query: text}")
	}
	words(string(rawjson.Unquote(text)), func(word string, wild bool) {
		if w := (wanted{word, wild}); (wild || !f.stop[word]) && !slices.Contains(q.words, w) {
			q.words = append(q.words, w)
		}
	})
	if len(q.words) > maxQuery {
		return fmt.Errorf("a query may have %d words, this one has %d", maxQuery, len(q.words))
	}
	return nil
}
