package match

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of what a document may put into an index.
const (
	// MaxIndexKeyBytes is the size of one key.
	MaxIndexKeyBytes = 1 << 10
	// MaxIndexKeys is the number of keys that the elements of an array make.
	MaxIndexKeys = 1 << 12
)

// IndexKeys makes the keys of documents in an index: texts whose order, byte
// by byte, is MongoDB's order of the fields' values, and of which none is the
// beginning of another. It is immutable and safe for concurrent use.
type IndexKeys struct{ fields []indexField }

type indexField struct {
	from source
	path []segment
	desc bool
}

// CompileIndexKeys returns the keys for an index on these fields.
func CompileIndexKeys(fields []datastore.IndexField) (*IndexKeys, error) {
	x := &IndexKeys{}
	if len(fields) == 0 || len(fields) > maxOrderFields {
		return nil, fmt.Errorf("an index has 1 to %d fields, this one has %d", maxOrderFields, len(fields))
	}
	for i, f := range fields {
		from, full, within := translate(f.Name)
		switch {
		case f.Name == "" || f.Name[0] == '$' || from == fromNowhere || strings.Count(within, ".") >= maxSegments:
			return nil, fmt.Errorf("%q cannot be a field of an index", f.Name)
		case full != f.Name:
			return nil, fmt.Errorf("the field %q of an index is written %q", f.Name, full)
		case slices.ContainsFunc(fields[:i], func(g datastore.IndexField) bool { return g.Name == f.Name }):
			return nil, fmt.Errorf("the field %q comes twice in an index", f.Name)
		}
		path, _ := segments(within)
		x.fields = append(x.fields, indexField{from: from, path: path, desc: f.Descending})
	}
	return x, nil
}

// Append appends the document's keys, of which there is at least one. arrays
// says that an array had to do with it: then a sort key is not told by the
// keys. ok is false, and nothing appended, if the document has no keys because
// two of the fields are arrays, or they are too many or too long.
func (x *IndexKeys) Append(dst []string, doc *datastore.Document) (keys []string, arrays, ok bool) {
	var space [128]byte
	key := space[:0]
	for i := range x.fields {
		f := &x.fields[i]
		v, plain := f.value(doc)
		if !plain {
			return x.appendMany(dst, doc)
		}
		if key = appendDirected(key, v, f.desc); len(key) > MaxIndexKeyBytes {
			return dst, false, false
		}
	}
	return append(dst, string(key)), false, true
}

// appendMany is Append for a document with an array.
func (x *IndexKeys) appendMany(dst []string, doc *datastore.Document) (keys []string, arrays, ok bool) {
	made := []string{""}
	for i := range x.fields {
		f := &x.fields[i]
		values := f.values(doc)
		if len(values) > 1 && len(made) > 1 || len(values) > MaxIndexKeys {
			return dst, true, false
		}
		longer := make([]string, 0, len(made)*len(values))
		for _, prefix := range made {
			for _, v := range values {
				longer = append(longer, string(appendDirected([]byte(prefix), v, f.desc)))
			}
		}
		slices.Sort(longer)
		made = slices.Compact(longer)
	}
	for _, key := range made {
		if len(key) > MaxIndexKeyBytes {
			return dst, true, false
		}
	}
	return append(dst, made...), true, true
}

// value returns the field's value; plain is false if that takes an array.
func (f *indexField) value(doc *datastore.Document) (v value, plain bool) {
	if f.from != fromData {
		return orNull(metaValue(doc, f.from)), true
	}
	raw := doc.Data
	for _, s := range f.path {
		if len(raw) == 0 || raw[0] != '{' {
			return value{kind: null}, len(raw) == 0 || raw[0] != '['
		}
		raw = lookup(raw, s.name)
	}
	v = orNull(valueOf(raw))
	return v, v.kind != array
}

// orNull turns what is not there into null.
func orNull(v value) value {
	if v.kind == undefined {
		v.kind = null
	}
	return v
}

// values returns all values that the field may have for a criterion, and at
// least one.
func (f *indexField) values(doc *datastore.Document) []value {
	if v, plain := f.value(doc); plain {
		return []value{v}
	}
	out := reach(nil, doc.Data, f.path)
	if len(out) == 0 {
		out = append(out, value{})
	}
	return out
}

// reach collects what path leads to, through arrays as anyHolds goes. Of an
// array at the end it takes the elements: no bound asks for whole arrays.
func reach(dst []value, raw []byte, path []segment) []value {
	for len(path) > 0 {
		switch {
		case len(raw) > 0 && raw[0] == '{':
			raw = lookup(raw, path[0].name)
			path = path[1:]
		case len(raw) > 0 && raw[0] == '[':
			at := 0
			for elem := range rawjson.Elements(raw) {
				if elem[0] == '{' {
					dst = reach(dst, elem, path)
				}
				if at == path[0].index {
					dst = reach(dst, elem, path[1:])
				}
				at++
			}
			return dst
		default:
			return append(dst, value{kind: null})
		}
	}
	if len(raw) == 0 || raw[0] != '[' {
		return append(dst, orNull(valueOf(raw)))
	}
	for elem := range rawjson.Elements(raw) {
		dst = append(dst, valueOf(elem))
	}
	return dst
}

