package expr

import (
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// special compiles the operators that do not evaluate all of their arguments
// once, or not at all.
func (c *compiler) special(name string, arg []byte, at *Place, s scope) (n node, known bool, err error) {
	switch name {
	case "$literal":
		return constant{FromJSON(arg)}, true, nil
	case "$and", "$or":
		kids, err := c.listOf(arg, at, s)
		return logical{kids: kids, or: name == "$or"}, true, err
	case "$cond":
		n, err = c.cond(arg, at, s)
	case "$ifNull":
		n, err = c.ifNull(arg, at, s)
	case "$switch":
		n, err = c.branches(arg, at, s)
	case "$let":
		n, err = c.let(arg, at, s)
	case "$map", "$filter":
		n, err = c.each(name, arg, at, s)
	case "$reduce":
		n, err = c.reduce(arg, at, s)
	case "$sortArray":
		n, err = c.sortArray(arg, at, s)
	case "$median", "$percentile":
		n, err = c.percentile(name, arg, at, s)
	case "$expr":
		n, err = c.expression(arg, at, s)
	default:
		return nil, false, nil
	}
	return n, true, err
}

// listOf compiles an array of expressions, or one alone.
func (c *compiler) listOf(arg []byte, at *Place, s scope) ([]node, error) {
	list := [][]byte{arg}
	if rawjson.IsArray(arg) {
		list = elementsOf(arg)
	}
	kids := make([]node, len(list))
	for i, elem := range list {
		var err error
		if kids[i], err = c.expression(elem, at.At(i), s); err != nil {
			return nil, err
		}
	}
	return kids, nil
}

// named compiles the members of an object, which must have just these names.
func (c *compiler) named(operator string, arg []byte, at *Place, s scope, names ...string) ([]node, error) {
	kids := make([]node, len(names))
	if !rawjson.IsObject(arg) {
		return nil, at.Errorf("%s needs an object with %s", operator, strings.Join(names, ", "))
	}
	for key, val := range rawjson.Members(arg) {
		i := indexOf(names, string(key))
		if i < 0 {
			return nil, at.Errorf("%s does not know %q, only %s", operator, key, strings.Join(names, ", "))
		}
		var err error
		if kids[i], err = c.expression(val, at.Key(string(key)), s); err != nil {
			return nil, err
		}
	}
	for i, kid := range kids {
		if kid == nil {
			return nil, at.Errorf("%s needs %q", operator, names[i])
		}
	}
	return kids, nil
}

type logical struct {
	kids []node
	or   bool
}

func (n logical) eval(env *Env) Value {
	for _, kid := range n.kids {
		if env.holds(kid.eval(env)) == n.or {
			return BoolValue(n.or)
		}
	}
	return BoolValue(!n.or)
}

type condNode struct{ test, yes, no node }

func (c *compiler) cond(arg []byte, at *Place, s scope) (node, error) {
	if rawjson.IsArray(arg) {
		kids, err := c.listOf(arg, at, s)
		if err != nil {
			return nil, err
		}
		if len(kids) != 3 {
			return nil, at.Errorf("$cond takes 3 arguments, found %d", len(kids))
		}
		return condNode{kids[0], kids[1], kids[2]}, nil
	}
	kids, err := c.named("$cond", arg, at, s, "if", "then", "else")
	if err != nil {
		return nil, err
	}
	return condNode{kids[0], kids[1], kids[2]}, nil
}

func (n condNode) eval(env *Env) Value {
	if env.holds(n.test.eval(env)) {
		return n.yes.eval(env)
	}
	return n.no.eval(env)
}

type ifNullNode struct{ kids []node }

func (c *compiler) ifNull(arg []byte, at *Place, s scope) (node, error) {
	kids, err := c.listOf(arg, at, s)
	if err == nil && len(kids) < 2 {
		err = at.Errorf("$ifNull takes at least 2 arguments, found %d", len(kids))
	}
	return ifNullNode{kids}, err
}

func (n ifNullNode) eval(env *Env) Value {
	last := len(n.kids) - 1
	for _, kid := range n.kids[:last] {
		if v := kid.eval(env); !v.IsNullish() {
			return v
		}
	}
	return n.kids[last].eval(env)
}

type switchNode struct {
	at       *Place
	branches []condNode // without no
	other    node       // nil if there is none
}

func (c *compiler) branches(arg []byte, at *Place, s scope) (node, error) {
	n := switchNode{at: at}
	list, _ := rawjson.Lookup(arg, "branches")
	for i, elem := range elementsOf(list) {
		kids, err := c.named("$switch", elem, at.Key("branches").At(i), s, "case", "then")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, condNode{test: kids[0], yes: kids[1]})
	}
	if len(n.branches) == 0 {
		return nil, at.Errorf("$switch needs branches: [{case: ..., then: ...}]")
	}
	if raw, ok := rawjson.Lookup(arg, "default"); ok {
		var err error
		if n.other, err = c.expression(raw, at.Key("default"), s); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n switchNode) eval(env *Env) Value {
	for _, b := range n.branches {
		if env.holds(b.test.eval(env)) {
			return b.yes.eval(env)
		}
	}
	if n.other == nil {
		if env.err != nil {
			return Value{}
		}
		return env.fail(n.at, "$switch found no branch for the document and has no default")
	}
	return n.other.eval(env)
}

type letNode struct {
	slots  []int
	values []node
	in     node
}

func (c *compiler) let(arg []byte, at *Place, s scope) (node, error) {
	vars, ok := rawjson.Lookup(arg, "vars")
	in, ok2 := rawjson.Lookup(arg, "in")
	if !ok || !ok2 || !rawjson.IsObject(vars) {
		return nil, at.Errorf("$let needs an object with vars, in")
	}
	n := letNode{}
	inner := s
	for key, val := range rawjson.Members(vars) {
		name := string(key)
		if err := checkName(name, at.Key("vars")); err != nil {
			return nil, err
		}
		v, err := c.expression(val, at.Key("vars").Key(name), s)
		if err != nil {
			return nil, err
		}
		var slot int
		inner, slot = c.declare(inner, name)
		n.slots, n.values = append(n.slots, slot), append(n.values, v)
	}
	var err error
	n.in, err = c.expression(in, at.Key("in"), inner)
	return n, err
}

// checkName checks the name of a variable.
func checkName(name string, at *Place) error {
	if name == "" || name != "CURRENT" && (name[0] < 'a' || name[0] > 'z') && name[0] < 0x80 || strings.ContainsAny(name, ".$") {
		return at.Errorf("%q cannot name a variable: begin with a small letter", name)
	}
	return nil
}

func (n letNode) eval(env *Env) Value {
	for i, v := range n.values {
		env.slots[n.slots[i]] = v.eval(env)
	}
	return n.in.eval(env)
}
