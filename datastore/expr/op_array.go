package expr

import (
	"slices"
)

func arrayFunction(name string) (function, bool) {
	switch name {
	case "$arrayElemAt":
		return function{min: 2, max: 2, nulls: true, do: func(k *call) Value {
			i, ok := k.args[1].whole()
			if !ok {
				return k.fail("needs a whole number as the index")
			}
			return k.element(i)
		}}, true
	case "$first":
		return function{min: 1, max: 1, nulls: true, do: func(k *call) Value { return k.element(0) }}, true
	case "$last":
		return function{min: 1, max: 1, nulls: true, do: func(k *call) Value { return k.element(-1) }}, true
	case "$concatArrays":
		return function{min: 0, max: -1, nulls: true, do: concatArrays}, true
	case "$isArray":
		return function{min: 1, max: 1, do: func(k *call) Value { return BoolValue(k.args[0].kind == Array) }}, true
	case "$size":
		return function{min: 1, max: 1, do: func(k *call) Value {
			list, ok := k.array(0)
			if !ok {
				return Value{}
			}
			return IntValue(int64(len(list)))
		}}, true
	case "$range":
		return function{min: 2, max: 3, do: rangeOf}, true
	case "$reverseArray":
		return function{min: 1, max: 1, nulls: true, do: func(k *call) Value {
			list, _ := k.array(0)
			slices.Reverse(list)
			return ArrayValue(list...)
		}}, true
	case "$slice":
		return function{min: 2, max: 3, nulls: true, do: sliceOf}, true
	case "$zip":
		return function{min: 1, named: []string{"inputs", "useLongestLength", "defaults"}, nulls: true, do: zip}, true
	case "$firstN", "$lastN", "$minN", "$maxN":
		return function{min: 2, named: []string{"input", "n"}, do: someOf}, true
	}
	return function{}, false
}

// element returns an element of the first argument, counted from the end if
// i is negative; Missing if there is none.
func (k *call) element(i int) Value {
	list, ok := k.array(0)
	if i < 0 {
		i += len(list)
	}
	if !ok || i < 0 || i >= len(list) {
		return Value{}
	}
	return list[i]
}

func concatArrays(k *call) Value {
	var out []Value
	for i := range k.args {
		list, ok := k.array(i)
		if !ok {
			return Value{}
		}
		out = append(out, list...)
	}
	return ArrayValue(out...)
}

func rangeOf(k *call) Value {
	step := 1
	from, ok1 := k.args[0].whole()
	to, ok2 := k.args[1].whole()
	ok3 := true
	if len(k.args) == 3 {
		step, ok3 = k.args[2].whole()
	}
	if !ok1 || !ok2 || !ok3 || step == 0 {
		return k.fail("needs whole numbers, and a step other than 0")
	}
	n := max(0, (to-from)/step)
	if !k.env.spend(n) {
		return Value{}
	}
	out := make([]Value, 0, n+1)
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		out = append(out, IntValue(int64(i)))
	}
	return ArrayValue(out...)
}

func sliceOf(k *call) Value {
	list, ok := k.array(0)
	first, ok1 := k.args[1].whole()
	if !ok {
		return Value{}
	}
	if !ok1 {
		return k.fail("needs whole numbers")
	}
	if len(k.args) == 2 {
		if first < 0 {
			return ArrayValue(list[max(0, len(list)+first):]...)
		}
		return ArrayValue(list[:min(first, len(list))]...)
	}
	n, ok2 := k.args[2].whole()
	if !ok2 || n <= 0 {
		return k.fail("needs a positive whole number of elements")
	}
	if first < 0 {
		first = max(0, len(list)+first)
	}
	first = min(first, len(list))
	return ArrayValue(list[first:min(first+n, len(list))]...)
}

func zip(k *call) Value {
	inputs, ok := k.array(0)
	if !ok {
		return Value{}
	}
	var lists [][]Value
	var defaults []Value
	if k.args[2].kind == Array {
		defaults = k.args[2].list()
	}
	longest := k.args[1].Truthy()
	n := -1
	for _, v := range inputs {
		if v.IsNullish() {
			return NullValue()
		}
		if v.kind != Array {
			return k.fail("needs inputs to be arrays, found %s", v.kind)
		}
		list := v.list()
		if n < 0 || (longest && len(list) > n) || (!longest && len(list) < n) {
			n = len(list)
		}
		lists = append(lists, list)
	}
	if n < 0 || !k.env.spend(n*len(lists)) {
		return ArrayValue()
	}
	out := make([]Value, n)
	for i := range out {
		row := make([]Value, len(lists))
		for j, list := range lists {
			switch {
			case i < len(list):
				row[j] = list[i]
			case j < len(defaults):
				row[j] = defaults[j]
			default:
				row[j] = NullValue()
			}
		}
		out[i] = ArrayValue(row...)
	}
	return ArrayValue(out...)
}

func someOf(k *call) Value {
	list, ok := k.array(0)
	n, ok2 := k.args[1].whole()
	if !ok {
		return Value{}
	}
	if !ok2 || n < 1 {
		return k.fail("needs n to be a whole number from 1")
	}
	switch k.node.name {
	case "$lastN":
		return ArrayValue(list[max(0, len(list)-n):]...)
	case "$minN", "$maxN":
		list = slices.DeleteFunc(list, Value.IsNullish)
		k.env.spend(len(list) * 8)
		slices.SortStableFunc(list, func(a, b Value) int {
			if k.node.name == "$maxN" {
				return Compare(b, a)
			}
			return Compare(a, b)
		})
	}
	return ArrayValue(list[:min(n, len(list))]...)
}

func searchFunction(name string) (function, bool) {
	switch name {
	case "$in":
		return function{min: 2, max: 2, do: func(k *call) Value {
			list, ok := k.array(1)
			if !ok {
				return Value{}
			}
			return BoolValue(k.search(list, k.args[0]) >= 0)
		}}, true
	case "$indexOfArray":
		return function{min: 2, max: 4, do: indexOfArray}, true
	}
	return function{}, false
}

// search returns the index of the first element that equals want, or -1.
func (k *call) search(list []Value, want Value) int {
	return slices.IndexFunc(list, func(v Value) bool {
		return v.kind == want.kind && k.env.spend(1+walk(v)+walk(want)) && Compare(v, want) == 0
	})
}

func indexOfArray(k *call) Value {
	if k.args[0].IsNullish() {
		return NullValue()
	}
	list, ok := k.array(0)
	if !ok {
		return Value{}
	}
	start, end := 0, len(list)
	for i, v := range k.args[2:] {
		n, ok := v.whole()
		if !ok || n < 0 {
			return k.fail("needs whole numbers from 0 for start and end")
		}
		if i == 0 {
			start = min(n, len(list))
		} else {
			end = min(n, len(list))
		}
	}
	if start > end {
		return IntValue(-1)
	}
	i := k.search(list[start:end], k.args[1])
	if i >= 0 {
		i += start
	}
	return IntValue(int64(i))
}
