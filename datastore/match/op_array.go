package match

import (
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// every compiles $all: each listed value, or $elemMatch, must be found.
func (c *compiler) every(k call) (node, error) {
	if !rawjson.IsArray(k.arg) {
		return node{}, k.errorf("$all needs an array")
	}
	c.name(k.name)
	c.source = append(c.source, '[')
	out := node{op: all}
	at := k.at.Key(k.name)
	i := 0
	var rest []value
	for elem := range rawjson.Elements(k.arg) {
		if i >= fewOfAll && !isOperators(elem) {
			c.source = append(append(c.source, elem...), ',')
			rest = append(rest, valueOf(elem).settled())
			i++
			continue
		}
		n, err := c.oneOfAll(k, elem, at.At(i))
		if err != nil {
			return node{}, err
		}
		out.kids = append(out.kids, n)
		i++
	}
	c.source = append(closeWith(c.source, ']'), ',')
	if i == 0 { // nothing has all of nothing
		out.op = some
	}
	if rest != nil {
		n := k.with(&everyValue{setOf(c.by, rest)})
		n.op = collected
		out.kids = append(out.kids, n)
	}
	return simplified(out), nil
}

// fewOfAll is how many values of $all have a condition of their own, of which an
// index or a needle can be made. The others are looked for all at once.
const fewOfAll = 8

// everyValue is the rest of a long $all. A single value is all of them only if
// there is but one.
type everyValue struct{ set valueSet }

func (t *everyValue) holds(v value) bool { return len(t.set.sorted) == 1 && t.set.holds(v) }

// collecting holds as soon as it has been given every value of a set.
type collecting struct {
	set   *valueSet
	found tally
}

func (t *collecting) holds(v value) bool {
	if i, ok := t.set.find(v); ok {
		t.found.see(i)
	}
	return t.found.left == 0
}

// collect reports whether a field has every value of a long $all.
func (n *node) collect(doc *datastore.Document, slots [][]byte) bool {
	t := n.test.(*everyValue)
	if n.from != fromData {
		return t.holds(metaValue(doc, n.from))
	}
	found := tallyOf(len(t.set.sorted), true)
	return anyHolds(slots[n.slot], n.path, &collecting{&t.set, found}, n.whole)
}

func (c *compiler) oneOfAll(k call, elem []byte, at *expr.Place) (node, error) {
	if !isOperators(elem) {
		c.source = append(append(c.source, elem...), ',')
		return k.with(c.equals(valueOf(elem))), nil
	}
	arg, ok := rawjson.Lookup(elem, "$elemMatch")
	if !ok {
		return node{}, at.Errorf("$all takes values or $elemMatch only")
	}
	c.source = append(c.source, '{')
	n, err := c.elemMatch(call{name: "$elemMatch", arg: arg, at: at, scope: k.scope, field: k.field})
	c.source = append(closeWith(c.source, '}'), ',')
	return n, err
}

// elemMatch compiles $elemMatch, over values or over objects.
func (c *compiler) elemMatch(k call) (node, error) {
	if !rawjson.IsObject(k.arg) {
		return node{}, k.errorf("$elemMatch needs an object")
	}
	c.name(k.name)
	at := k.at.Key(k.name)
	g := &group{}
	inner := scope{group: g, element: true, depth: k.scope.depth, indexes: k.scope.indexes}
	if isOperators(k.arg) && !startsLogical(k.arg) {
		n, err := c.operators(k.arg, at, inner, node{op: field, bare: true})
		if err != nil {
			return node{}, err
		}
		c.source = append(c.source, ',')
		return k.onWhole(anyValue{elementTest(n)}), nil
	}
	n, err := c.criteria(k.arg, at, inner)
	if err != nil {
		return node{}, err
	}
	c.source = append(c.source, ',')
	g.root = n
	return k.onWhole(anyObject{g}), nil
}

// startsLogical tells $elemMatch over objects from one over values.
func startsLogical(obj []byte) bool {
	name, _, _ := rawjson.NextMember(obj, 1)
	switch string(name) {
	case "$and", "$or", "$nor", "$comment":
		return true
	}
	return false
}

// elementTest makes one test of the conditions on an element. In them an array
// inside the array is a value like any other.
func elementTest(n node) test {
	switch n.op {
	case field, collected:
		return n.test
	}
	out := combined{op: n.op}
	for _, kid := range n.kids {
		out.tests = append(out.tests, elementTest(kid))
	}
	return out
}

// combined joins tests on the same value.
type combined struct {
	op    operation
	tests []test
}

func (t combined) holds(v value) bool {
	for _, t2 := range t.tests {
		if t2.holds(v) != (t.op == all) {
			return t.op == some
		}
	}
	return t.op != some
}

// anyValue holds for an array with an element for which t holds.
type anyValue struct{ t test }

func (t anyValue) holds(v value) bool {
	if v.kind != array {
		return false
	}
	for i := 1; ; {
		var elem []byte
		if elem, i = rawjson.NextElement(v.raw, i); i < 0 {
			return false
		}
		if t.t.holds(valueOf(elem)) {
			return true
		}
	}
}

// anyObject holds for an array with an object, or array, that the group matches.
type anyObject struct{ g *group }

func (t anyObject) holds(v value) bool {
	if v.kind != array {
		return false
	}
	for i := 1; ; {
		var elem []byte
		if elem, i = rawjson.NextElement(v.raw, i); i < 0 {
			return false
		}
		if (elem[0] == '{' || elem[0] == '[') && t.g.match(nil, elem, nil) {
			return true
		}
	}
}

// measure counts something about a value.
type measure interface {
	count(v value) (n int, ok bool)
}

// counted holds if t holds for what is counted.
type counted struct {
	m measure
	t test
}

func (t counted) holds(v value) bool {
	n, ok := t.m.count(v)
	return ok && t.t.holds(intValue(int64(n)))
}

// arraySize counts the elements of an array.
type arraySize struct{}

func (arraySize) count(v value) (int, bool) {
	if v.kind != array {
		return 0, false
	}
	n := 0
	for i := 1; ; n++ {
		if _, i = rawjson.NextElement(v.raw, i); i < 0 {
			return n, true
		}
	}
}

// count compiles $size and $len: a number, or operators on the number.
func (c *compiler) count(k call, m measure) (node, error) {
	if isOperators(k.arg) {
		*c.native = false
		c.name(k.name)
		n, err := c.operators(k.arg, k.at.Key(k.name), k.scope, node{op: field, bare: true})
		if err != nil {
			return node{}, err
		}
		c.source = append(c.source, ',')
		return k.onWhole(counted{m, elementTest(n)}), nil
	}
	n, ok := integer(k.arg)
	if !ok || n < 0 {
		return node{}, k.errorf("%s needs a whole number from 0", k.name)
	}
	c.keep(k.name, k.arg)
	return k.onWhole(counted{m, equals(intValue(int64(n)))}), nil
}
