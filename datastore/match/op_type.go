package match

import (
	"math"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// typeSet is a set of the types that $type can name.
type typeSet uint16

const (
	isDouble typeSet = 1 << iota
	isInt
	isLong
	isText
	isObject
	isArray
	isBoolean
	isNullType
	isNumber = isDouble | isInt | isLong
)

// types compiles $type: a name, a BSON type number, or an array of those.
func (c *compiler) types(k call) (node, error) {
	var t typeTest
	if !rawjson.IsArray(k.arg) {
		set, ok := namedType(valueOf(k.arg))
		if !ok {
			return node{}, k.errorf("$type does not know the type %s", shortened(k.arg))
		}
		t.set = set
	}
	n := 0
	for elem := range rawjson.Elements(k.arg) {
		set, ok := namedType(valueOf(elem))
		if !ok {
			return node{}, k.errorf("$type does not know the type %s", shortened(elem))
		}
		t.set |= set
		n++
	}
	if n == 0 && rawjson.IsArray(k.arg) {
		return node{}, k.errorf("$type needs at least one type")
	}
	c.keep(k.name, k.arg)
	return k.with(t), nil
}

// namedType returns the types that a name or number stands for. Types that
// JSON does not have are known, but no value has them.
func namedType(v value) (typeSet, bool) {
	if v.kind == text {
		switch string(v.text()) {
		case "double":
			return isDouble, true
		case "int":
			return isInt, true
		case "long":
			return isLong, true
		case "number":
			return isNumber, true
		case "string":
			return isText, true
		case "object":
			return isObject, true
		case "array":
			return isArray, true
		case "bool", "boolean":
			return isBoolean, true
		case "null":
			return isNullType, true
		case "binData", "undefined", "objectId", "date", "regex", "dbPointer", "javascript", "symbol",
			"javascriptWithScope", "timestamp", "decimal", "minKey", "maxKey":
			return 0, true
		}
		return 0, false
	}
	n, whole, ok := v.truncated()
	if !ok || !whole {
		return 0, false
	}
	switch n {
	case 1:
		return isDouble, true
	case 2:
		return isText, true
	case 3:
		return isObject, true
	case 4:
		return isArray, true
	case 8:
		return isBoolean, true
	case 10:
		return isNullType, true
	case 16:
		return isInt, true
	case 18:
		return isLong, true
	}
	return 0, n == -1 || n == 127 || (n > 0 && n < 20)
}

type typeTest struct{ set typeSet }

func (t typeTest) holds(v value) bool {
	switch v.kind {
	case number:
		return t.set&isNumber == isNumber || t.set&numberType(v) != 0
	case text:
		return t.set&isText != 0
	case object:
		return t.set&isObject != 0
	case array:
		return t.set&isArray != 0
	case boolean:
		return t.set&isBoolean != 0
	case null:
		return t.set&isNullType != 0
	}
	return false
}

// numberType is the type in which MongoDB would keep a number: the smallest
// integer that holds it exactly, or else a double.
func numberType(v value) typeSet {
	n, whole, ok := v.truncated()
	switch {
	case !ok || !whole:
		return isDouble
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return isInt
	}
	return isLong
}

// shortened quotes a piece of what a client sent in an error.
func shortened(raw []byte) string {
	if len(raw) > 40 {
		return string(raw[:40]) + "..."
	}
	return string(raw)
}
