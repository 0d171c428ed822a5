package match

import (
	"bytes"
	"cmp"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// compare orders any two values as MongoDB does: by type, then within the
// type. Objects are compared member by member in the order they are written
// (type, name, value), arrays element by element.
func compare(a, b value) int { return compareBy(nil, a, b) }

// compareBy is compare with texts compared by the collation; nil is by bytes.
func compareBy(by expr.Collation, a, b value) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	switch a.kind {
	case number:
		return compareNumbers(a, b)
	case text:
		if by != nil {
			return by.Compare(a.text(), b.text())
		}
		return bytes.Compare(a.text(), b.text())
	case boolean:
		return cmp.Compare(a.n, b.n)
	case object:
		return compareObjects(by, a.raw, b.raw)
	case array:
		return compareArrays(by, a.raw, b.raw)
	}
	return 0
}

func compareObjects(by expr.Collation, a, b []byte) int {
	i, j := 1, 1
	for {
		var an, av, bn, bv []byte
		an, av, i = rawjson.NextMember(a, i)
		bn, bv, j = rawjson.NextMember(b, j)
		if i < 0 || j < 0 {
			return cmp.Compare(min(i, 0), min(j, 0))
		}
		x, y := valueOf(av), valueOf(bv)
		if x.kind != y.kind {
			return cmp.Compare(x.kind, y.kind)
		}
		if c := bytes.Compare(rawjson.Name(an), rawjson.Name(bn)); c != 0 {
			return c
		}
		if c := compareBy(by, x, y); c != 0 {
			return c
		}
	}
}

func compareArrays(by expr.Collation, a, b []byte) int {
	i, j := 1, 1
	for {
		var x, y []byte
		x, i = rawjson.NextElement(a, i)
		y, j = rawjson.NextElement(b, j)
		if i < 0 || j < 0 {
			return cmp.Compare(min(i, 0), min(j, 0))
		}
		if c := compareBy(by, valueOf(x), valueOf(y)); c != 0 {
			return c
		}
	}
}
