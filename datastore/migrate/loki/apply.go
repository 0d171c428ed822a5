package loki

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// apply carries out an operation on the document at its path; nil is none.
// Lines were parsed before, so an error is one of what they ask for.
func apply(doc *datastore.Document, p parsed, clock int64) (*datastore.Document, error) {
	switch p.kind {
	case upsertOperation:
		return upsert(doc, p, clock)
	case insertOperation:
		inserted, err := readDocument(p.args[0])
		return stamped(&inserted, clock), err
	case incrementOperation:
		return increment(doc, p, clock)
	}
	return nil, nil // a removal
}

// stamped gives a new document the times that it lacks.
func stamped(doc *datastore.Document, clock int64) *datastore.Document {
	if doc.Created == 0 {
		doc.Created = clock
	}
	if doc.Modified == 0 {
		doc.Modified = clock
	}
	return doc
}

// upsert follows happn-3: an overwrite is written without its time, so the one
// from before stays. A line with a time of creation was written when there was
// no document.
func upsert(doc *datastore.Document, p parsed, clock int64) (*datastore.Document, error) {
	meta, _ := rawjson.Lookup(p.args[1], "_meta")
	data, ok := rawjson.Lookup(p.args[1], "data")
	created, err := milliseconds(meta, "created")
	if err != nil {
		return nil, err
	}
	next := datastore.Document{Path: p.path}
	merging := false
	if doc != nil && created == 0 {
		next = *doc
		merging = len(p.args) > 2 && truth(p.args[2], "merge")
	}
	switch {
	case merging && rawjson.IsObject(next.Data):
		var o rawjson.Object
		o.Add(next.Data)
		if rawjson.IsObject(data) {
			o.Add(data)
		}
		next.Data = o.AppendTo(nil)
	case !ok:
		return nil, errNoData
	default:
		next.Data = append([]byte(nil), data...)
	}
	if err := readMeta(&next, meta); err != nil {
		return nil, err
	}
	return stamped(&next, clock), nil
}

// truth reports whether a member is what JavaScript takes for true.
func truth(obj []byte, name string) bool {
	raw, ok := rawjson.Lookup(obj, name)
	switch string(raw) {
	case "false", "null", "0", `""`:
		return false
	}
	return ok
}

// increment adds to a gauge as JavaScript does, text included.
func increment(doc *datastore.Document, p parsed, clock int64) (*datastore.Document, error) {
	next := datastore.Document{Path: p.path, Data: []byte("{}"), Created: clock}
	if doc != nil {
		next = *doc
	}
	next.Modified = max(clock, next.Modified)
	name := rawjson.Unquote(p.args[1])
	var data, gauge rawjson.Object
	data.Add(next.Data)
	was := []byte("0")
	if raw, ok := data.Get(name); ok && !rawjson.IsNull(raw) {
		if !rawjson.IsObject(raw) {
			return nil, fmt.Errorf("INCREMENT of %q, which is no gauge", name)
		}
		gauge.Add(raw)
		if was, ok = gauge.Get([]byte("value")); !ok {
			was = nil
		}
	}
	gauge.Set([]byte("value"), plus(was, p.args[2]))
	data.Set(name, gauge.AppendTo(nil))
	next.Data = data.AppendTo(nil)
	return &next, nil
}

// plus is JavaScript's a + b in JSON, for a raw value, nil if it is undefined,
// and a number or text.
func plus(a, b []byte) []byte {
	if rawjson.IsString(a) || rawjson.IsString(b) {
		sum, _ := json.Marshal(asText(a) + asText(b)) // text cannot fail
		return sum
	}
	sum := asNumber(a) + asNumber(b)
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return []byte("null") // as JSON.stringify has it
	}
	raw, _ := json.Marshal(sum) // a finite number cannot fail
	return raw
}

func asText(raw []byte) string {
	switch {
	case raw == nil:
		return "undefined"
	case rawjson.IsString(raw):
		return string(rawjson.Unquote(raw))
	}
	return string(raw)
}

// asNumber is JavaScript's Number for what is not text.
func asNumber(raw []byte) float64 {
	switch string(raw) {
	case "null", "false":
		return 0
	case "true":
		return 1
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}
