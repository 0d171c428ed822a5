package match

import (
	"strings"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// compiler turns criteria into nodes and writes the translated source.
type compiler struct {
	source []byte
	native *bool
	regex  int // steps of all regular expressions so far

	by        expr.Collation // how texts compare; nil is by bytes
	variables []string       // that expressions may use

	foreign     Foreign // nil for none
	searchOf    *Search
	operatorsOf []Operator
}

// scope is where a criterion stands.
type scope struct {
	group   *group
	top     bool // not inside $elemMatch
	element bool // inside $elemMatch: names are members of the element, untranslated
	whole   bool // names are members of any object, not of a stored document: a stage of a pipeline
	joined  bool // what stands here must hold for the whole criteria to hold
	depth   int  // operators around it
	indexes int  // numeric path components on the way to it
}

func (s scope) deeper(at *expr.Place) (scope, error) {
	if s.depth++; s.depth > MaxDepth {
		return s, at.Errorf("criteria nest deeper than %d operators", MaxDepth)
	}
	return s, nil
}

// criteria compiles an object of fields and logical operators.
func (c *compiler) criteria(raw []byte, at *expr.Place, s scope) (node, error) {
	s, err := s.deeper(at)
	if err != nil {
		return node{}, err
	}
	if !rawjson.IsObject(raw) {
		return node{}, at.Errorf("criteria must be an object")
	}
	out := node{op: all}
	c.source = append(c.source, '{')
	for name, val := range rawjson.Members(raw) {
		name := string(name)
		n, err := c.member(name, val, at.Key(name), s)
		if err != nil {
			return node{}, err
		}
		if n.op == all {
			out.kids = append(out.kids, n.kids...)
		} else {
			out.kids = append(out.kids, n)
		}
	}
	c.source = closeWith(c.source, '}')
	return simplified(out), nil
}

// simplified drops a level that has one child and means the same as the child.
func simplified(n node) node {
	if (n.op == all || n.op == some) && len(n.kids) == 1 {
		return n.kids[0]
	}
	return n
}

func (c *compiler) member(name string, val []byte, at *expr.Place, s scope) (node, error) {
	if !strings.HasPrefix(name, "$") {
		return c.field(name, val, at, s)
	}
	switch name {
	case "$and":
		return c.list(name, all, val, at, s)
	case "$or":
		return c.list(name, some, val, at, s)
	case "$nor":
		return c.list(name, none, val, at, s)
	case "$expr":
		return c.expression(val, at, s)
	case "$jsonSchema":
		return c.jsonSchema(val, at, s)
	case "$comment":
		return node{op: all}, nil
	case searchName:
		if c.foreign != nil {
			return c.search(val, at, s)
		}
	case "$not":
		return node{}, at.Up().Errorf("$not belongs inside a field (to negate whole criteria use $nor: [{...}]), but stands")
	}
	return node{}, at.Up().Errorf("unknown operator %s", name)
}

// list compiles $and, $or and $nor.
func (c *compiler) list(name string, op operation, val []byte, at *expr.Place, s scope) (node, error) {
	out := node{op: op}
	s.joined = s.joined && op == all
	c.name(name)
	c.source = append(c.source, '[')
	i := 0
	for elem := range rawjson.Elements(val) {
		n, err := c.criteria(elem, at.At(i), s)
		if err != nil {
			return node{}, err
		}
		c.source = append(c.source, ',')
		out.kids = append(out.kids, n)
		i++
	}
	if i == 0 {
		return node{}, at.Errorf("%s needs an array of at least one criterion", name)
	}
	c.source = append(closeWith(c.source, ']'), ',')
	return simplified(out), nil
}

// field compiles the condition on one field: operators, or a value to equal.
func (c *compiler) field(name string, val []byte, at *expr.Place, s scope) (node, error) {
	f, full, err := c.target(name, at, &s)
	if err != nil {
		return node{}, err
	}
	start, foreign := len(c.source), len(c.operatorsOf)
	c.name(full)
	if !isOperators(val) {
		c.source = append(append(c.source, val...), ',')
		f.test = c.equals(valueOf(val))
		return f, nil
	}
	n, err := c.operators(val, at, s, f)
	if len(c.operatorsOf) > foreign && c.source[len(c.source)-2] == '{' {
		c.source = c.source[:start] // they were all foreign; an empty object would be a value to equal
		return n, err
	}
	c.source = append(c.source, ',')
	return n, err
}

// target resolves a field name to the node that reads it, still without a test.
func (c *compiler) target(name string, at *expr.Place, s *scope) (f node, full string, err error) {
	f.op = field
	within := name
	full = name
	if !s.element {
		f.from, full, within = translate(name)
	}
	if f.from != fromData {
		return f, full, nil
	}
	if strings.Count(within, ".") >= maxSegments {
		return f, full, at.Errorf("the path has more than %d components", maxSegments)
	}
	path, indexes := segments(within)
	if s.indexes += indexes; s.indexes > maxIndexes {
		return f, full, at.Errorf("more than %d numeric path components", maxIndexes)
	}
	f.slot, f.path = s.group.slot(path[0].name), path[1:]
	return f, full, nil
}

// operators compiles an object of operators on one field.
func (c *compiler) operators(val []byte, at *expr.Place, s scope, f node) (node, error) {
	s, err := s.deeper(at)
	if err != nil {
		return node{}, err
	}
	out := node{op: all}
	c.source = append(c.source, '{')
	for name, arg := range rawjson.Members(val) {
		name := string(name)
		if name == "$options" {
			if _, ok := rawjson.Lookup(val, "$regex"); !ok {
				return node{}, at.Errorf("$options needs a $regex beside it")
			}
			continue // taken along by $regex
		}
		n, err := c.operator(call{name: name, arg: arg, around: val, at: at, scope: s, field: f})
		if err != nil {
			return node{}, err
		}
		if n.op != all || len(n.kids) > 0 { // a foreign one leaves nothing behind
			out.kids = append(out.kids, n)
		}
	}
	c.source = closeWith(c.source, '}')
	return simplified(out), nil
}

// isOperators reports whether val is an object that begins with an operator.
func isOperators(val []byte) bool {
	if !rawjson.IsObject(val) {
		return false
	}
	name, _, next := rawjson.NextMember(val, 1)
	return next > 0 && len(name) > 0 && rawjson.Name(name)[0] == '$'
}

// name writes a member's name to the source.
func (c *compiler) name(name string) {
	c.source = append(rawjson.AppendString(c.source, name), ':')
}

// keep writes an operator to the source as it came.
func (c *compiler) keep(name string, arg []byte) {
	c.name(name)
	c.source = append(append(c.source, arg...), ',')
}

// closeWith ends an object or array that is written with a comma after each part.
func closeWith(b []byte, end byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, end)
}
