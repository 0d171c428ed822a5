package expr

func objectFunction(name string) (function, bool) {
	switch name {
	case "$mergeObjects":
		return function{min: 0, max: -1, do: mergeObjects}, true
	case "$objectToArray":
		return function{min: 1, max: 1, nulls: true, do: objectToArray}, true
	case "$arrayToObject":
		return function{min: 1, max: 1, nulls: true, do: arrayToObject}, true
	case "$getField":
		return function{min: 1, named: []string{"field", "input"}, loose: true, do: getField}, true
	case "$setField":
		return function{min: 3, named: []string{"field", "input", "value"}, do: setField}, true
	case "$unsetField":
		return function{min: 2, named: []string{"field", "input"}, do: setField}, true
	}
	return function{}, false
}

// With returns the object with a member set, or left out if the value is
// Missing. A member that is there keeps its place.
func (v Value) With(name string, to Value) Value {
	members := v.members()
	out := make([]Member, 0, len(members)+1)
	found := false
	for _, m := range members {
		switch {
		case m.Name != name:
			out = append(out, m)
		case !found && to.kind != Missing:
			out = append(out, Member{name, to})
			found = true
		}
	}
	if !found && to.kind != Missing {
		out = append(out, Member{name, to})
	}
	return ObjectValue(out)
}

func mergeObjects(k *call) Value {
	args := k.args
	if len(args) == 1 && args[0].kind == Array {
		args = args[0].list()
	}
	var merged merger
	for _, v := range args {
		if v.IsNullish() {
			continue
		}
		if v.kind != Object {
			return k.fail("needs objects, found %s", v.kind)
		}
		merged.add(v)
		if !k.env.spend(4*v.Len() + len(v.raw)/32) {
			break
		}
	}
	return ObjectValue(merged.members)
}

// merger puts objects together; later members win, in the place of the first.
// add returns by how many bytes they grow.
type merger struct {
	members []Member
	at      map[string]int
}

func (m *merger) add(v Value) (grown int) {
	if m.at == nil {
		m.at = map[string]int{}
	}
	for name, val := range v.Members() {
		if i, ok := m.at[name]; ok {
			grown += exchange(&m.members[i].Value, val)
			continue
		}
		m.at[name] = len(m.members)
		m.members = append(m.members, Member{name, val})
		grown += 2*partSize + 2*len(name) + val.Size()
	}
	return grown
}

func objectToArray(k *call) Value {
	if k.args[0].kind != Object {
		return k.fail("needs an object, found %s", k.args[0].kind)
	}
	var out []Value
	for name, val := range k.args[0].Members() {
		if !k.env.spend(4) {
			break
		}
		out = append(out, ObjectValue([]Member{{"k", TextValue(name)}, {"v", val}}))
	}
	return ArrayValue(out...)
}

func arrayToObject(k *call) Value {
	list, ok := k.array(0)
	if !ok {
		return Value{}
	}
	var m merger
	for _, v := range list {
		name, val := v.Get("k"), v.Get("v")
		if v.kind == Array {
			if pair := v.list(); len(pair) == 2 {
				name, val = pair[0], pair[1]
			}
		}
		if name.kind != Text {
			return k.fail("needs elements like [name, value] or {k: name, v: value}")
		}
		m.add(ObjectValue([]Member{{string(name.Text()), val}}))
		k.env.spend(4)
	}
	return ObjectValue(m.members)
}

func getField(k *call) Value {
	if k.args[0].kind != Text {
		return k.fail("needs field to be a string, found %s", k.args[0].kind)
	}
	from := k.args[1]
	if c, ok := k.node.kids[1].(constant); ok && c.value.kind == Missing {
		from = k.env.doc
	}
	k.env.spend(len(from.raw) / 32)
	switch {
	case from.kind == Missing || from.kind == Object:
		return from.Get(string(k.args[0].Text()))
	case from.kind == Null:
		return from
	}
	return Value{}
}

func setField(k *call) Value {
	if k.args[0].kind != Text {
		return k.fail("needs field to be a string, found %s", k.args[0].kind)
	}
	if k.args[1].IsNullish() {
		return NullValue()
	}
	if k.args[1].kind != Object {
		return k.fail("needs input to be an object, found %s", k.args[1].kind)
	}
	var to Value
	if len(k.args) > 2 {
		to = k.args[2]
	}
	k.env.spend(k.args[1].Len() + len(k.args[1].raw)/32)
	return k.args[1].With(string(k.args[0].Text()), to)
}
