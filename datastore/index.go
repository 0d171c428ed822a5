package datastore

import "strings"

// Index describes a secondary index: the documents on some paths in the order
// of some fields, for stores that keep such things themselves.
type Index struct {
	// Paths are the patterns (see Query.Pattern) of the documents in the
	// index; at least one. A query uses the index only if one of them covers
	// the query's whole pattern.
	Paths []string
	// Fields give the order, the first one counts most; at least one.
	Fields []IndexField
	// Unique lets no two documents in the index have the same values in all
	// fields. What is not there counts as null.
	Unique bool
}

// IndexField is one field of an index, or of a sort.
type IndexField struct {
	Name       string // as in Filter.Source: "data.region", "created"
	Descending bool
}

// String is the name of the index, in the manner of MongoDB: the fields within
// the data and their directions, as in region_1_age_-1.
func (x Index) String() string {
	var name strings.Builder
	for i, f := range x.Fields {
		if i > 0 {
			name.WriteByte('_')
		}
		name.WriteString(strings.TrimPrefix(f.Name, "data."))
		if f.Descending {
			name.WriteString("_-1")
		} else {
			name.WriteString("_1")
		}
	}
	return name.String()
}

// Bounded is a Filter that tells which values it asks for, so that a store can
// look only at documents that have them.
type Bounded interface {
	Filter
	// Bounds returns what every matching document satisfies, in no
	// particular order; none is nothing known. exact says that, apart from
	// arrays, no other document satisfies all of them, so that those need not
	// be matched any more.
	Bounds() (bounds []Bound, exact bool)
}

// Bound says that a field has a value in one of the intervals. In an array
// that may be any element, and a different one for another Bound of the field.
type Bound struct {
	Field     string // as in Filter.Source
	Intervals []Interval
}

// Interval is a range of values of one type, in MongoDB's order. What is not
// there counts as null. Low and High are raw JSON, never an array, and one of
// them may be nil: then it is the first, or last, value of the other's type.
type Interval struct {
	Low, High         []byte
	LowOpen, HighOpen bool // the end itself is not within
}

// Keyed is an Order that tells by which fields it sorts, as MongoDB does.
type Keyed interface {
	Order
	// Keys returns the fields, the first one counts most.
	Keys() []IndexField
}

// Conjunct is a Filter that is made of others, all of which must match.
type Conjunct interface {
	Filter
	// Parts returns them. exact says that every document that matches them all
	// matches the filter.
	Parts() (parts []Filter, exact bool)
}

// Selective is a Filter or an Order that tells what of a document it looks at.
type Selective interface {
	// Members returns the top-level members of the data; known is false if it
	// may look at any.
	Members() (names []string, known bool)
}

// MembersOf adds to names the members of the data that a Filter or an Order looks
// at; known is false if they are not known. Nothing looks at nothing.
func MembersOf(names []string, of any) (all []string, known bool) {
	if of == nil {
		return names, true
	}
	s, ok := of.(Selective)
	if !ok {
		return nil, false
	}
	its, known := s.Members()
	return append(names, its...), known
}
