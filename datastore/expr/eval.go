package expr

import "fmt"

// Env is what an evaluation needs beside the document. The zero value is ready
// to use, for one goroutine; using it again saves allocations.
type Env struct {
	Now   int64     // Unix time in ms, $$NOW
	Given []Value   // the variables that were named to Compile
	By    Collation // how comparisons see texts; nil is by bytes

	doc    Value
	found  []found // by fieldPath.known
	slots  []Value
	stack  []Value
	budget int
	err    *Error
}

// freeSteps is the part of a budget that depends on nothing.
const freeSteps = 64 << 10

// Eval evaluates the expression on a document. Errors are of type *Error: a
// value that an operator cannot work with, or a budget that is used up. The
// result may alias the document.
func (e *Expression) Eval(env *Env, doc Value) (Value, error) {
	env.doc, env.err = doc, nil
	env.budget = freeSteps + 64*e.cost + 256*doc.Size()
	if len(env.slots) < e.slots {
		env.slots = make([]Value, e.slots)
	}
	if len(env.found) < e.paths {
		env.found = make([]found, e.paths)
	}
	clear(env.found[:e.paths])
	copy(env.slots[:e.given], env.Given)
	v := e.root.eval(env)
	if env.err != nil {
		return Value{}, env.err
	}
	return v, nil
}

// fail keeps the first error of an evaluation.
func (env *Env) fail(at *Place, format string, args ...any) Value {
	if env.err == nil {
		env.err = &Error{Problem: fmt.Sprintf(format, args...), Where: at.String()}
	}
	return Value{}
}

// spend takes n steps, or bytes, from the budget and reports whether the
// evaluation may go on.
func (env *Env) spend(n int) bool {
	if env.budget -= n; env.budget < 0 && env.err == nil {
		env.err = &Error{Problem: "the expression does too much for a document of this size"}
	}
	return env.err == nil
}

// walk is the steps that it takes to go through a value once.
func walk(v Value) int {
	if v.form == asJSON && (v.kind == Array || v.kind == Object) {
		return len(v.raw) / 4 // it may have as many small parts
	}
	return v.Size() / 32
}

// holds reports whether a value counts as true. A number must be read for that,
// however long it is.
func (env *Env) holds(v Value) bool {
	env.spend(len(v.raw) / 32)
	return v.Truthy()
}

// origin says where a path starts.
type origin uint8

const (
	fromDocument origin = iota
	fromSlot
	fromClock
	fromNowhere
)

// constant is a value written in the expression.
type constant struct{ value Value }

func (n constant) eval(*Env) Value { return n.value }

// fieldPath is "$a.b" or "$$name.a.b".
type fieldPath struct {
	from  origin
	slot  int
	known int // the place in Env.found of a path into the document
	names []string
}

// found is what a path into the document leads to, which is followed once.
type found struct {
	done  bool
	value Value
}

func (n fieldPath) eval(env *Env) Value {
	var v Value
	switch n.from {
	case fromDocument:
		if len(n.names) == 0 {
			return env.doc
		}
		f := &env.found[n.known]
		if !f.done {
			*f = found{true, env.doc.At(n.names)}
		}
		return f.value
	case fromSlot:
		v = env.slots[n.slot]
	case fromClock:
		v = DateValue(env.Now)
	}
	if len(n.names) == 0 {
		return v
	}
	if !env.spend(1 + walk(v)) {
		return Value{}
	}
	return v.At(n.names)
}

// At follows a path. In an array on the way it goes on in every element that
// is an object, and the result is the array of what is found there.
func (v Value) At(names []string) Value {
	for i, name := range names {
		if v.kind == Array {
			var found []Member
			for elem := range v.Elements() {
				if elem.kind != Object {
					continue
				}
				if inner := elem.At(names[i:]); inner.kind != Missing {
					found = append(found, Member{Value: inner})
				}
			}
			return made(Array, found)
		}
		v = v.Get(name)
	}
	return v
}

// arrayNode makes an array; what is missing becomes null.
type arrayNode struct{ kids []node }

func (n arrayNode) eval(env *Env) Value {
	parts := make([]Member, len(n.kids))
	for i, kid := range n.kids {
		if parts[i].Value = kid.eval(env); parts[i].Value.kind == Missing {
			parts[i].Value = NullValue()
		}
	}
	out := made(Array, parts)
	env.spend(out.Size())
	return out
}

// objectNode makes an object; members that are missing are left out.
type objectNode struct {
	names []string
	kids  []node
}

func (n objectNode) eval(env *Env) Value {
	parts := make([]Member, 0, len(n.kids))
	for i, kid := range n.kids {
		if v := kid.eval(env); v.kind != Missing {
			parts = append(parts, Member{n.names[i], v})
		}
	}
	out := ObjectValue(parts)
	env.spend(out.Size())
	return out
}

// function is an operator that works on the values of its arguments.
type function struct {
	min, max int      // arguments; max is -1 without a bound
	named    []string // the arguments are members with these names; min of them are required
	loose    bool     // the first of the named may also stand alone
	nulls    bool     // null if an argument among the first min (or any, if not named) is null or missing
	do       func(k *call) Value
}

func (f *function) arity() string {
	switch {
	case f.max < 0:
		return fmt.Sprintf("at least %d arguments", f.min)
	case f.min == f.max:
		return fmt.Sprintf("%d arguments", f.min)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// call is one evaluation of a function.
type call struct {
	env  *Env
	node *callNode
	args []Value
}

func (k *call) fail(format string, args ...any) Value {
	return k.env.fail(k.node.at, k.node.name+" "+format, args...)
}

type callNode struct {
	function
	name  string
	at    *Place
	kids  []node
	regex *pattern // the regular expression, if it is written in the expression
}

func (n *callNode) eval(env *Env) Value {
	base := len(env.stack)
	null := false
	cost := 1 + len(n.kids)
	for i, kid := range n.kids {
		v := kid.eval(env)
		env.stack = append(env.stack, v)
		cost += walk(v)
		if n.nulls && v.IsNullish() && (n.named == nil || i < n.min) {
			null = true
		}
	}
	var out Value
	switch {
	case !env.spend(cost): // no operator goes through an argument more than a few times
	case null:
		out = NullValue()
	default:
		args := env.stack[base:]
		out = n.do(&call{env: env, node: n, args: args})
		if out.form != asJSON { // something that was made just now
			env.spend(out.Size())
		}
	}
	clear(env.stack[base:])
	env.stack = env.stack[:base]
	return out
}
