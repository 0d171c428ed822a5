package expr

// functionOf finds an operator by its name.
func functionOf(name string) (function, bool) {
	for _, family := range [...]func(string) (function, bool){
		comparisonFunction, arithmeticFunction, trigonometryFunction, textFunction, regexFunction, arrayFunction,
		searchFunction, setFunction, objectFunction, typeFunction, dateFunction, dateMathFunction, foldFunction,
	} {
		if f, ok := family(name); ok {
			return f, true
		}
	}
	return function{}, false
}

func comparisonFunction(name string) (function, bool) {
	var holds func(c int) bool
	switch name {
	case "$eq":
		holds = func(c int) bool { return c == 0 }
	case "$ne":
		holds = func(c int) bool { return c != 0 }
	case "$gt":
		holds = func(c int) bool { return c > 0 }
	case "$gte":
		holds = func(c int) bool { return c >= 0 }
	case "$lt":
		holds = func(c int) bool { return c < 0 }
	case "$lte":
		holds = func(c int) bool { return c <= 0 }
	case "$cmp":
		return function{min: 2, max: 2, do: func(k *call) Value { return IntValue(int64(k.compare())) }}, true
	case "$not":
		return function{min: 1, max: 1, do: func(k *call) Value { return BoolValue(!k.args[0].Truthy()) }}, true
	default:
		return function{}, false
	}
	return function{min: 2, max: 2, do: func(k *call) Value { return BoolValue(holds(k.compare())) }}, true
}

func (k *call) compare() int {
	return CompareBy(k.env.By, k.args[0], k.args[1])
}

// foldFunction is the accumulators as expressions: over one array, or over
// several arguments.
func foldFunction(name string) (function, bool) {
	switch name {
	case "$sum", "$avg", "$min", "$max", "$stdDevPop", "$stdDevSamp":
	default:
		return function{}, false
	}
	return function{min: 1, max: -1, do: func(k *call) Value {
		acc, _ := NewAccumulator(name, k.env.By)
		if len(k.args) == 1 && k.args[0].kind == Array {
			for elem := range k.args[0].Elements() {
				if !k.env.spend(1) {
					break
				}
				acc.Add(elem)
			}
			return acc.Result()
		}
		for _, v := range k.args {
			acc.Add(v)
		}
		return acc.Result()
	}}, true
}

// number checks that all arguments are numbers.
func (k *call) number() bool {
	for _, v := range k.args {
		if v.kind != Number {
			k.fail("needs numbers, found %s", v.kind)
			return false
		}
	}
	return true
}

// text checks that all arguments are texts and returns the first.
func (k *call) text() ([]byte, bool) {
	for _, v := range k.args {
		if v.kind != Text {
			k.fail("needs strings, found %s", v.kind)
			return nil, false
		}
		k.env.spend(len(v.raw) / 8)
	}
	return k.args[0].Text(), true
}

// array returns an argument's elements if it is an array.
func (k *call) array(i int) ([]Value, bool) {
	v := k.args[i]
	if v.kind != Array {
		k.fail("needs an array, found %s", v.kind)
		return nil, false
	}
	list := v.list()
	return list, k.env.spend(len(list) + len(v.raw)/32)
}
