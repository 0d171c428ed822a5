package match

import (
	"github.com/happn-host/happn-host/internal/rawjson"

	"github.com/happn-host/happn-host/datastore/expr"
)

// cut is $slice or $elemMatch in a projection.
type cut struct {
	skip, n int           // $slice; a negative skip counts from the end
	match   *elementCheck // $elemMatch
}

// elementCheck holds for the elements that are taken.
type elementCheck struct{ element test }

// compileCut compiles the operator of a field, or returns nil if it has none.
func compileCut(val []byte, at *expr.Place) (*cut, error) {
	if !isOperators(val) {
		return nil, nil
	}
	name, arg, next := rawjson.NextMember(val, 1)
	if _, _, more := rawjson.NextMember(val, next); more >= 0 {
		return nil, at.Errorf("one operator is allowed for a field")
	}
	if string(name) == "$slice" {
		return compileSlice(arg, at)
	}
	native := true
	c := compiler{native: &native}
	n, err := c.elemMatch(call{name: "$elemMatch", arg: arg, around: val, at: at, field: node{op: field}})
	if err != nil {
		return nil, err
	}
	switch t := n.test.(type) {
	case anyValue:
		return &cut{match: &elementCheck{t.t}}, nil
	case anyObject:
		return &cut{match: &elementCheck{objectTest(t)}}, nil
	}
	return nil, at.Errorf("unknown operator %s", name)
}

// objectTest holds for an object, or array, that the group matches.
type objectTest struct{ g *group }

func (t objectTest) holds(v value) bool {
	return (v.kind == object || v.kind == array) && t.g.match(nil, v.raw, nil)
}

func compileSlice(arg []byte, at *expr.Place) (*cut, error) {
	var numbers []int
	list := rawjson.IsArray(arg)
	ok := true
	read := func(raw []byte) {
		n, whole := integer(raw)
		ok = ok && whole && n < 1<<31 && n > -1<<31
		numbers = append(numbers, n)
	}
	if list {
		for elem := range rawjson.Elements(arg) {
			read(elem)
		}
	} else {
		read(arg)
	}
	switch {
	case ok && !list && numbers[0] < 0:
		return &cut{skip: numbers[0], n: -numbers[0]}, nil
	case ok && !list:
		return &cut{n: numbers[0]}, nil
	case ok && len(numbers) == 2 && numbers[1] > 0:
		return &cut{skip: numbers[0], n: numbers[1]}, nil
	}
	return nil, at.Errorf("$slice needs a whole number, or [skip, number] with a positive number")
}

// appendMember appends a member with what is taken of its value, and a comma.
func (c *cut) appendMember(dst, name, val []byte) []byte {
	isArray := val[0] == '['
	if c.match == nil {
		dst = appendName(dst, name)
		if isArray {
			dst = c.appendSlice(dst, val)
		} else {
			dst = append(dst, val...)
		}
		return append(dst, ',')
	}
	for i := 1; isArray; {
		var elem []byte
		if elem, i = rawjson.NextElement(val, i); i < 0 {
			break
		}
		if c.match.element.holds(valueOf(elem)) {
			dst = append(appendName(dst, name), '[')
			return append(append(dst, elem...), "],"...)
		}
	}
	return dst
}

func (c *cut) appendSlice(dst, arr []byte) []byte {
	from := c.skip
	if from < 0 {
		size, _ := arraySize{}.count(value{kind: array, raw: arr})
		from = max(0, size+from)
	}
	dst = append(dst, '[')
	i := 1
	for at := 0; at < from+c.n; at++ {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 {
			break
		}
		if at >= from {
			dst = append(append(dst, elem...), ',')
		}
	}
	return closeWith(dst, ']')
}