// Range returns the first key, and the one behind the last, of documents whose
// keys begin with prefix, which ends with a field, and whose next field, the
// one with this number, lies in the interval. An empty interval gives
// high <= low.
func (x *IndexKeys) Range(prefix string, number int, in datastore.Interval) (low, high string) {
	lowest, highest := in.Low, in.High
	lowOpen, highOpen := in.LowOpen, in.HighOpen
	if x.fields[number].desc {
		lowest, highest, lowOpen, highOpen = highest, lowest, highOpen, lowOpen
	}
	first := x.end(prefix, number, lowest, highest)
	last := x.end(prefix, number, highest, lowest)
	if lowest != nil && lowOpen {
		first = After(first)
	}
	if highest == nil || !highOpen {
		last = After(last)
	}
	return first, last
}

// end returns the beginning of the keys with this value, or with any value of
// the type that the other end has.
func (x *IndexKeys) end(prefix string, number int, raw, other []byte) string {
	desc := x.fields[number].desc
	if raw != nil {
		return string(appendDirected([]byte(prefix), valueOf(raw), desc))
	}
	kind := kindByte(valueOf(other).kind)
	if desc {
		kind = ^kind
	}
	return prefix + string([]byte{kind})
}

// After returns the first text behind all those that begin with key, which
// must not consist of bytes 0xff only.
func After(key string) string {
	b := []byte(key)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return string(b[:i+1])
		}
	}
	return ""
}

// appendDirected appends a value's part of a key.
func appendDirected(dst []byte, v value, desc bool) []byte {
	from := len(dst)
	dst = appendKey(dst, v)
	if desc {
		for i := range dst[from:] {
			dst[from+i] ^= 0xff
		}
	}
	return dst
}

// kindByte never is 0, which ends objects and arrays and is before every key.
func kindByte(k kind) byte { return byte(k) + 1 }

func appendKey(dst []byte, v value) []byte {
	dst = append(dst, kindByte(v.kind))
	switch v.kind {
	case number:
		var space [20]byte
		dst = appendNumberKey(dst, v.decimal(space[:0]))
	case text:
		dst = appendTextKey(dst, v.text())
	case boolean:
		dst = append(dst, byte(v.n))
	case object:
		for name, val := range rawjson.Members(v.raw) {
			m := valueOf(val)
			dst = append(dst, kindByte(m.kind))
			dst = appendKey(appendTextKey(dst, name), m)
		}
		dst = append(dst, 0)
	case array:
		for elem := range rawjson.Elements(v.raw) {
			dst = appendKey(dst, valueOf(elem))
		}
		dst = append(dst, 0)
	}
	return dst
}

// appendTextKey ends a text with 0, 1; a 0 in it becomes 0, 0xff.
func appendTextKey(dst, plain []byte) []byte {
	for {
		i := bytes.IndexByte(plain, 0)
		if i < 0 {
			return append(append(dst, plain...), 0, 1)
		}
		dst = append(append(dst, plain[:i]...), 0, 0xff)
		plain = plain[i+1:]
	}
}

// appendNumberKey writes a decimal as its sign, its exponent and its digits, two
// to a byte; of a negative number the last two are inverted.
func appendNumberKey(dst, raw []byte) []byte {
	neg := raw[0] == '-'
	if neg {
		raw = raw[1:]
	}
	exp, digits := normal(raw)
	if len(digits) == 0 {
		return append(dst, 2)
	}
	if neg {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 3)
	}
	from := len(dst)
	dst = appendExponent(dst, exp)
	for pair := byte(0); len(digits) > 0; {
		if pair, digits = nextPair(digits); pair > 0 || len(digits) > 0 {
			dst = append(dst, pair+2)
		}
	}
	dst = append(dst, 1)
	if neg {
		for i := range dst[from:] {
			dst[from+i] ^= 0xff
		}
	}
	return dst
}

// normal returns the digits of an unsigned decimal, possibly with the point
// among them, from the first to the last that is not 0, and the exponent that
// they have behind "0.".
func normal(raw []byte) (exp int64, digits []byte) {
	digits = raw
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		digits, exp = raw[:i], exponent(raw[i+1:])
	}
	point := bytes.IndexByte(digits, '.')
	if point < 0 {
		point = len(digits)
	} else {
		digits = bytes.TrimRight(digits, "0")
	}
	digits = bytes.TrimRight(digits, ".")
	kept := bytes.TrimLeft(digits, "0.")
	first := len(digits) - len(kept)
	exp += int64(point - first)
	if first > point {
		exp++ // the point itself is not a digit
	}
	return exp, bytes.TrimRight(kept, "0")
}

// exponent reads an exponent; those that are out of all reason count as one
// that is.
func exponent(raw []byte) int64 {
	const most = 1 << 60
	neg := raw[0] == '-'
	var n int64
	for _, c := range bytes.TrimLeft(raw, "+-") {
		if n = n*10 + int64(c-'0'); n > most {
			n = most
			break
		}
	}
	if neg {
		return -n
	}
	return n
}

// nextPair takes two digits off the front; what is missing is 0.
func nextPair(digits []byte) (pair byte, rest []byte) {
	for range 2 {
		if len(digits) > 0 && digits[0] == '.' {
			digits = digits[1:]
		}
		pair *= 10
		if len(digits) > 0 {
			pair += digits[0] - '0'
			digits = digits[1:]
		}
	}
	return pair, digits
}

// appendExponent writes small exponents as one byte.
func appendExponent(dst []byte, exp int64) []byte {
	switch {
	case exp > 60:
		return binary.BigEndian.AppendUint64(append(dst, 0xc0), uint64(exp))
	case exp < -60:
		return binary.BigEndian.AppendUint64(append(dst, 0x40), uint64(exp)^(1<<63))
	}
	return append(dst, byte(0x80+exp))
}
