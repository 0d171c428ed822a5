package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Consistency is how a write and its publication are ordered.
type Consistency int

// The levels of consistency. The zero value is Transactional, the default.
const (
	Transactional Consistency = iota // subscribers' connections have it before the answer comes
	Queued                           // the answer comes first
	Deferred                         // as Queued; SetOptions.OnPublished is told the outcome
	Acknowledged                     // as Deferred, and every subscriber acknowledges
)

// wire is the protocol's number, nil for the default.
func (c Consistency) wire() *int {
	n := map[Consistency]int{Queued: 0, Deferred: 1, Acknowledged: 3}
	if v, ok := n[c]; ok {
		return &v
	}
	return nil
}

// PublishOptions are the options of everything that publishes. The zero value,
// like nil, is the default.
type PublishOptions struct {
	// NoPublish keeps the change from subscribers.
	NoPublish bool

	// Consistency orders the answer and the publication. With Acknowledged and
	// no OnPublished the call returns after the subscribers' acknowledgements,
	// with the outcome in Meta.Publish, or with ErrUnacknowledged.
	Consistency Consistency

	// OnPublished is called at most once with the outcome of a Deferred or
	// Acknowledged publication, or with why it is not known. Calls come one at
	// a time, together with those of Options.Listener.
	OnPublished func(*PublishResult, error)

	// PublishResults asks for Meta.Publish at consistency Transactional.
	PublishResults bool

	// Meta is added to the publication's meta.
	Meta map[string]any

	// TargetClients are the ids of the only sessions that get the publication,
	// if they subscribe to it; empty but not nil means none.
	TargetClients []string

	// NoCluster leaves out sessions that are other nodes of a cluster.
	NoCluster bool

	// OnBehalfOf runs the request as another user, for delegates.
	OnBehalfOf string
}

// SetOptions are the options of Set, SetAll, Publish and Increment.
type SetOptions struct {
	PublishOptions

	// Merge merges the top-level members into the stored document.
	Merge bool

	// NoStore publishes without storing.
	NoStore bool

	// NoDataResponse leaves the stored data out of the answer.
	NoDataResponse bool

	// UpsertType is for stores that tell insert from update: 0 upsert,
	// 1 update, 2 insert, 3 bulk (happn-3's, see SetAll).
	UpsertType int
}

// RemoveOptions are the options of Remove.
type RemoveOptions struct {
	PublishOptions

	// Criteria limits a wildcard removal, see Query.Criteria.
	Criteria any
}

// writeWire is the options of set and remove on the wire.
type writeWire struct {
	NoStore        bool           `json:"noStore,omitempty"`
	NoPublish      bool           `json:"noPublish,omitempty"`
	NoDataResponse bool           `json:"noDataResponse,omitempty"`
	NullValue      bool           `json:"nullValue,omitempty"`
	Merge          bool           `json:"merge,omitempty"`
	Meta           map[string]any `json:"meta,omitempty"`
	TargetClients  []string       `json:"targetClients,omitzero"`
	Consistency    *int           `json:"consistency,omitempty"`
	PublishResults bool           `json:"publishResults,omitempty"`
	NoCluster      bool           `json:"noCluster,omitempty"`
	Increment      *float64       `json:"increment,omitempty"`
	UpsertType     int            `json:"upsertType,omitempty"`
	Bulk           bool           `json:"bulk,omitempty"`
	OnBehalfOf     string         `json:"onBehalfOf,omitempty"`
	Criteria       any            `json:"criteria,omitempty"`
}

func (o *PublishOptions) fill(w *writeWire) {
	w.NoPublish = o.NoPublish
	w.Consistency = o.Consistency.wire()
	w.PublishResults = o.PublishResults
	w.Meta = o.Meta
	w.TargetClients = o.TargetClients
	w.NoCluster = o.NoCluster
	w.OnBehalfOf = o.OnBehalfOf
}

func (w *writeWire) encode() ([]byte, error) {
	raw, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	if string(raw) == "{}" {
		return nil, nil
	}
	return raw, nil
}

// Set stores data, anything that marshals to JSON, on a path and publishes it.
// What is no JSON object is stored as {"value": data}. It returns what is
// stored now. With ErrUnacknowledged the document is returned as well.
func (c *Client) Set(ctx context.Context, path string, data any, o *SetOptions) (*Document, error) {
	if o == nil {
		o = &SetOptions{}
	}
	return c.set(ctx, path, data, o, nil)
}

// Publish hands data to the subscribers of a path without storing it.
func (c *Client) Publish(ctx context.Context, path string, data any, o *SetOptions) error {
	opts := SetOptions{}
	if o != nil {
		opts = *o
	}
	opts.NoStore, opts.NoDataResponse = true, true
	_, err := c.set(ctx, path, data, &opts, nil)
	return err
}

// Increment adds by to a gauge, a named number of the document on the path,
// and returns its new value. Get shows it as {"<gauge>": {"value": n}}.
func (c *Client) Increment(ctx context.Context, path, gauge string, by float64, o *SetOptions) (float64, error) {
	if o == nil {
		o = &SetOptions{}
	}
	doc, err := c.set(ctx, path, gauge, o, &by)
	if err != nil || doc.Data == nil {
		return 0, err
	}
	var value float64
	err = decodeValue(doc.Data, path, &value)
	return value, err
}

func (c *Client) set(ctx context.Context, path string, data any, o *SetOptions, by *float64) (*Document, error) {
	if path == "" {
		return nil, fmt.Errorf("set: %w", errNoPath)
	}
	raw, err := encodeData(data)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", path, err)
	}
	w := writeWire{
		NoStore: o.NoStore, NoDataResponse: o.NoDataResponse, Merge: o.Merge,
		UpsertType: o.UpsertType, Increment: by,
		NullValue: bytes.Equal(bytes.TrimSpace(raw), []byte("null")),
	}
	o.fill(&w)
	options, err := w.encode()
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", path, err)
	}
	req := &request{action: "set", path: path, data: raw, options: options, writes: true}
	return c.write(ctx, req, &o.PublishOptions)
}

// Remove deletes the document on a path, or those that match a pattern, and
// returns how many there were; none is no error. The removal is published on
// the path or pattern as given.
func (c *Client) Remove(ctx context.Context, pattern string, o *RemoveOptions) (int64, error) {
	if pattern == "" {
		return 0, fmt.Errorf("remove: %w", errNoPath)
	}
	if o == nil {
		o = &RemoveOptions{}
	}
	w := writeWire{Criteria: o.Criteria}
	o.fill(&w)
	options, err := w.encode()
	if err != nil {
		return 0, fmt.Errorf("remove %s: %w", pattern, err)
	}
	req := &request{action: "remove", path: pattern, options: options, writes: true}
	doc, failure := c.write(ctx, req, &o.PublishOptions)
	if doc == nil {
		return 0, failure
	}
	var answer struct {
		Removed int64 `json:"removed"`
	}
	if err = json.Unmarshal(doc.Data, &answer); err != nil {
		return 0, fmt.Errorf("remove %s: answer cannot be read: %w", pattern, err)
	}
	return answer.Removed, failure
}
