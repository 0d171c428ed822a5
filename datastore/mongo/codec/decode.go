package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Decode returns the happn document of a BSON document, whoever wrote it. What
// is missing is zero; data that is not an object is wrapped as {"value": data},
// as happn-3 does. It keeps nothing of raw.
func Decode(raw []byte) (*datastore.Document, error) {
	doc, data, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if data.Type == 0 {
		doc.Data = []byte("{}")
		return doc, nil
	}
	if doc.Data, err = decodeData(data); err != nil {
		return nil, fmt.Errorf("the data at %q cannot be read: %w", doc.Path, err)
	}
	return doc, nil
}

// DecodeHead is Decode without the data, for who knows them or needs none.
func DecodeHead(raw []byte) (*datastore.Document, error) {
	doc, _, err := decode(raw)
	return doc, err
}

// decode returns the data, which belong to raw, by themselves; they have no type
// if there are none.
func decode(raw []byte) (doc *datastore.Document, data bsoncore.Value, err error) {
	doc = new(datastore.Document)
	w := walkThrough(raw)
	for name, v, ok := w.next(); ok; name, v, ok = w.next() {
		switch string(name) {
		case Path:
			doc.Path = textOf(v)
		case Data:
			data = v
		case Created:
			doc.Created = milliseconds(v)
		case Modified:
			doc.Modified = milliseconds(v)
		case ModifiedBy:
			doc.ModifiedBy = textOf(v)
		case Tag:
			doc.Tag = textOf(v)
		}
	}
	if w.err != nil {
		return nil, data, fmt.Errorf("a document in the collection cannot be read: %w", w.err)
	}
	return doc, data, nil
}

// textOf is the text of a value, "" of what is none.
func textOf(v bsoncore.Value) string {
	t, _ := text(v)
	return string(t)
}

func decodeData(v bsoncore.Value) ([]byte, error) {
	// As JSON it takes about as much.
	data, err := AppendJSON(make([]byte, 0, len(v.Data)+16), byte(v.Type), v.Data)
	if err != nil || rawjson.IsObject(data) {
		return data, err
	}
	if rawjson.IsNull(data) {
		return []byte("{}"), nil
	}
	return append(append([]byte(`{"value":`), data...), '}'), nil
}

// milliseconds reads a Unix time: a number, or a date.
func milliseconds(v bsoncore.Value) int64 {
	if ms, ok := v.DateTimeOK(); ok {
		return ms
	}
	if f, ok := v.DoubleOK(); ok {
		if f >= -maxExact && f <= maxExact {
			return int64(f)
		}
		return 0
	}
	ms, _ := v.AsInt64OK()
	return ms
}

// AppendJSON appends a BSON value as JSON. Values of types that JSON does not
// have are written as JSON.stringify writes what happn-3 reads: dates as ISO
// text, object ids as hexadecimal and binary as base64 text.
func AppendJSON(dst []byte, typ byte, value []byte) ([]byte, error) {
	return appendJSON(dst, bsoncore.Value{Type: bsoncore.Type(typ), Data: value}, 0)
}

// maxReadDepth bounds the nesting of what is read, whoever wrote it. Servers
// hold documents to 100 levels.
const maxReadDepth = 200

func appendJSON(dst []byte, v bsoncore.Value, depth int) ([]byte, error) {
	if depth > maxReadDepth {
		return dst, fmt.Errorf("it nests more than %d levels deep", maxReadDepth)
	}
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		if doc, ok := v.DocumentOK(); ok {
			return appendMembers(dst, doc, depth)
		}
	case bsoncore.TypeArray:
		if array, ok := v.ArrayOK(); ok {
			return appendElements(dst, array, depth)
		}
	default:
		if out, ok := appendScalar(dst, v); ok {
			return out, nil
		}
	}
	return dst, fmt.Errorf("a value of BSON type %s is cut short or not as its length says", v.Type)
}

// appendScalar reports false for a value that is not whole: that the lengths of
// a document add up says nothing about what stands inside its values.
func appendScalar(dst []byte, v bsoncore.Value) ([]byte, bool) {
	switch v.Type {
	case bsoncore.TypeString:
		t, ok := text(v)
		return appendText(dst, t), ok
	case bsoncore.TypeInt32:
		n, ok := v.Int32OK()
		return strconv.AppendInt(dst, int64(n), 10), ok
	case bsoncore.TypeInt64:
		n, ok := v.Int64OK()
		return strconv.AppendInt(dst, n, 10), ok
	case bsoncore.TypeDouble:
		f, ok := v.DoubleOK()
		return appendDouble(dst, f), ok
	case bsoncore.TypeDecimal128:
		high, low, ok := v.Decimal128OK()
		return appendDecimal(dst, high, low), ok
	case bsoncore.TypeBoolean:
		is, ok := v.BooleanOK()
		return strconv.AppendBool(dst, is), ok
	}
	return appendForeign(dst, v)
}

