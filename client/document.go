package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Document is what is stored on a path. Data is always a JSON object: a value
// that is none is stored as {"value": it}, see Value.
type Document struct {
	Data json.RawMessage // without its meta; nil when the answer carried no data
	Meta Meta
}

// Meta is what a server says about a document beside its data. What it did not
// say is zero.
type Meta struct {
	Path       string `json:"path"`
	Created    int64  `json:"created"`    // milliseconds since 1970
	Modified   int64  `json:"modified"`   // milliseconds since 1970
	ModifiedBy string `json:"modifiedBy"` // user name, on stores that keep it

	// Published says, for a write with consistency Transactional, that the
	// change reached every subscriber's connection before the answer.
	Published bool `json:"published"`

	// Publish is the outcome of the publication, if asked for with
	// SetOptions.PublishResults or waited for with consistency Acknowledged.
	Publish *PublishResult `json:"publishResults"`
}

// PublishResult counts what became of one publication.
type PublishResult struct {
	Queued       int `json:"queued"`       // recipients
	Successful   int `json:"successful"`   // handed to their connections
	Failed       int `json:"failed"`       // not handed over
	Skipped      int `json:"skipped"`      // left out
	Acknowledged int `json:"acknowledged"` // acknowledged, consistency Acknowledged only
}

// Decode unmarshals the document's object into v.
func (d *Document) Decode(v any) error {
	if err := json.Unmarshal(d.Data, v); err != nil {
		return fmt.Errorf("decode document %s: %w", d.Meta.Path, err)
	}
	return nil
}

// Value unmarshals into v what was stored if that was not a JSON object: a
// string, number, boolean, null or array.
func (d *Document) Value(v any) error { return decodeValue(d.Data, d.Meta.Path, v) }

func decodeValue(data json.RawMessage, path string, v any) error {
	raw, found := rawjson.Lookup(data, "value")
	if !found {
		return fmt.Errorf("decode value of %s: %w", path, errNoValue)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("decode value of %s: %w", path, err)
	}
	return nil
}

var errNoValue = errors.New("the document is an object without a member named value: use Decode")

// splitItem takes an item of a list apart: its data, and the meta that is a
// member of it.
func splitItem(item []byte) (Document, error) {
	var doc Document
	var meta []byte
	out := make([]byte, 1, len(item))
	out[0] = '{'
	for name, value := range rawjson.Members(item) {
		if string(name) == "_meta" {
			meta = value
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(rawjson.AppendString(out, name), ':')
		out = append(out, value...)
	}
	doc.Data = slices.Clip(append(out, '}'))
	if meta == nil {
		return doc, nil
	}
	return doc, json.Unmarshal(meta, &doc.Meta)
}
