package match

import (
	"hash/crc32"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore"
)

// Codes tells the values of one field as numbers of 64 bits, for stores that
// keep such a number for each document and look at the document only when the
// number does not rule it out. It is immutable and safe for concurrent use.
//
// A code begins with the type of the value, so that codes are in the order of
// types. Behind that stands as much of the value as there is room for, and in
// the lowest bit whether that was not all: numbers have their order, texts the
// order of their first bytes and then a hash, so that long texts that begin
// alike still have different codes.
type Codes struct{ field indexField }

// CodeLook is the code of a document whose value no code tells: an array, or a
// number that has more digits than a code has room for. Other codes
// below FirstCode are never made; stores may use them.
const (
	CodeLook  uint64 = 2
	FirstCode uint64 = 1 << kindShift
)

// The parts of a code.
const (
	kindShift = 61
	textBytes = 5
	textShift = kindShift - 8*textBytes
	hashMask  = 1<<textShift - 2 // between a text's first bytes and the lowest bit
	moreMask  = 1                // the value is not told in full
)

// CompileCodes returns the codes of a field, which is written as in
// Filter.Source.
func CompileCodes(field string) (*Codes, error) {
	keys, err := CompileIndexKeys([]datastore.IndexField{{Name: field}})
	if err != nil {
		return nil, err
	}
	return &Codes{keys.fields[0]}, nil
}

// Of returns the code of the document's value. What is not there has that of
// null.
func (c *Codes) Of(doc *datastore.Document) uint64 {
	v, plain := c.field.value(doc)
	if !plain {
		return CodeLook
	}
	code, ok := codeOf(v)
	if !ok {
		return CodeLook
	}
	return code
}

// Span returns the first and the last code of the values in an interval, in
// which first > last is none; beside those, values with CodeLook may be in it.
// decided says that all values with these codes are in it. ok is false if codes
// cannot tell.
func (c *Codes) Span(in datastore.Interval) (first, last uint64, decided, ok bool) {
	decided = true
	if in.Low != nil {
		v := valueOf(in.Low)
		if first, ok = codeOf(v); !ok || v.kind == object {
			return 0, 0, false, false
		}
		last = first | (1<<kindShift - 1)
		decided = first&moreMask == 0
	}
	if in.High != nil {
		v := valueOf(in.High)
		if last, ok = codeOf(v); !ok || v.kind == object {
			return 0, 0, false, false
		}
		if in.Low == nil {
			first = last &^ (1<<kindShift - 1)
		}
		decided = decided && last&moreMask == 0
	}
	if string(in.Low) == string(in.High) && in.Low != nil && !in.LowOpen && !in.HighOpen {
		return first, last, decided, true
	}
	if in.Low != nil {
		first = Rank(first)
		if in.LowOpen && first&moreMask == 0 {
			first++
		}
	}
	if in.High != nil {
		if last&moreMask == 0 {
			if in.HighOpen {
				last--
			}
		} else if codesText(last) {
			last |= hashMask
		}
	}
	return first, last, decided, true
}

// Rank returns a code that only tells the order: of two values, the one that
// sorts first does not have the greater rank.
func Rank(code uint64) uint64 {
	if codesText(code) {
		return code &^ hashMask
	}
	return code
}

func codesText(code uint64) bool { return code>>kindShift == uint64(text) }

// codeOf returns the code of a value that is no array; ok is false if it has
// none.
func codeOf(v value) (code uint64, ok bool) {
	code = uint64(v.kind) << kindShift
	switch v.kind {
	case undefined:
		return uint64(null) << kindShift, true
	case null:
		return code, true
	case number:
		n, ok := numberCode(v)
		return code | n, ok
	case text:
		return code | textCode(v.text()), true
	case object:
		return code | moreMask, true
	case boolean:
		return code | uint64(v.n)<<1, true
	}
	return 0, false
}

// textCode tells texts of up to five bytes in full, unless they end with the
// byte 0, which cannot be told from none.
func textCode(plain []byte) (code uint64) {
	for i := range textBytes {
		code <<= 8
		if i < len(plain) {
			code |= uint64(plain[i])
		}
	}
	code <<= textShift
	if n := len(plain); n > textBytes || n > 0 && plain[n-1] == 0 {
		code |= uint64(crc32.ChecksumIEEE(plain))<<1&hashMask | moreMask
	}
	return code
}

// exactInts is the integer up to which a float64 holds every other one.
const exactInts = 1 << 53

// numberCode returns the first 60 bits of the greatest float64 that is not
// greater than the number, and in the lowest bit whether the number is greater
// than what these say.
func numberCode(v value) (code uint64, ok bool) {
	if n, whole := v.int(); whole {
		if n > exactInts || n < -exactInts {
			return 0, false
		}
		return floorCode(sortable(float64(n)), false), true
	}
	if m, scale, short := shortDecimal(v.raw); short {
		f := m / scale // rounded once: both are exact
		bits := sortable(f)
		switch past := math.FMA(f, scale, -m); {
		case past > 0:
			return floorCode(bits-1, true), true
		case past < 0:
			return floorCode(bits, true), true
		}
		return floorCode(bits, false), true
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	bits := sortable(f)
	// The number is between the neighbours of f. Where f is the least with its
	// code, that does not tell on which side.
	return floorCode(bits, true), err == nil && bits&15 != 0
}

// floorCode shortens the bits of a float64; more says that the number is
// greater than it.
func floorCode(bits uint64, more bool) uint64 {
	code := bits >> 4 << 1
	if more || bits&15 != 0 {
		code |= moreMask
	}
	return code
}

// sortable returns the bits of a float64 in the order of numbers.
func sortable(f float64) uint64 {
	bits := math.Float64bits(f)
	if bits>>63 != 0 {
		return -bits // so that round numbers end with zeros here too, and -0 is 0
	}
	return bits | 1<<63
}

// shortDecimal reads a decimal of up to 15 digits without an exponent as an
// integer and the power of ten to divide it by.
func shortDecimal(raw []byte) (m, scale float64, ok bool) {
	if len(raw) > 17 {
		return 0, 0, false
	}
	var n int64
	scale = 1
	digits, behind, neg := 0, false, false
	for i, c := range raw {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			digits++
			if behind {
				scale *= 10
			}
		case c == '.':
			behind = true
		case c == '-' && i == 0:
			neg = true
		default:
			return 0, 0, false
		}
	}
	if neg {
		n = -n
	}
	return float64(n), scale, digits <= 15
}