// appendForeign writes types that no happn client can have stored.
func appendForeign(dst []byte, v bsoncore.Value) ([]byte, bool) {
	switch v.Type {
	case bsoncore.TypeDateTime:
		ms, ok := v.DateTimeOK()
		return appendDate(dst, ms), ok
	case bsoncore.TypeObjectID:
		id, ok := v.ObjectIDOK()
		return appendText(dst, hex.EncodeToString(id[:])), ok
	case bsoncore.TypeBinary:
		_, data, ok := v.BinaryOK()
		return appendText(dst, base64.StdEncoding.EncodeToString(data)), ok
	case bsoncore.TypeRegex:
		pattern, options, ok := v.RegexOK()
		return appendText(dst, "/"+pattern+"/"+options), ok
	case bsoncore.TypeTimestamp:
		seconds, count, ok := v.TimestampOK()
		return strconv.AppendUint(dst, uint64(seconds)<<32|uint64(count), 10), ok
	case bsoncore.TypeSymbol:
		text, ok := v.SymbolOK()
		return appendText(dst, text), ok
	case bsoncore.TypeJavaScript:
		code, ok := v.JavaScriptOK()
		return appendText(dst, code), ok
	case bsoncore.TypeCodeWithScope:
		code, _, ok := v.CodeWithScopeOK()
		return appendText(dst, code), ok
	}
	return append(dst, "null"...), true // null, undefined, the smallest and the largest key
}

// appendDate writes a date as JSON.stringify does; one that JavaScript does not
// have is null there.
func appendDate(dst []byte, ms int64) []byte {
	const limit = 8_640_000_000_000_000
	if ms < -limit || ms > limit {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(ms).UTC()
	switch year := t.Year(); {
	case year < 0:
		return append(dst, fmt.Sprintf(`"-%06d`, -year)+t.Format(`-01-02T15:04:05.000Z"`)...)
	case year > 9999:
		return append(dst, fmt.Sprintf(`"+%06d`, year)+t.Format(`-01-02T15:04:05.000Z"`)...)
	}
	return t.AppendFormat(dst, `"2006-01-02T15:04:05.000Z"`)
}

func appendText[T string | []byte](dst []byte, s T) []byte { return rawjson.AppendString(dst, s) }

func appendMembers(dst []byte, doc bsoncore.Document, depth int) ([]byte, error) {
	if number, ok := numberIn(doc); ok {
		return append(dst, number...), nil
	}
	dst = append(dst, '{')
	first := len(dst)
	w := walkThrough(doc)
	for name, v, ok := w.next(); ok; name, v, ok = w.next() {
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = append(appendName(dst, name), ':')
		var err error
		if dst, err = appendJSON(dst, v, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), w.err
}

// numberIn returns the number that a document stands for, see appendNumber.
func numberIn(doc bsoncore.Document) ([]byte, bool) {
	w := walkThrough(doc)
	name, v, ok := w.next()
	if !ok || string(name) != numberName || len(w.rest) > 0 {
		return nil, false
	}
	number, ok := text(v)
	return number, ok && isNumber(number)
}

// appendName appends the name of a member as it was before EscapeName.
func appendName(dst, stored []byte) []byte {
	if !bytes.HasPrefix(stored, []byte(marker)) {
		return appendText(dst, stored)
	}
	return appendText(dst, UnescapeName(string(stored)))
}

func appendElements(dst []byte, array bsoncore.Array, depth int) ([]byte, error) {
	dst = append(dst, '[')
	first := len(dst)
	w := walkThrough(array)
	for _, v, ok := w.next(); ok; _, v, ok = w.next() {
		if len(dst) > first {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSON(dst, v, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), w.err
}

// isNumber reports whether the text is a JSON number.
func isNumber(text []byte) bool {
	return len(text) > 0 && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') &&
		len(text) < math.MaxInt32 && new(rawjson.Scanner).Valid(text) == nil
}
