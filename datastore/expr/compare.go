package expr

import (
	"bytes"
	"cmp"
	"math"
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
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
	i, j := a.reader(), b.reader()
	for {
		x, more := i.next()
		y, other := j.next()
		if !more || !other {
			return rank(more) - rank(other)
		}
		if c := cmp.Compare(x.Value.kind, y.Value.kind); c != 0 {
			return c
		}
		if c := strings.Compare(x.Name, y.Name); c != 0 {
			return c
		}
		if c := CompareBy(by, x.Value, y.Value); c != 0 {
			return c
		}
	}
}

func compareLists(by Collation, a, b Value) int {
	i, j := a.reader(), b.reader()
	for {
		x, more := i.next()
		y, other := j.next()
		if !more || !other {
			return rank(more) - rank(other)
		}
		if c := CompareBy(by, x.Value, y.Value); c != 0 {
			return c
		}
	}
}

func rank(more bool) int {
	if more {
		return 1
	}
	return 0
}

// reader goes through the parts of an object or array, so that comparing stops
// at the first difference.
type reader struct {
	of Value
	at int // in the parts, or in the text
}

func (v Value) reader() reader {
	if v.form == asParts {
		return reader{of: v}
	}
	return reader{of: v, at: 1}
}

func (r *reader) next() (m Member, ok bool) {
	if r.of.form == asParts {
		if r.at == len(r.of.parts) {
			return m, false
		}
		r.at++
		return r.of.parts[r.at-1], true
	}
	var name, val []byte
	if r.of.kind == Object {
		name, val, r.at = rawjson.NextMember(r.of.raw, r.at)
		m.Name = string(rawjson.Name(name))
	} else {
		val, r.at = rawjson.NextElement(r.of.raw, r.at)
	}
	m.Value = FromJSON(val)
	return m, r.at >= 0
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
