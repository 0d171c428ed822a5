package match

import (
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

var (
	_ datastore.Bounded = (*Filter)(nil)
	_ datastore.Keyed   = (*Order)(nil)
	_ datastore.Sorter  = (*Order)(nil)
)

// maxIntervals bounds the intervals of one bound: a longer list is left to the
// matcher.
const maxIntervals = 256

// Bounds implements datastore.Bounded: it tells of equality, comparisons and
// $in, by themselves or joined by $and.
func (f *Filter) Bounds() (bounds []datastore.Bound, exact bool) {
	if f == nil {
		return nil, true
	}
	root := &f.group.root
	if root.op != all {
		b, ok := f.group.bound(root)
		if !ok {
			return nil, false
		}
		return []datastore.Bound{b}, true
	}
	exact = true
	for i := range root.kids {
		b, ok := f.group.bound(&root.kids[i])
		if ok {
			bounds = append(bounds, b)
		}
		exact = exact && ok
	}
	return bounds, exact
}

// bound tells what one node demands of its field, if that can be told.
func (g *group) bound(n *node) (b datastore.Bound, ok bool) {
	if n.op != field || n.whole || n.from == fromNowhere {
		return b, false
	}
	if b.Intervals, ok = intervals(n.test); !ok {
		return b, false
	}
	b.Field = g.fieldName(n)
	return b, true
}

// fieldName is the translated name of the field that the node reads.
func (g *group) fieldName(n *node) string {
	switch n.from {
	case fromPath:
		return "path"
	case fromCreated:
		return "created"
	case fromModified:
		return "modified"
	case fromModifiedBy:
		return "modifiedBy"
	}
	if len(n.path) == 0 {
		return "data." + g.names[n.slot]
	}
	var name strings.Builder
	name.WriteString("data.")
	name.WriteString(g.names[n.slot])
	for _, s := range n.path {
		name.WriteByte('.')
		name.WriteString(s.name)
	}
	return name.String()
}

// intervals returns the values for which a test holds.
func intervals(t test) ([]datastore.Interval, bool) {
	switch t := t.(type) {
	case equalText:
		return points(textValue(t.want))
	case isNull:
		return points(value{kind: null})
	case equalValue:
		return points(t.want)
	case ordered:
		return t.intervals()
	case listed:
		want := t.want
		if len(want) >= maxIntervals {
			return nil, false
		}
		if t.null {
			want = append([]value{{kind: null}}, want...)
		}
		return points(want...)
	case never:
		return nil, true
	}
	return nil, false
}

// points returns an interval for each value.
func points(values ...value) ([]datastore.Interval, bool) {
	out := make([]datastore.Interval, len(values))
	for i, v := range values {
		if v.kind == array {
			return nil, false
		}
		raw := v.json()
		out[i] = datastore.Interval{Low: raw, High: raw}
	}
	return out, true
}

func (t ordered) intervals() ([]datastore.Interval, bool) {
	if t.bound.kind == array {
		return nil, false
	}
	at := t.bound.json()
	if t.before {
		return []datastore.Interval{{High: at, HighOpen: !t.equal}}, true
	}
	return []datastore.Interval{{Low: at, LowOpen: !t.equal}}, true
}

// json returns the value as raw JSON.
func (v value) json() []byte {
	switch {
	case v.kind <= null:
		return []byte("null")
	case v.kind == text && v.plain:
		return rawjson.AppendString(make([]byte, 0, len(v.raw)+2), v.raw)
	}
	return v.raw
}

// Keys implements datastore.Keyed.
func (o *Order) Keys() []datastore.IndexField {
	if o == nil {
		return nil
	}
	keys := make([]datastore.IndexField, len(o.fields))
	for i, f := range o.fields {
		keys[i] = datastore.IndexField{Name: f.name, Descending: f.desc}
		if f.by != nil {
			keys[i].Name = "" // no index has it: indexes know nothing of collations
		}
	}
	return keys
}

// Collect implements datastore.Sorter: it is Top.
func (o *Order) Collect(n int) datastore.Collector { return o.Top(n) }
