package expr

import "math"

// Accumulator makes one value of many.
type Accumulator interface {
	// Add shows it a value, which it may keep, and returns by how many bytes
	// that changes what it keeps.
	Add(v Value) int
	// Result returns what has come of the values so far.
	Result() Value
}

// NewAccumulator returns an accumulator that takes one value at a time: $sum,
// $avg, $min, $max, $first, $last, $push, $addToSet, $stdDevPop, $stdDevSamp,
// $mergeObjects. Texts are compared by the collation, nil is by bytes.
func NewAccumulator(name string, by Collation) (Accumulator, bool) {
	switch name {
	case "$sum":
		return &sumOf{}, true
	case "$avg":
		return &average{}, true
	case "$min":
		return &extreme{by: by, sign: -1}, true
	case "$max":
		return &extreme{by: by, sign: 1}, true
	case "$first":
		return &first{}, true
	case "$last":
		return &last{}, true
	case "$push":
		return &push{}, true
	case "$addToSet":
		return &addToSet{newSet(by, 0)}, true
	case "$stdDevPop":
		return &deviation{}, true
	case "$stdDevSamp":
		return &deviation{sample: true}, true
	case "$mergeObjects":
		return &merge{}, true
	}
	return nil, false
}

type sumOf struct{ sum }

func (a *sumOf) Add(v Value) int {
	if v.kind == Number {
		a.add(v)
	}
	return 0
}

func (a *sumOf) Result() Value { return a.value() }

type average struct {
	total sum
	n     int64
}

func (a *average) Add(v Value) int {
	if v.kind == Number {
		a.total.add(v)
		a.n++
	}
	return 0
}

func (a *average) Result() Value {
	if a.n == 0 {
		return NullValue()
	}
	return FloatValue(a.total.value().Float() / float64(a.n))
}

// extreme ignores what is null or missing.
type extreme struct {
	by   Collation
	sign int
	best Value
}

func (a *extreme) Add(v Value) int {
	if !v.IsNullish() && (a.best.kind == Missing || CompareBy(a.by, v, a.best)*a.sign > 0) {
		return exchange(&a.best, v)
	}
	return 0
}

// exchange returns by how many bytes a value is larger than the one before it.
func exchange(at *Value, v Value) int {
	grown := v.Size() - at.Size()
	*at = v
	return grown
}

func (a *extreme) Result() Value { return orNull(a.best) }

func orNull(v Value) Value {
	if v.kind == Missing {
		return NullValue()
	}
	return v
}

type first struct {
	value Value
	found bool
}

func (a *first) Add(v Value) int {
	if a.found {
		return 0
	}
	a.found = true
	return exchange(&a.value, v)
}

func (a *first) Result() Value { return orNull(a.value) }

type last struct{ value Value }

func (a *last) Add(v Value) int { return exchange(&a.value, v) }

func (a *last) Result() Value { return orNull(a.value) }

type push struct{ list []Value }

func (a *push) Add(v Value) int {
	if v.kind == Missing {
		return 0
	}
	a.list = append(a.list, v)
	return partSize + v.Size()
}

func (a *push) Result() Value { return ArrayValue(a.list...) }

type addToSet struct{ set }

func (a *addToSet) Add(v Value) int {
	if v.kind == Missing || !a.add(v) {
		return 0
	}
	return 2*partSize + 2*v.Size() // the value, and its key
}

func (a *addToSet) Result() Value { return ArrayValue(a.list...) }

// deviation keeps mean and squared distance from it as numbers arrive.
type deviation struct {
	sample     bool
	n          int64
	mean, dist float64
}

func (a *deviation) Add(v Value) int {
	if v.kind != Number {
		return 0
	}
	a.n++
	x := v.Float()
	d := x - a.mean
	a.mean += d / float64(a.n)
	a.dist += d * (x - a.mean)
	return 0
}

func (a *deviation) Result() Value {
	n := a.n
	if a.sample {
		n--
	}
	if n <= 0 {
		return NullValue()
	}
	return FloatValue(math.Sqrt(a.dist / float64(n)))
}

// merge puts objects together; anything else is ignored.
type merge struct{ merger }

func (a *merge) Add(v Value) int { return a.add(v) }

func (a *merge) Result() Value { return ObjectValue(a.members) }
