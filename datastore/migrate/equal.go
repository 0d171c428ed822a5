package migrate

import (
	"bytes"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// equal reports whether two documents say the same, however a store writes it.
func equal(a, b *datastore.Document) bool {
	return a.Path == b.Path && a.Created == b.Created && a.Modified == b.Modified &&
		a.ModifiedBy == b.ModifiedBy && a.Tag == b.Tag && equalValues(a.Data, b.Data)
}

// equalValues compares valid JSON values: members in any order, numbers by value.
func equalValues(a, b []byte) bool {
	switch {
	case bytes.Equal(a, b):
		return true
	case len(a) == 0 || len(b) == 0:
		return false
	case rawjson.IsObject(a) && rawjson.IsObject(b):
		return equalMembers(a, b)
	case rawjson.IsArray(a) && rawjson.IsArray(b):
		return equalElements(a, b)
	case rawjson.IsString(a) && rawjson.IsString(b):
		return bytes.Equal(rawjson.Unquote(a), rawjson.Unquote(b))
	case isNumber(a) && isNumber(b):
		return expr.CompareDecimals(a, b) == 0
	}
	return false
}

func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

func equalMembers(a, b []byte) bool {
	var x, y rawjson.Object
	x.Add(a)
	y.Add(b)
	if x.Len() != y.Len() {
		return false
	}
	for name := range rawjson.Members(a) {
		p, _ := x.Get(name)
		q, ok := y.Get(name)
		if !ok || !equalValues(p, q) {
			return false
		}
	}
	return true
}

func equalElements(a, b []byte) bool {
	i, j := 1, 1
	for {
		var x, y []byte
		x, i = rawjson.NextElement(a, i)
		y, j = rawjson.NextElement(b, j)
		if i < 0 || j < 0 {
			return i < 0 && j < 0
		}
		if !equalValues(x, y) {
			return false
		}
	}
}
