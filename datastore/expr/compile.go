package expr

import (
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// MaxDepth is how deep operators may nest.
const MaxDepth = 64

// maxSegments bounds a dotted path; no document that the host accepts nests deeper.
const maxSegments = 128

// Expression is a compiled expression. It is immutable and safe for concurrent use.
type Expression struct {
	root  node
	given int // variables that the caller of Eval provides
	slots int
	paths int // into the document
	cost  int
}

// node is a part of an expression.
type node interface {
	eval(env *Env) Value
}

// compiler turns an expression into nodes.
type compiler struct {
	slots int
	regex int
	paths map[string]int // into the document, by their text
}

// scope is where an expression stands: what variables it sees, and how deep it is.
type scope struct {
	vars  *variable
	depth int
}

type variable struct {
	up   *variable
	name string
	slot int
}

func (s scope) find(name string) (slot int, ok bool) {
	for v := s.vars; v != nil; v = v.up {
		if v.name == name {
			return v.slot, true
		}
	}
	return 0, false
}

// declare returns a scope with one more variable.
func (c *compiler) declare(s scope, name string) (scope, int) {
	slot := c.slots
	c.slots++
	s.vars = &variable{up: s.vars, name: name, slot: slot}
	return s, slot
}

// Compile compiles an expression of valid JSON text, of which it keeps
// nothing. The variables are those that Env.Given provides, by the same
// positions. at is named in errors, which are of type *Error.
func Compile(raw []byte, at *Place, variables ...string) (*Expression, error) {
	raw = append([]byte(nil), raw...)
	c := compiler{paths: map[string]int{}}
	var s scope
	for _, name := range variables {
		s, _ = c.declare(s, name)
	}
	n, err := c.expression(raw, at, s)
	if err != nil {
		return nil, err
	}
	return &Expression{root: n, given: len(variables), slots: c.slots, paths: len(c.paths), cost: len(raw)}, nil
}

func (c *compiler) expression(raw []byte, at *Place, s scope) (node, error) {
	if s.depth++; s.depth > MaxDepth {
		return nil, at.Errorf("expressions nest deeper than %d levels", MaxDepth)
	}
	switch {
	case rawjson.IsString(raw):
		text := string(rawjson.Unquote(raw))
		if !strings.HasPrefix(text, "$") {
			return constant{FromJSON(raw)}, nil
		}
		return c.path(text, at, s)
	case rawjson.IsArray(raw):
		return c.array(raw, at, s)
	case rawjson.IsObject(raw):
		return c.object(raw, at, s)
	}
	return constant{FromJSON(raw)}, nil
}

// path compiles "$a.b" and "$$variable.a.b".
func (c *compiler) path(text string, at *Place, s scope) (node, error) {
	name, rest := "CURRENT", text[1:]
	if strings.HasPrefix(text, "$$") {
		name, rest, _ = strings.Cut(text[2:], ".")
	}
	var names []string
	if rest != "" {
		names = strings.Split(rest, ".")
	}
	if text == "$" || strings.HasSuffix(text, ".") {
		return nil, at.Errorf("the path %q has an empty component", text)
	}
	for _, n := range names {
		if n == "" || n[0] == '$' {
			return nil, at.Errorf("the path %q has an empty component, or one that begins with $", text)
		}
	}
	if len(names) > maxSegments {
		return nil, at.Errorf("the path has more than %d components", maxSegments)
	}
	f := fieldPath{names: names}
	if slot, ok := s.find(name); ok {
		f.from, f.slot = fromSlot, slot
		return f, nil
	}
	switch name {
	case "CURRENT", "ROOT":
		f.from = fromDocument
		f.known = c.known(rest)
	case "NOW":
		f.from = fromClock
	case "REMOVE":
		f.from = fromNowhere
	default:
		return nil, at.Errorf("the variable $$%s is not defined", name)
	}
	return f, nil
}

// known numbers the paths into the document.
func (c *compiler) known(path string) int {
	n, ok := c.paths[path]
	if !ok {
		n = len(c.paths)
		c.paths[path] = n
	}
	return n
}

func (c *compiler) array(raw []byte, at *Place, s scope) (node, error) {
	var a arrayNode
	i := 0
	for elem := range rawjson.Elements(raw) {
		n, err := c.expression(elem, at.At(i), s)
		if err != nil {
			return nil, err
		}
		a.kids = append(a.kids, n)
		i++
	}
	return a, nil
}

// object compiles an operator, or an object whose members are expressions.
func (c *compiler) object(raw []byte, at *Place, s scope) (node, error) {
	var o objectNode
	for key, val := range rawjson.Members(raw) {
		name := string(key)
		if strings.HasPrefix(name, "$") {
			if len(o.names) > 0 || !alone(raw) {
				return nil, at.Errorf("the operator %s must be the only member of its object", name)
			}
			return c.operator(name, val, at, s)
		}
		if strings.Contains(name, ".") {
			return nil, at.Errorf("the name %q has a dot; nest objects instead", name)
		}
		n, err := c.expression(val, at.Key(name), s)
		if err != nil {
			return nil, err
		}
		o.names = append(o.names, name)
		o.kids = append(o.kids, n)
	}
	return o, nil
}

// alone reports whether an object has one member.
func alone(obj []byte) bool {
	_, _, i := rawjson.NextMember(obj, 1)
	if i >= 0 {
		_, _, i = rawjson.NextMember(obj, i)
	}
	return i < 0
}

func (c *compiler) operator(name string, arg []byte, at *Place, s scope) (node, error) {
	at = at.Key(name)
	if n, known, err := c.special(name, arg, at, s); known {
		return n, err
	}
	f, ok := functionOf(name)
	if !ok {
		return nil, at.up.Errorf("unknown operator %s", name)
	}
	if f.named != nil {
		return c.namedCall(f, name, arg, at, s)
	}
	n := &callNode{function: f, name: name, at: at}
	if f.max == 1 && rawjson.IsArray(arg) {
		// [x] is a list of one argument, anything longer is the argument's mistake.
		if elems := elementsOf(arg); len(elems) == 1 {
			arg = elems[0]
		} else {
			return nil, at.Errorf("%s takes one argument, found %d", name, len(elems))
		}
	}
	if f.max != 1 && rawjson.IsArray(arg) {
		for i, elem := range elementsOf(arg) {
			kid, err := c.expression(elem, at.At(i), s)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
	} else {
		kid, err := c.expression(arg, at, s)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	if len(n.kids) < f.min || (f.max >= 0 && len(n.kids) > f.max) {
		return nil, at.Errorf("%s takes %s, found %d", name, f.arity(), len(n.kids))
	}
	return n, c.checkRegex(n, at)
}

// namedCall compiles an operator whose arguments are members of an object.
func (c *compiler) namedCall(f function, name string, arg []byte, at *Place, s scope) (node, error) {
	n := &callNode{function: f, name: name, at: at, kids: make([]node, len(f.named))}
	for i := range n.kids {
		n.kids[i] = constant{}
	}
	if !rawjson.IsObject(arg) || (f.loose && isOperator(arg)) {
		if !f.loose {
			return nil, at.Errorf("%s needs an object with %s", name, strings.Join(f.named, ", "))
		}
		if elems := elementsOf(arg); len(elems) == 1 {
			arg = elems[0]
		}
		kid, err := c.expression(arg, at, s)
		n.kids[0] = kid
		return n, err
	}
	for key, val := range rawjson.Members(arg) {
		i := indexOf(f.named, string(key))
		if i < 0 {
			return nil, at.Errorf("%s does not know %q, only %s", name, key, strings.Join(f.named, ", "))
		}
		kid, err := c.expression(val, at.Key(string(key)), s)
		if err != nil {
			return nil, err
		}
		n.kids[i] = kid
	}
	for i := range f.min {
		if _, ok := rawjson.Lookup(arg, f.named[i]); !ok {
			return nil, at.Errorf("%s needs %q", name, f.named[i])
		}
	}
	return n, c.checkRegex(n, at)
}

func isOperator(raw []byte) bool {
	name, _, i := rawjson.NextMember(raw, 1)
	return i >= 0 && len(name) > 0 && name[0] == '$'
}

func elementsOf(raw []byte) [][]byte {
	var out [][]byte
	for elem := range rawjson.Elements(raw) {
		out = append(out, elem)
	}
	return out
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}
