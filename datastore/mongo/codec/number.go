package codec

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// maxExact is up to where JavaScript, and with it happn-3, has every whole
// number: it reads an int64 within as a number.
const maxExact = 1 << 53

// appendNumber appends the smallest type that holds a JSON number to its last
// digit.
func appendNumber(dst []byte, raw []byte) (bsoncore.Type, []byte) {
	if len(raw) <= maxShort && !bytes.ContainsAny(raw, "eE") {
		return appendShort(dst, raw)
	}
	text := string(raw)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= -maxExact && n <= maxExact {
		return appendWhole(dst, n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && decimalOf(formatDouble(f)) == decimalOf(text) {
		if f == math.Trunc(f) && math.Abs(f) <= maxExact {
			return appendWhole(dst, int64(f))
		}
		return bsoncore.TypeDouble, bsoncore.AppendDouble(dst, f)
	}
	d := decimalOf(text)
	if n, ok := d.int64(); ok {
		return bsoncore.TypeInt64, bsoncore.AppendInt64(dst, n)
	}
	if len(d.digits) <= maxDigits && d.exponent < maxExponent {
		if n, err := bson.ParseDecimal128(d.String()); err == nil {
			high, low := n.GetBytes()
			return bsoncore.TypeDecimal128, bsoncore.AppendDecimal128(dst, high, low)
		}
	}
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, numberName, text)
	dst, _ = bsoncore.AppendDocumentEnd(dst, start) // fails for a wrong start only
	return bsoncore.TypeEmbeddedDocument, dst
}

// maxShort is how many digits a double keeps, whichever they are, as long as there
// is no exponent. A sign and a point are counted with them.
const maxShort = 15

// appendShort is appendNumber for short numbers, which no type rounds.
func appendShort(dst []byte, raw []byte) (bsoncore.Type, []byte) {
	f, _ := strconv.ParseFloat(string(raw), 64) // is JSON, and in range
	if f == math.Trunc(f) {
		return appendWhole(dst, int64(f))
	}
	return bsoncore.TypeDouble, bsoncore.AppendDouble(dst, f)
}

// maxDigits is how many a decimal of 128 bits holds.
const maxDigits = 34

func appendWhole(dst []byte, n int64) (bsoncore.Type, []byte) {
	if n == int64(int32(n)) {
		return bsoncore.TypeInt32, bsoncore.AppendInt32(dst, int32(n))
	}
	return bsoncore.TypeInt64, bsoncore.AppendInt64(dst, n)
}

// formatDouble writes a number as JavaScript does, but "0" for both zeros.
func formatDouble(f float64) string {
	return string(appendDouble(nil, f))
}

func appendDouble(dst []byte, f float64) []byte {
	switch size := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...) // as JSON.stringify does
	case size == 0:
		return append(dst, '0')
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	return append(append(append(append(dst, mantissa...), 'e'), exponent[0]), strings.TrimLeft(exponent[1:], "0")...)
}

// decimal is a number without rounding: digits times ten to the power of
// exponent. It has neither leading nor trailing zeros, so that equal numbers
// are equal decimals.
type decimal struct {
	negative bool
	digits   string // "" is zero
	exponent int
}

// decimalOf reads a JSON number. Exponents beyond all reason are held at a
// bound, which no comparison here mistakes for another number.
func decimalOf(text string) decimal {
	var d decimal
	text, d.negative = strings.TrimPrefix(text, "-"), strings.HasPrefix(text, "-")
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		n, err := strconv.Atoi(text[at+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			// Out of range: the text itself is the only exact form.
			return decimal{digits: text, exponent: math.MaxInt}
		}
		d.exponent, text = n, text[:at]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	d.exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	d.digits = strings.TrimRight(digits, "0")
	d.exponent += len(digits) - len(d.digits)
	if d.digits == "" {
		return decimal{}
	}
	return d
}

// maxExponent is far beyond what a decimal of 128 bits has.
const maxExponent = 100_000

// int64 returns the number if it is whole and small enough.
func (d decimal) int64() (int64, bool) {
	if d.exponent < 0 || d.exponent > 18 {
		return 0, false
	}
	text := d.digits + strings.Repeat("0", d.exponent)
	if d.negative {
		text = "-" + text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// String writes the number for bson.ParseDecimal128, and for JSON.
func (d decimal) String() string {
	sign := ""
	if d.negative {
		sign = "-"
	}
	switch {
	case d.digits == "":
		return "0"
	case d.exponent >= 0 && d.exponent <= maxDigits-len(d.digits):
		return sign + d.digits + strings.Repeat("0", d.exponent)
	case d.exponent < 0 && d.exponent > -len(d.digits):
		at := len(d.digits) + d.exponent
		return sign + d.digits[:at] + "." + d.digits[at:]
	case d.exponent < 0 && d.exponent >= -maxDigits:
		return sign + "0." + strings.Repeat("0", -d.exponent-len(d.digits)) + d.digits
	}
	return sign + d.digits + "e" + strconv.Itoa(d.exponent)
}

// appendDecimal writes a decimal of MongoDB's as JSON.
func appendDecimal(dst []byte, high, low uint64) []byte {
	n := bson.NewDecimal128(high, low)
	if n.IsNaN() || n.IsInf() != 0 {
		return append(dst, "null"...)
	}
	return append(dst, decimalOf(n.String()).String()...)
}
