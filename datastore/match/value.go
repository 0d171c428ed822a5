package match

import (
	"bytes"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// kind is the type of a value; no JSON value is a date.
type kind = expr.Kind

const (
	undefined = expr.Missing // not there
	null      = expr.Null
	number    = expr.Number
	text      = expr.Text
	object    = expr.Object
	array     = expr.Array
	boolean   = expr.Boolean
)

// value is a JSON value as it stands in a document, or one made of a field
// that a document keeps in another form.
type value struct {
	kind  kind
	plain bool   // text: raw is the text itself, without quotes and escapes
	small bool   // number: n is its value
	n     int64  // number that is small; boolean: 0 or 1
	raw   []byte // borrowed from the document
}

// valueOf looks at the first byte only. No text at all is undefined.
func valueOf(raw []byte) value {
	if len(raw) == 0 {
		return value{}
	}
	switch raw[0] {
	case '"':
		if len(raw) < 2 {
			return value{}
		}
		return value{kind: text, raw: raw}
	case '{':
		return value{kind: object, raw: raw}
	case '[':
		return value{kind: array, raw: raw}
	case 't':
		return value{kind: boolean, n: 1, raw: raw}
	case 'f':
		return value{kind: boolean, raw: raw}
	case 'n':
		return value{kind: null, raw: raw}
	}
	return value{kind: number, raw: raw}
}

func textValue(plain []byte) value { return value{kind: text, plain: true, raw: plain} }

func intValue(n int64) value { return value{kind: number, small: true, n: n} }

// settled returns v with everything worked out that comparing would otherwise
// work out each time.
func (v value) settled() value {
	switch v.kind {
	case number:
		v.n, v.small = v.int()
	case text:
		v.raw, v.plain = v.text(), true
	}
	return v
}

// text returns the text of a text value. It allocates if the text has escapes.
func (v value) text() []byte {
	if v.plain {
		return v.raw
	}
	if bytes.IndexByte(v.raw, '\\') < 0 {
		return v.raw[1 : len(v.raw)-1]
	}
	return rawjson.Unquote(v.raw)
}

// equalText reports whether v is this text, decoding only if it must.
func (v value) equalText(want []byte) bool {
	if v.kind != text {
		return false
	}
	if v.plain {
		return bytes.Equal(v.raw, want)
	}
	inner := v.raw[1 : len(v.raw)-1]
	if len(inner) < len(want) { // escapes only ever lengthen a text
		return false
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return bytes.Equal(inner, want)
	}
	return bytes.Equal(rawjson.Unquote(v.raw), want)
}

// int returns the value of a number that is written as an integer of up to 18
// digits.
func (v value) int() (int64, bool) {
	if v.small || v.kind != number {
		return v.n, v.small
	}
	digits := v.raw
	neg := len(digits) > 0 && digits[0] == '-'
	if neg {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// truncated returns a number without its fraction, if an int64 can hold it;
// whole says that it had none.
func (v value) truncated() (n int64, whole, ok bool) {
	if v.kind != number {
		return 0, false, false
	}
	if n, ok := v.int(); ok {
		return n, true, true
	}
	if n, err := strconv.ParseInt(string(v.raw), 10, 64); err == nil {
		return n, true, true
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil || f < -(1<<63) || f >= 1<<63 {
		return 0, false, false
	}
	t := math.Trunc(f)
	return int64(t), t == f, true
}

// decimal returns the digits of a number; scratch holds them if the value has none.
func (v value) decimal(scratch []byte) []byte {
	if v.raw == nil {
		return strconv.AppendInt(scratch, v.n, 10)
	}
	return v.raw
}
