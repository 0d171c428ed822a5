package expr

import (
	"bytes"
	"iter"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Kind is the type of a value. The order is the one in which MongoDB sorts types.
type Kind uint8

// The kinds of value.
const (
	Missing Kind = iota // not there
	Null
	Number
	Text
	Object
	Array
	Boolean
	Date
)

// String names the kind as $type does.
func (k Kind) String() string {
	return [...]string{"missing", "null", "number", "string", "object", "array", "bool", "date"}[k]
}

// form says how a value is kept.
type form uint8

const (
	asJSON  form = iota // raw is JSON text
	asText              // Text: raw is the text itself
	asInt               // Number, Boolean, Date: n
	asFloat             // Number: n holds the bits of a float64
	asParts             // Object, Array: parts, and n is Size
)

// Value is a JSON value, or a date. The zero Value is Missing. Values are
// immutable; one made of JSON text aliases that text.
type Value struct {
	kind  Kind
	form  form
	n     int64
	raw   []byte
	parts []Member
}

// Member is a member of an object; in an array it has no name.
type Member struct {
	Name  string
	Value Value
}

// FromJSON returns the value that JSON text, valid and without white space
// around it, stands for. It looks at the first byte only; no text at all is
// Missing. The text is borrowed.
func FromJSON(raw []byte) Value {
	if len(raw) == 0 {
		return Value{}
	}
	switch raw[0] {
	case '"':
		if len(raw) < 2 {
			return Value{}
		}
		return Value{kind: Text, raw: raw}
	case '{':
		return Value{kind: Object, raw: raw}
	case '[':
		return Value{kind: Array, raw: raw}
	case 't':
		return BoolValue(true)
	case 'f':
		return BoolValue(false)
	case 'n':
		return NullValue()
	}
	return Value{kind: Number, raw: raw}
}

// NullValue returns null.
func NullValue() Value { return Value{kind: Null} }

// TextValue returns a text.
func TextValue[T ~string | ~[]byte](s T) Value {
	return Value{kind: Text, form: asText, raw: []byte(s)}
}

// IntValue returns a whole number.
func IntValue(n int64) Value { return Value{kind: Number, form: asInt, n: n} }

// BoolValue returns true or false.
func BoolValue(b bool) Value {
	v := Value{kind: Boolean, form: asInt}
	if b {
		v.n = 1
	}
	return v
}

// DateValue returns a date; ms is Unix time in milliseconds.
func DateValue(ms int64) Value { return Value{kind: Date, form: asInt, n: ms} }

// ObjectValue returns an object, which keeps members.
func ObjectValue(members []Member) Value {
	return made(Object, members)
}

// ArrayValue returns an array of values.
func ArrayValue(values ...Value) Value {
	parts := make([]Member, len(values))
	for i, v := range values {
		parts[i].Value = v
	}
	return made(Array, parts)
}

// made puts parts together and adds up their sizes. A part that is in a value
// many times counts many times: as text it is that long.
func made(kind Kind, parts []Member) Value {
	size := int64(8)
	for i := range parts {
		size += int64(len(parts[i].Name) + partSize + parts[i].Value.Size())
	}
	return Value{kind: kind, form: asParts, n: min(size, maxSize), parts: parts}
}

const (
	maxSize  = 1 << 40
	partSize = 64 // bytes of a part beside its name and value, more or less
)

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNullish reports whether the value is null or missing.
func (v Value) IsNullish() bool { return v.kind <= Null }

// Truthy reports whether the value counts as true: everything but false, 0,
// null and what is missing.
func (v Value) Truthy() bool {
	switch v.kind {
	case Missing, Null:
		return false
	case Boolean:
		return v.n == 1
	case Number:
		return v.Float() != 0
	}
	return true
}

// Text returns the text of a Text, and nil of anything else. It may alias the
// document and must not be changed.
func (v Value) Text() []byte {
	switch {
	case v.kind != Text:
		return nil
	case v.form == asText:
		return v.raw
	}
	return rawjson.Unquote(v.raw)
}

// Members yields the members of an object in their order.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.kind != Object {
			return
		}
		for i := range v.parts {
			if !yield(v.parts[i].Name, v.parts[i].Value) {
				return
			}
		}
		for i := 1; v.form == asJSON; {
			var name, val []byte
			if name, val, i = rawjson.NextMember(v.raw, i); i < 0 || !yield(string(rawjson.Name(name)), FromJSON(val)) {
				return
			}
		}
	}
}

// Elements yields the elements of an array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.kind != Array {
			return
		}
		for i := range v.parts {
			if !yield(v.parts[i].Value) {
				return
			}
		}
		for i := 1; v.form == asJSON; {
			var elem []byte
			if elem, i = rawjson.NextElement(v.raw, i); i < 0 || !yield(FromJSON(elem)) {
				return
			}
		}
	}
}

// Get returns a member of an object; Missing without one. Of several with the
// same name the last one counts, as it does to JSON.parse.
func (v Value) Get(name string) Value {
	if v.kind != Object {
		return Value{}
	}
	if v.form == asParts {
		for i := len(v.parts) - 1; i >= 0; i-- {
			if v.parts[i].Name == name {
				return v.parts[i].Value
			}
		}
		return Value{}
	}
	var found []byte
	for i := 1; ; {
		var key, val []byte
		if key, val, i = rawjson.NextMember(v.raw, i); i < 0 {
			return FromJSON(found)
		}
		if string(key) == name || (bytes.IndexByte(key, '\\') >= 0 && string(rawjson.Name(key)) == name) {
			found = val
		}
	}
}

// Len returns the number of elements or members.
func (v Value) Len() int {
	if v.form == asParts {
		return len(v.parts)
	}
	n := 0
	for range v.Elements() {
		n++
	}
	for range v.Members() {
		n++
	}
	return n
}

// list returns the elements of an array, in memory that nobody else has.
func (v Value) list() []Value {
	var out []Value
	if v.form == asParts {
		out = make([]Value, 0, len(v.parts))
	}
	for elem := range v.Elements() {
		out = append(out, elem)
	}
	return out
}

// Size estimates the bytes of memory, or of text, that the value stands for.
func (v Value) Size() int {
	if v.form == asParts {
		return int(v.n)
	}
	return len(v.raw) + 8
}

// JSON returns the text that the value was made of, nil if it was made
// otherwise. It must not be changed.
func (v Value) JSON() []byte {
	if v.form != asJSON || v.kind == Missing || v.kind == Null {
		return nil
	}
	return v.raw
}

// AppendJSON appends the value as JSON text. What is missing becomes null, as
// do numbers that JSON does not have.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Missing, Null:
		return append(dst, "null"...)
	case Boolean:
		return strconv.AppendBool(dst, v.n == 1)
	case Date:
		return append(append(append(dst, '"'), isoDate(v.n)...), '"')
	}
	switch v.form {
	case asJSON:
		return append(dst, v.raw...)
	case asText:
		return rawjson.AppendString(dst, v.raw)
	case asInt:
		return strconv.AppendInt(dst, v.n, 10)
	case asFloat:
		return appendFloat(dst, v.Float())
	}
	open, end := byte('['), byte(']')
	if v.kind == Object {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i := range v.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind == Object {
			dst = append(rawjson.AppendString(dst, v.parts[i].Name), ':')
		}
		dst = v.parts[i].Value.AppendJSON(dst)
	}
	return append(dst, end)
}
