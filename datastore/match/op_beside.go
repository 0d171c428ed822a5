package match

import (
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// otherField is the right side of LokiJS's $$<op>: {spent: {$$gt: "budget"}}
// compares with what stands in another field of the same document.
type otherField struct {
	from source
	slot int
	path []segment
	make func(want value) test
}

// besideOperator compiles $$eq and its like; the name is without the first $.
func (c *compiler) besideOperator(k call) (node, error) {
	if !rawjson.IsString(k.arg) {
		return node{}, k.errorf("%s needs the name of a field", k.name)
	}
	if k.field.bare {
		return node{}, k.errorf("%s needs a field to compare with another", k.name)
	}
	other, _, err := c.target(string(rawjson.Unquote(k.arg)), k.at, &k.scope)
	if err != nil {
		return node{}, err
	}
	o := &otherField{from: other.from, slot: other.slot, path: other.path}
	n := k.field
	negate, operator := false, k.name[1:]
	if len(operator) > 2 && operator[1] == 'j' {
		operator = "$" + operator[2:]
	}
	switch operator {
	case "$eq", "$ne":
		o.make, negate = c.equals, operator == "$ne"
	case "$gt", "$gte", "$lt", "$lte":
		o.make = func(want value) test { return c.order(operator, want) }
	case "$aeq":
		o.make = func(want value) test { return loosely{want, looseNumber(want)} }
	case "$dteq":
		o.make = sameTime
	case "$in", "$nin":
		negate = operator == "$nin"
		o.make = func(want value) test {
			if want.kind != array {
				return never{}
			}
			return c.oneOf(want.raw)
		}
	case "$contains", "$containsAny", "$containsNone":
		n.whole, negate = true, operator == "$containsNone"
		o.make = func(want value) test { return containing(want, operator == "$contains") }
	default:
		return node{}, k.errorf("unknown operator %s", k.name)
	}
	*c.native = false
	c.keep(k.name, k.arg)
	n.op, n.other = beside, o
	if negate {
		n = not(n)
	}
	return n, nil
}

func isBeside(name string) bool { return strings.HasPrefix(name, "$$") }

// value returns what stands in the other field; arrays on the way are not
// looked into, except by index.
func (o *otherField) value(doc *datastore.Document, slots [][]byte) value {
	if o.from != fromData {
		return metaValue(doc, o.from)
	}
	raw := slots[o.slot]
	for i := range o.path {
		switch {
		case rawjson.IsObject(raw):
			raw = lookup(raw, o.path[i].name)
		case rawjson.IsArray(raw) && o.path[i].index >= 0:
			raw = elementAt(raw, o.path[i].index)
		default:
			return value{}
		}
	}
	return valueOf(raw)
}

func elementAt(arr []byte, want int) []byte {
	i := 1
	for at := 0; ; at++ {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 || at == want {
			return elem
		}
	}
}

// matchBeside compares a field with the other one.
func (n *node) matchBeside(doc *datastore.Document, slots [][]byte) bool {
	t := n.other.make(n.other.value(doc, slots).settled())
	if n.from == fromData {
		return anyHolds(slots[n.slot], n.path, t, n.whole)
	}
	return t.holds(metaValue(doc, n.from))
}
