package expr

// setFunction is the operators that take arrays for sets. Results keep the
// order in which elements are first met.
func setFunction(name string) (function, bool) {
	switch name {
	case "$setUnion", "$setIntersection":
		return function{min: 0, max: -1, nulls: true, do: combineSets}, true
	case "$setDifference":
		return function{min: 2, max: 2, nulls: true, do: combineSets}, true
	case "$setEquals":
		return function{min: 2, max: -1, do: setEquals}, true
	case "$setIsSubset":
		return function{min: 2, max: 2, do: func(k *call) Value {
			a, ok := k.set(0)
			b, ok2 := k.set(1)
			return BoolValue(ok && ok2 && a.within(b))
		}}, true
	case "$allElementsTrue", "$anyElementTrue":
		return function{min: 1, max: 1, do: func(k *call) Value {
			any := k.node.name == "$anyElementTrue"
			list, _ := k.array(0)
			for _, v := range list {
				if v.Truthy() == any {
					return BoolValue(any)
				}
			}
			return BoolValue(!any)
		}}, true
	}
	return function{}, false
}

// set is an array without what comes twice.
type set struct {
	by   Collation
	list []Value
	keys map[string]struct{}
}

func newSet(by Collation, n int) set { return set{by: by, keys: make(map[string]struct{}, n)} }

func (s *set) has(key []byte) bool {
	_, ok := s.keys[string(key)]
	return ok
}

// add reports whether the value was not there yet.
func (s *set) add(v Value) bool {
	key := v.AppendKey(s.by, nil)
	if s.has(key) {
		return false
	}
	s.keys[string(key)] = struct{}{}
	s.list = append(s.list, v)
	return true
}

func (s *set) within(other *set) bool {
	for key := range s.keys {
		if !other.has([]byte(key)) {
			return false
		}
	}
	return true
}

func (k *call) set(i int) (*set, bool) {
	list, ok := k.array(i)
	if !ok || !k.env.spend(8*len(list)) {
		return nil, false
	}
	s := newSet(k.env.By, len(list))
	for _, v := range list {
		s.add(v)
	}
	return &s, true
}

func combineSets(k *call) Value {
	if len(k.args) == 0 {
		return ArrayValue()
	}
	first, ok := k.set(0)
	if !ok {
		return Value{}
	}
	for i := range k.args[1:] {
		next, ok := k.set(i + 1)
		if !ok {
			return Value{}
		}
		if k.node.name == "$setUnion" {
			for _, v := range next.list {
				first.add(v)
			}
			continue
		}
		kept := newSet(k.env.By, 0)
		for _, v := range first.list {
			if next.has(v.AppendKey(k.env.By, nil)) == (k.node.name == "$setIntersection") {
				kept.add(v)
			}
		}
		first = &kept
	}
	return ArrayValue(first.list...)
}

func setEquals(k *call) Value {
	first, ok := k.set(0)
	for i := 1; ok && i < len(k.args); i++ {
		var next *set
		if next, ok = k.set(i); ok && (!first.within(next) || !next.within(first)) {
			return BoolValue(false)
		}
	}
	return BoolValue(ok)
}
