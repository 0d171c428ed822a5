package match

import (
	"math"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// call is one operator on one field.
type call struct {
	name   string
	arg    []byte
	around []byte      // the object in which the operator stands
	at     *expr.Place // of that object
	scope  scope
	field  node // reads the field; its test is to be set
}

// with returns the node that applies t to the field.
func (k call) with(t test) node {
	n := k.field
	n.test = t
	return n
}

// onWhole is with for tests that take an array as a whole only.
func (k call) onWhole(t test) node {
	n := k.with(t)
	n.whole = true
	return n
}

func (k call) errorf(format string, args ...any) error { return k.at.Errorf(format, args...) }

func not(n node) node { return node{op: none, kids: []node{n}} }

// operator compiles one operator and writes it to the source.
func (c *compiler) operator(k call) (node, error) {
	switch k.name {
	case "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$jgt", "$jgte", "$jlt", "$jlte", "$in", "$nin":
		return c.comparison(k)
	case "$not":
		return c.negation(k)
	case "$exists":
		c.keep(k.name, k.arg)
		n := k.with(exists{})
		if !truthy(k.arg) {
			n = not(n)
		}
		return n, nil
	case "$regex":
		return c.regexOperator(k)
	case "$mod":
		return c.mod(k)
	case "$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear":
		return c.bits(k)
	case "$all":
		return c.every(k)
	case "$elemMatch":
		return c.elemMatch(k)
	case "$size":
		return c.count(k, arraySize{})
	case "$type":
		return c.types(k)
	case "$and", "$or":
		return c.onValue(k)
	}
	if isBeside(k.name) {
		return c.besideOperator(k)
	}
	if c.foreign != nil && c.foreign.HasOperator(k.name) {
		return c.foreignOperator(k)
	}
	return c.lokiOperator(k)
}

// comparison compiles the operators that compare with one value or a list.
func (c *compiler) comparison(k call) (node, error) {
	name := k.name
	if len(name) > 2 && name[1] == 'j' { // LokiJS: by JavaScript's own operators
		name = "$" + name[2:]
	}
	c.keep(name, k.arg)
	want := valueOf(k.arg).settled()
	switch name {
	case "$eq":
		return k.with(c.equals(want)), nil
	case "$ne":
		return not(k.with(c.equals(want))), nil
	case "$in", "$nin":
		if want.kind != array {
			return node{}, k.errorf("%s needs an array", k.name)
		}
		for elem := range rawjson.Elements(k.arg) {
			if isOperators(elem) {
				return node{}, k.errorf("%s takes values, not operators", k.name)
			}
		}
		n := k.with(c.oneOf(k.arg))
		if name == "$nin" {
			n = not(n)
		}
		return n, nil
	}
	return k.with(c.order(name, want)), nil
}

// negation compiles $not, which takes operators.
func (c *compiler) negation(k call) (node, error) {
	if !isOperators(k.arg) {
		return node{}, k.errorf("$not needs an object of operators")
	}
	c.name(k.name)
	k.scope.joined = false
	n, err := c.operators(k.arg, k.at.Key(k.name), k.scope, k.field)
	c.source = append(c.source, ',')
	return not(n), err
}

// onValue compiles LokiJS's $and and $or inside a field: lists of operators
// on the same value.
func (c *compiler) onValue(k call) (node, error) {
	*c.native = false
	out := node{op: all}
	if k.name == "$or" {
		out.op = some
	}
	c.name(k.name)
	c.source = append(c.source, '[')
	at := k.at.Key(k.name)
	k.scope.joined = false
	i := 0
	for elem := range rawjson.Elements(k.arg) {
		if !isOperators(elem) {
			return node{}, at.At(i).Errorf("%s inside a field takes objects of operators", k.name)
		}
		n, err := c.operators(elem, at.At(i), k.scope, k.field)
		if err != nil {
			return node{}, err
		}
		out.kids = append(out.kids, n)
		c.source = append(c.source, ',')
		i++
	}
	if i == 0 {
		return node{}, k.errorf("%s needs an array of at least one criterion", k.name)
	}
	c.source = append(closeWith(c.source, ']'), ',')
	return simplified(out), nil
}

type exists struct{}

func (exists) holds(v value) bool { return v.kind != undefined }

// truthy is JavaScript's notion of it; no value at all is not.
func truthy(raw []byte) bool {
	v := valueOf(raw)
	switch v.kind {
	case undefined, null:
		return false
	case boolean:
		return v.n == 1
	case number:
		return compareNumbers(v, intValue(0)) != 0
	case text:
		return len(v.raw) > 2
	}
	return true
}

// integer returns a number that has no fraction and fits an int.
func integer(raw []byte) (int, bool) {
	n, whole, ok := valueOf(raw).truncated()
	if !ok || !whole || n > math.MaxInt || n < math.MinInt {
		return 0, false
	}
	return int(n), true
}
