package expr

import (
	"bytes"
	"cmp"
	"math"
	"strings"
)

// Collation compares texts by the rules of a language.
type Collation interface {
	Compare(a, b []byte) int
	// AppendKey appends bytes that two texts share exactly if Compare finds
	// them equal.
	AppendKey(dst, text []byte) []byte
}

// Compare orders any two values as MongoDB does: by type, then within the
// type. Objects are compared member by member in the order they are written
// (type, name, value), arrays element by element. Numbers are compared by
// their exact values.
func Compare(a, b Value) int { return CompareBy(nil, a, b) }

// CompareBy is Compare with texts compared by the collation; nil is by bytes.
func CompareBy(by Collation, a, b Value) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	switch a.kind {
	case Number:
		return compareNumbers(a, b)
	case Text:
		if by != nil {
			return by.Compare(a.Text(), b.Text())
		}
		return bytes.Compare(a.Text(), b.Text())
	case Boolean, Date:
		return cmp.Compare(a.n, b.n)
	case Object:
		return comparePairs(by, a, b)
	case Array:
		return compareLists(by, a, b)
	}
	return 0
}

// compareNumbers relies on reading a float to keep the order of decimals,
// except that near ones become equal. NaN comes first.
func compareNumbers(a, b Value) int {
	x, xok := a.Int()
	y, yok := b.Int()
	if xok && yok {
		return cmp.Compare(x, y)
	}
	f, g := a.Float(), b.Float()
	if c := cmp.Compare(f, g); c != 0 || math.IsNaN(f) || (a.form != asJSON && math.IsInf(f, 0)) {
		return c
	}
	return CompareDecimals(a.AppendJSON(nil), b.AppendJSON(nil))
}

func comparePairs(by Collation, a, b Value) int {
	x, y := a.members(), b.members()
	for i := range min(len(x), len(y)) {
		if c := cmp.Compare(x[i].Value.kind, y[i].Value.kind); c != 0 {
			return c
		}
		if c := strings.Compare(x[i].Name, y[i].Name); c != 0 {
			return c
		}
		if c := CompareBy(by, x[i].Value, y[i].Value); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func compareLists(by Collation, a, b Value) int {
	x, y := a.members(), b.members()
	for i := range min(len(x), len(y)) {
		if c := CompareBy(by, x[i].Value, y[i].Value); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// members returns the parts of an object or array; they must not be changed.
func (v Value) members() []Member {
	if v.form == asParts {
		return v.parts
	}
	var out []Member
	for name, val := range v.Members() {
		out = append(out, Member{name, val})
	}
	for elem := range v.Elements() {
		out = append(out, Member{Value: elem})
	}
	return out
}

// AppendKey appends bytes that two values share exactly if CompareBy finds them
// equal, to look values up by.
func (v Value) AppendKey(by Collation, dst []byte) []byte {
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case Number:
		return appendNumberKey(dst, v)
	case Text:
		s := v.Text()
		if by != nil {
			s = by.AppendKey(nil, s)
		}
		dst = appendLength(dst, len(s))
		return append(dst, s...)
	case Boolean, Date:
		return appendLength(dst, int(v.n))
	case Object, Array:
		parts := v.members()
		dst = appendLength(dst, len(parts))
		for i := range parts {
			if v.kind == Object {
				dst = append(appendLength(dst, len(parts[i].Name)), parts[i].Name...)
			}
			dst = parts[i].Value.AppendKey(by, dst)
		}
	}
	return dst
}

func appendLength(dst []byte, n int) []byte {
	for u := uint64(n); ; u >>= 7 {
		if u < 0x80 {
			return append(dst, byte(u))
		}
		dst = append(dst, byte(u)|0x80)
	}
}

// appendNumberKey writes sign, exponent and digits without zeros at the end.
func appendNumberKey(dst []byte, v Value) []byte {
	if f := v.Float(); v.form == asFloat && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return appendLength(append(dst, 'f'), int(v.n))
	}
	d := readDecimal(v.AppendJSON(nil))
	dst = appendLength(append(dst, 'd', byte(d.sign+1)), int(d.exp))
	start := len(dst)
	for _, c := range d.digits {
		if c != '.' {
			dst = append(dst, c)
		}
	}
	for len(dst) > start && dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, 0)
}
