package expr

import "math"

// Accumulator makes one value of many.
type Accumulator interface {
	// Add shows it a value, which it may keep.
	Add(v Value)
	// Result returns what has come of the values so far.
	Result() Value
}

// NewAccumulator returns an accumulator that takes one value at a time: $sum,
// $avg, $min, $max, $first, $last, $push, $addToSet, $stdDevPop, $stdDevSamp,
// $mergeObjects.
func NewAccumulator(name string) (Accumulator, bool) {
	switch name {
	case "$sum":
		return &sumOf{}, true
	case "$avg":
		return &average{}, true
	case "$min":
		return &extreme{sign: -1}, true
	case "$max":
		return &extreme{sign: 1}, true
	case "$first":
		return &first{}, true
	case "$last":
		return &last{}, true
	case "$push":
		return &push{}, true
	case "$addToSet":
		return &addToSet{set{keys: map[string]struct{}{}}}, true
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

func (a *sumOf) Add(v Value) {
	if v.kind == Number {
		a.add(v)
	}
}

func (a *sumOf) Result() Value { return a.value() }

type average struct {
	total sum
	n     int64
}

func (a *average) Add(v Value) {
	if v.kind == Number {
		a.total.add(v)
		a.n++
	}
}

func (a *average) Result() Value {
	if a.n == 0 {
		return NullValue()
	}
	return FloatValue(a.total.value().Float() / float64(a.n))
}

// extreme ignores what is null or missing.
type extreme struct {
	sign int
	best Value
}

func (a *extreme) Add(v Value) {
	if !v.IsNullish() && (a.best.kind == Missing || Compare(v, a.best)*a.sign > 0) {
		a.best = v
	}
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

func (a *first) Add(v Value) {
	if !a.found {
		a.value, a.found = v, true
	}
}

func (a *first) Result() Value { return orNull(a.value) }

type last struct{ value Value }

func (a *last) Add(v Value) { a.value = v }

func (a *last) Result() Value { return orNull(a.value) }

type push struct{ list []Value }

func (a *push) Add(v Value) {
	if v.kind != Missing {
		a.list = append(a.list, v)
	}
}

func (a *push) Result() Value { return ArrayValue(a.list...) }

type addToSet struct{ set }

func (a *addToSet) Add(v Value) {
	if v.kind != Missing {
		a.add(v)
	}
}

func (a *addToSet) Result() Value { return ArrayValue(a.list...) }

// deviation keeps mean and squared distance from it as numbers arrive.
type deviation struct {
	sample     bool
	n          int64
	mean, dist float64
}

func (a *deviation) Add(v Value) {
	if v.kind != Number {
		return
	}
	a.n++
	x := v.Float()
	d := x - a.mean
	a.mean += d / float64(a.n)
	a.dist += d * (x - a.mean)
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

func (a *merge) Add(v Value) { a.add(v) }

func (a *merge) Result() Value { return ObjectValue(a.members) }
