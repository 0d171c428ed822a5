package mongo

import (
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// native is a filter or an order that tells whether MongoDB understands its
// source as it does.
type native interface{ Native() bool }

// collated is a filter that tells whether it compares texts by a collation.
type collated interface {
	Collated() bool
	// NativeBy is Native for a server that has the collation.
	NativeBy() bool
	// Resembling returns a regular expression that finds all texts that are equal
	// to this one by the collation, and others.
	Resembling(text []byte) (expression string, known bool)
}

// criteria returns what of a filter the server can be asked, nil if nothing.
// whole says that it is the filter: no other document matches. Otherwise it is
// true for at least all that match. byServer says that the server
// compares texts by the filter's collation.
func criteria(f datastore.Filter, byServer bool) (pushed bson.D, whole bool) {
	if f == nil {
		return nil, true
	}
	if c, ok := f.(datastore.Conjunct); ok {
		parts, exact := c.Parts()
		pushed, whole = together(parts, byServer)
		return pushed, whole && exact
	}
	n, ok := f.(native)
	if !ok {
		return nil, false
	}
	t := translator{}
	c, ok := f.(collated)
	if ok = ok && c.Collated(); ok && !byServer {
		t.by = c
	}
	pushed, whole = t.conjunction(f.Source())
	return pushed, whole && (n.Native() || ok && byServer && c.NativeBy())
}

// together is the criteria of several filters, all of which hold.
func together(filters []datastore.Filter, byServer bool) (bson.D, bool) {
	var parts bson.A
	whole := true
	for _, f := range filters {
		part, all := criteria(f, byServer)
		whole = whole && all
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	return joined(parts), whole
}

// joined is criteria all of which hold, nil for none.
func joined(parts bson.A) bson.D {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0].(bson.D)
	}
	return bson.D{{Key: "$and", Value: parts}}
}

// translator translates criteria.
type translator struct {
	// by, unless nil, compares texts: by a collation, which the server could only
	// be given for the path as well. It is asked for those that resemble an equal
	// one, and what is said otherwise of texts is left out.
	by collated
}

// conjunction translates an object of criteria, all of which hold.
func (t translator) conjunction(raw []byte) (bson.D, bool) {
	var parts bson.A
	whole := true
	for name, value := range rawjson.Members(raw) {
		part, all := t.criterion(string(name), value)
		whole = whole && all
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	return joined(parts), whole
}

// criterion translates one member of criteria.
func (t translator) criterion(name string, value []byte) (bson.D, bool) {
	switch name {
	case "$and":
		return t.every(value)
	case "$or":
		return t.either(value, "$or", false)
	case "$nor":
		return t.either(value, "$nor", true)
	case "$comment":
		return nil, true
	}
	if strings.HasPrefix(name, "$") || !addressable(name) {
		return nil, false
	}
	tests, whole := t.fieldTests(value)
	if len(tests) == 0 {
		return nil, whole
	}
	return bson.D{{Key: name, Value: tests}}, whole
}

// addressable reports whether the server finds a field by this name as we do:
// each part is stored as it is, and none may be a place in an array.
func addressable(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if !codec.Plain(part) || part[0] >= '0' && part[0] <= '9' {
			return false
		}
	}
	return true
}

// every translates the array of $and.
func (t translator) every(raw []byte) (bson.D, bool) {
	var parts bson.A
	whole := true
	for element := range rawjson.Elements(raw) {
		part, all := t.conjunction(element)
		whole = whole && all
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return nil, whole
	}
	return bson.D{{Key: "$and", Value: parts}}, whole
}

// either translates the array of $or, or of $nor, which must be translated as
// a whole.
func (t translator) either(raw []byte, operator string, strict bool) (bson.D, bool) {
	var parts bson.A
	whole := true
	for element := range rawjson.Elements(raw) {
		part, all := t.conjunction(element)
		if len(part) == 0 || strict && !all {
			return nil, false // one that may match everything
		}
		whole = whole && all
		parts = append(parts, part)
	}
	return bson.D{{Key: operator, Value: parts}}, whole
}

// fieldTests translates what a field is compared with: a value, or an object of
// operators.
func (t translator) fieldTests(raw []byte) (bson.D, bool) {
	if !rawjson.IsObject(raw) {
		raw = append([]byte(`{"$eq":`), append(raw[:len(raw):len(raw)], '}')...)
	}
	var tests bson.D
	whole := true
	for name, arg := range rawjson.Members(raw) {
		if value, ok := t.operand(string(name), arg); ok {
			tests = append(tests, bson.E{Key: string(name), Value: value})
			continue
		}
		whole = false
		if value, ok := t.resembling(string(name), arg); ok && !slices.ContainsFunc(tests, isIn) {
			tests = append(tests, bson.E{Key: "$in", Value: value})
		}
	}
	return tests, whole
}

