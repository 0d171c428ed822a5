package client

import (
	"context"
	"encoding/json"
	"fmt"
)

// Entry is one document to store with SetAll.
type Entry struct {
	Path string
	Data any // as for Set
}

// SetAll stores all entries or none of them, in one request, and returns how many
// there were. Each path lies below base, and is published like that of a Set of
// its own, in the order of the entries; the outcome of the publications is their
// sum. SetOptions.NoStore is an error. With ErrUnacknowledged the entries are
// stored.
//
// It needs a happn-host: happn-3 would store the entries as one document at base,
// which is an error here too, but leaves that document behind.
func (c *Client) SetAll(ctx context.Context, base string, entries []Entry, o *SetOptions) (int, error) {
	if base == "" {
		return 0, fmt.Errorf("set all: %w", errNoPath)
	}
	if o == nil {
		o = &SetOptions{}
	}
	raw, err := encodeEntries(entries)
	if err != nil {
		return 0, fmt.Errorf("set all below %s: %w", base, err)
	}
	w := writeWire{Bulk: true, NoStore: o.NoStore, Merge: o.Merge, UpsertType: o.UpsertType}
	o.fill(&w)
	options, err := w.encode()
	if err != nil {
		return 0, fmt.Errorf("set all below %s: %w", base, err)
	}
	req := &request{action: "set", path: base, data: raw, options: options, writes: true}
	doc, failure := c.write(ctx, req, &o.PublishOptions)
	if doc == nil {
		return 0, failure
	}
	var answer struct {
		Written *int `json:"written"`
	}
	if err = json.Unmarshal(doc.Data, &answer); err != nil || answer.Written == nil {
		return 0, fmt.Errorf("set all below %s: the server knows no bulk writes and answered %.60q", base, doc.Data)
	}
	return *answer.Written, failure
}

// encodeEntries returns the entries as they are sent.
func encodeEntries(entries []Entry) ([]byte, error) {
	type wire struct {
		Path string          `json:"path"`
		Data json.RawMessage `json:"data"`
	}
	all := make([]wire, 0, len(entries))
	for i, e := range entries {
		if e.Path == "" {
			return nil, fmt.Errorf("entry %d: %w", i, errNoPath)
		}
		data, err := encodeData(e.Data)
		if err != nil {
			return nil, fmt.Errorf("entry %d, %s: %w", i, e.Path, err)
		}
		all = append(all, wire{e.Path, data})
	}
	return json.Marshal(all)
}
