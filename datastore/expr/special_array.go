package expr

import (
	"slices"
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// eachNode is $map and $filter.
type eachNode struct {
	at       *Place
	filter   bool
	slot     int
	input    node
	in       node // $map: the new element; $filter: whether it stays
	limit    node // of $filter, or nil
	operator string
}

func (c *compiler) each(name string, arg []byte, at *Place, s scope) (node, error) {
	n := eachNode{at: at, filter: name == "$filter", operator: name}
	body := "in"
	if n.filter {
		body = "cond"
	}
	as := "this"
	inner := s
	if raw, ok := rawjson.Lookup(arg, "as"); ok {
		as = string(rawjson.Unquote(raw))
	}
	if err := checkName(as, at); err != nil {
		return nil, err
	}
	inner, n.slot = c.declare(inner, as)
	for key, val := range rawjson.Members(arg) {
		var err error
		at := at.Key(string(key))
		switch string(key) {
		case "as":
		case "input":
			n.input, err = c.expression(val, at, s)
		case body:
			n.in, err = c.expression(val, at, inner)
		case "limit":
			n.limit, err = c.expression(val, at, s)
		default:
			err = at.up.Errorf("%s does not know %q", name, key)
		}
		if err != nil {
			return nil, err
		}
	}
	if n.input == nil || n.in == nil || (n.limit != nil && !n.filter) {
		return nil, at.Errorf("%s needs an object with input, as, %s", name, body)
	}
	return n, nil
}

func (n eachNode) eval(env *Env) Value {
	input := n.input.eval(env)
	if input.IsNullish() {
		return NullValue()
	}
	if input.kind != Array {
		return env.fail(n.at, "%s needs an array, found %s", n.operator, input.kind)
	}
	env.spend(walk(input))
	limit := -1
	if n.limit != nil {
		if v := n.limit.eval(env); !v.IsNullish() {
			var ok bool
			if limit, ok = v.whole(); !ok || limit < 1 {
				return env.fail(n.at, "%s needs a limit from 1", n.operator)
			}
		}
	}
	var out []Member
	for elem := range input.Elements() {
		if !env.spend(2) || len(out) == limit {
			break
		}
		env.slots[n.slot] = elem
		v := n.in.eval(env)
		switch {
		case !n.filter:
			if v.kind == Missing {
				v = NullValue()
			}
			if !env.spend(v.Size()) {
				return Value{}
			}
			out = append(out, Member{Value: v})
		case env.holds(v):
			out = append(out, Member{Value: elem})
		}
	}
	return made(Array, out)
}

type reduceNode struct {
	at                 *Place
	input, initial, in node
	this, value        int
}

func (c *compiler) reduce(arg []byte, at *Place, s scope) (node, error) {
	n := reduceNode{at: at}
	inner, this := c.declare(s, "this")
	inner, n.value = c.declare(inner, "value")
	n.this = this
	for key, val := range rawjson.Members(arg) {
		var err error
		at := at.Key(string(key))
		switch string(key) {
		case "input":
			n.input, err = c.expression(val, at, s)
		case "initialValue":
			n.initial, err = c.expression(val, at, s)
		case "in":
			n.in, err = c.expression(val, at, inner)
		default:
			err = at.up.Errorf("$reduce does not know %q", key)
		}
		if err != nil {
			return nil, err
		}
	}
	if n.input == nil || n.initial == nil || n.in == nil {
		return nil, at.Errorf("$reduce needs an object with input, initialValue, in")
	}
	return n, nil
}

func (n reduceNode) eval(env *Env) Value {
	input := n.input.eval(env)
	if input.IsNullish() {
		return NullValue()
	}
	if input.kind != Array {
		return env.fail(n.at, "$reduce needs an array, found %s", input.kind)
	}
	env.spend(walk(input))
	v := n.initial.eval(env)
	for elem := range input.Elements() {
		if !env.spend(2) {
			break
		}
		env.slots[n.this], env.slots[n.value] = elem, v
		v = n.in.eval(env)
	}
	return v
}

// SortKey is one field of a sort.
type SortKey struct {
	Names []string // the path; none is the value itself
	Desc  bool
}

// CompileSort compiles {field: 1, other: -1} in the order of the text.
func CompileSort(raw []byte, at *Place) ([]SortKey, error) {
	var keys []SortKey
	for key, val := range rawjson.Members(raw) {
		n, ok := FromJSON(val).Int()
		if !ok || (n != 1 && n != -1) || len(key) == 0 || key[0] == '$' {
			return nil, at.Key(string(key)).Errorf("a sort takes names of fields with 1 or -1")
		}
		names := strings.Split(string(key), ".")
		if len(keys) == 32 || len(names) > maxSegments {
			return nil, at.Errorf("a sort takes at most 32 fields of %d components", maxSegments)
		}
		keys = append(keys, SortKey{Names: names, Desc: n == -1})
	}
	if len(keys) == 0 {
		return nil, at.Errorf("a sort needs at least one field")
	}
	return keys, nil
}

// Of returns the value to sort by: of an array the least element, or the
// greatest if the key is descending.
func (k *SortKey) Of(by Collation, v Value) Value {
	v = v.At(k.Names)
	if v.kind == Missing {
		return NullValue()
	}
	if v.kind != Array || len(k.Names) == 0 {
		return v
	}
	var best Value
	first := true
	for elem := range v.Elements() {
		if c := CompareBy(by, elem, best); first || (c < 0 && !k.Desc) || (c > 0 && k.Desc) {
			best, first = elem, false
		}
	}
	return best
}

type sortNode struct {
	at    *Place
	input node
	keys  []SortKey
}

func (c *compiler) sortArray(arg []byte, at *Place, s scope) (node, error) {
	input, ok := rawjson.Lookup(arg, "input")
	by, ok2 := rawjson.Lookup(arg, "sortBy")
	if !ok || !ok2 {
		return nil, at.Errorf("$sortArray needs an object with input, sortBy")
	}
	n := sortNode{at: at}
	var err error
	if rawjson.IsObject(by) {
		n.keys, err = CompileSort(by, at.Key("sortBy"))
	} else if d, ok := FromJSON(by).Int(); ok && (d == 1 || d == -1) {
		n.keys = []SortKey{{Desc: d == -1}}
	} else {
		err = at.Errorf("$sortArray needs sortBy to be 1, -1 or an object of fields")
	}
	if err != nil {
		return nil, err
	}
	n.input, err = c.expression(input, at.Key("input"), s)
	return n, err
}

func (n sortNode) eval(env *Env) Value {
	input := n.input.eval(env)
	if input.IsNullish() {
		return NullValue()
	}
	if input.kind != Array {
		return env.fail(n.at, "$sortArray needs an array, found %s", input.kind)
	}
	env.spend(walk(input))
	list := input.list()
	env.spend(len(list) * 4)
	slices.SortStableFunc(list, func(a, b Value) int {
		if !env.spend(len(n.keys) + walk(a) + walk(b)) {
			return 0
		}
		for i := range n.keys {
			k := &n.keys[i]
			c := Compare(k.Of(nil, a), k.Of(nil, b))
			if c != 0 && k.Desc {
				return -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return ArrayValue(list...)
}