func isIn(test bson.E) bool { return test.Key == "$in" }

// operand translates the argument of an operator; false leaves it to Match.
func (t translator) operand(name string, arg []byte) (any, bool) {
	switch name {
	case "$eq", "$ne":
		return t.scalar(arg)
	case "$gt", "$gte", "$lt", "$lte":
		if rawjson.IsString(arg) || isNumber(arg) {
			return t.scalar(arg)
		}
	case "$in", "$nin":
		return t.scalars(arg)
	case "$exists":
		switch string(arg) {
		case "true", "1":
			return true, true
		case "false", "0":
			return false, true
		}
	case "$not":
		if tests, whole := t.fieldTests(arg); rawjson.IsObject(arg) && whole && len(tests) > 0 {
			return tests, true
		}
	}
	return nil, false
}

// resembling translates equality with texts that are compared by a collation:
// what is returned for $in selects all that are equal, and others.
func (t translator) resembling(name string, arg []byte) (bson.A, bool) {
	switch {
	case t.by == nil:
		return nil, false
	case name == "$eq":
		value, ok := t.resembled(arg)
		return bson.A{value}, ok
	case name != "$in" || !rawjson.IsArray(arg):
		return nil, false
	}
	values := bson.A{}
	for element := range rawjson.Elements(arg) {
		value, ok := t.resembled(element)
		if !ok || len(values) == maxResembled {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// maxResembled bounds the expressions of one condition.
const maxResembled = 100

// resembled translates a scalar for $in, a text to an expression.
func (t translator) resembled(raw []byte) (any, bool) {
	if !rawjson.IsString(raw) {
		return t.scalar(raw)
	}
	expression, known := t.by.Resembling(rawjson.Unquote(raw))
	return bson.Regex{Pattern: expression}, known
}

// scalars translates an array of scalars.
func (t translator) scalars(raw []byte) (any, bool) {
	if !rawjson.IsArray(raw) {
		return nil, false
	}
	values := bson.A{}
	for element := range rawjson.Elements(raw) {
		value, ok := t.scalar(element)
		if !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// scalar translates a text, a number, a truth value or null.
func (t translator) scalar(raw []byte) (any, bool) {
	if rawjson.IsObject(raw) || rawjson.IsArray(raw) || t.by != nil && rawjson.IsString(raw) {
		return nil, false
	}
	kind, value, err := codec.AppendValue(nil, raw)
	if err != nil || bson.Type(kind) == bson.TypeEmbeddedDocument {
		return nil, false
	}
	return bson.RawValue{Type: bson.Type(kind), Value: value}, true
}

func isNumber(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// byPath is the order of results that are asked for in no other.
func byPath() bson.D { return bson.D{{Key: codec.Path, Value: 1}} }

// sorting returns the sort for the server; false leaves it to Compare.
func sorting(o datastore.Order) (bson.D, bool) {
	if o == nil {
		return byPath(), true
	}
	if n, ok := o.(native); !ok || !n.Native() {
		return nil, false
	}
	keys, ok := sortKeys(o)
	if !ok {
		return nil, false
	}
	for i, key := range keys {
		if key.Key == codec.Path {
			return keys[:i+1], true // what comes after it never counts
		}
	}
	return append(keys, byPath()...), true
}

// sortKeys translates the fields of a sort; false if one cannot be addressed.
func sortKeys(o datastore.Order) (keys bson.D, ok bool) {
	for name, direction := range rawjson.Members(o.Source()) {
		if !addressable(string(name)) {
			return nil, false
		}
		way := 1
		if string(direction) == "-1" {
			way = -1
		}
		keys = append(keys, bson.E{Key: string(name), Value: way})
	}
	return keys, true
}

// window returns how many matches a query can need at most.
func window(q *datastore.Query) int {
	skip := max(0, q.Skip)
	if q.Limit <= 0 || q.Limit > math.MaxInt-skip {
		return math.MaxInt
	}
	return skip + q.Limit
}

// covers returns how many of n matches Skip and Limit leave.
func covers(q *datastore.Query, n int) int {
	n = max(0, n-max(0, q.Skip))
	switch {
	case q.Limit > 0:
		return min(n, q.Limit)
	case q.Limit < 0:
		return max(0, n+q.Limit)
	}
	return n
}
