package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Query narrows, orders and shortens what Get, GetAll, GetPaths, Count and
// Remove see. The zero value, like nil, asks for everything.
type Query struct {
	// Criteria is a filter in the manner of MongoDB, anything that marshals
	// to a JSON object, such as map[string]any{"age": map[string]any{"$gte": 18}}.
	Criteria any

	// Fields are the names of the fields wanted; none means all.
	Fields []string

	// Sort orders by the first field, then the next. Empty: by path.
	Sort []Order

	// Skip leaves out so many documents, then Limit bounds how many are
	// returned; 0 is no bound.
	Limit int
	Skip  int

	// Archive is the id of an archive to search instead of the store; 0 is none.
	Archive int64

	// OnBehalfOf runs the request as another user, for delegates.
	OnBehalfOf string
}

// Order is one field of a sort.
type Order struct {
	Field      string
	Descending bool
}

// Asc sorts by a field in ascending order.
func Asc(field string) Order { return Order{Field: field} }

// Desc sorts by a field in descending order.
func Desc(field string) Order { return Order{Field: field, Descending: true} }

// queryWire is a query's place on the wire: paging only counts in the nested
// options, criteria only outside of them.
type queryWire struct {
	Criteria   any             `json:"criteria,omitempty"`
	Fields     json.RawMessage `json:"fields,omitempty"`
	OnBehalfOf string          `json:"onBehalfOf,omitempty"`
	Options    *nestedWire     `json:"options,omitempty"`
}

type nestedWire struct {
	Sort     json.RawMessage `json:"sort,omitempty"`
	Limit    int             `json:"limit,omitempty"`
	Skip     int             `json:"skip,omitempty"`
	PathOnly bool            `json:"path_only,omitempty"`
	Archive  int64           `json:"archiveId,omitempty"`
}

// encode returns the options member of the request, nil for none.
func (q *Query) encode(pathOnly bool) ([]byte, error) {
	if q == nil {
		q = &Query{}
	}
	nested := nestedWire{Limit: q.Limit, Skip: q.Skip, PathOnly: pathOnly, Archive: q.Archive}
	wire := queryWire{Criteria: q.Criteria, OnBehalfOf: q.OnBehalfOf}
	if len(q.Sort) > 0 {
		nested.Sort = orderedObject(len(q.Sort), func(i int) (string, int) {
			if q.Sort[i].Descending {
				return q.Sort[i].Field, -1
			}
			return q.Sort[i].Field, 1
		})
	}
	if len(q.Fields) > 0 {
		wire.Fields = orderedObject(len(q.Fields), func(i int) (string, int) { return q.Fields[i], 1 })
	}
	if nested.Sort != nil || nested.Limit != 0 || nested.Skip != 0 || nested.PathOnly || nested.Archive != 0 {
		wire.Options = &nested
	}
	if wire.Criteria == nil && wire.Fields == nil && wire.OnBehalfOf == "" && wire.Options == nil {
		return nil, nil
	}
	raw, err := json.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return raw, nil
}

// orderedObject writes an object of numbers in the given order of keys, which
// a Go map would lose.
func orderedObject(n int, member func(i int) (string, int)) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		key, value := member(i)
		quoted, _ := json.Marshal(key) // a string always marshals
		b.Write(quoted)
		fmt.Fprintf(&b, ":%d", value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// wildcard reports whether a document path is a pattern.
func wildcard(path string) bool { return strings.Contains(path, "*") }

// matches is the matching of document paths: * is any text, slashes included.
func matches(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == path
	}
	if !strings.HasPrefix(path, parts[0]) {
		return false
	}
	path = path[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(path, part)
		if i < 0 {
			return false
		}
		path = path[i+len(part):]
	}
	return strings.HasSuffix(path, last)
}
