package aggregate

import (
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// groupField is a field of a group and the accumulator that makes it.
type groupField struct {
	name    string
	make    func() accumulator
	value   *expr.Expression
	sortKey []expr.SortKey // $top, $bottom and the like
}

// accumulator makes one value of what it is shown.
type accumulator interface {
	// add returns the bytes of memory that it now keeps in addition.
	add(v shown) int
	result() expr.Value
}

// shown is a value, with the document that it was worked out for.
type shown struct {
	value expr.Value
	doc   expr.Value
}

func newAccumulators(fields []groupField) []accumulator {
	out := make([]accumulator, len(fields))
	for i := range fields {
		out[i] = fields[i].make()
	}
	return out
}

func (f *groupField) eval(r *run, doc expr.Value) (shown, error) {
	v, err := f.value.Eval(r.env, doc)
	return shown{v, doc}, err
}

// accumulator compiles {"$sum": ...} and its like.
func (c *compiler) accumulator(name string, raw []byte, at *expr.Place) (groupField, error) {
	f := groupField{name: name}
	op, arg, next := rawjson.NextMember(raw, 1)
	if !isOperator(raw) {
		return f, at.Errorf("a field of a group needs an accumulator, such as {\"$sum\": 1}")
	}
	if _, _, more := rawjson.NextMember(raw, next); more >= 0 {
		return f, at.Errorf("a field of a group needs one accumulator only")
	}
	operator := string(op)
	up, at := at, at.Key(operator)
	var err error
	switch operator {
	case "$count":
		f.make = func() accumulator { a, _ := expr.NewAccumulator("$sum"); return simple{a, false} }
		arg = []byte("1")
	case "$firstN", "$lastN", "$minN", "$maxN", "$top", "$topN", "$bottom", "$bottomN":
		return f, c.several(&f, operator, arg, at)
	default:
		if _, ok := expr.NewAccumulator(operator); !ok {
			return f, up.Errorf("unknown accumulator %s", operator)
		}
		keeps := operator == "$push" || operator == "$addToSet" || operator == "$mergeObjects"
		f.make = func() accumulator { a, _ := expr.NewAccumulator(operator); return simple{a, keeps} }
	}
	f.value, err = c.expression(arg, at)
	return f, err
}

type simple struct {
	expr.Accumulator
	keeps bool
}

func (a simple) add(v shown) int {
	a.Add(v.value)
	if a.keeps {
		return 64 + v.value.Size()
	}
	return 0
}

func (a simple) result() expr.Value { return a.Result() }

// several compiles the accumulators that keep the first of an order.
func (c *compiler) several(f *groupField, operator string, arg []byte, at *expr.Place) error {
	sorted := operator[1] == 't' || operator[1] == 'b'
	one := operator == "$top" || operator == "$bottom"
	members := []string{"input", "n"}
	if sorted {
		members = []string{"output", "sortBy", "n"}
	}
	if err := known(operator, arg, at, members...); err != nil {
		return err
	}
	n := 1
	if !one {
		raw, _ := rawjson.Lookup(arg, "n")
		var err error
		if n, err = c.wholeNumber(operator+" with n", raw, at); err != nil {
			return err
		}
	}
	input, ok := rawjson.Lookup(arg, members[0])
	if !ok {
		return at.Errorf("%s needs %q", operator, members[0])
	}
	var err error
	if f.value, err = c.expression(input, at.Key(members[0])); err != nil {
		return err
	}
	order := func(a, b shown) int { return 0 }
	switch {
	case sorted:
		by, _ := rawjson.Lookup(arg, "sortBy")
		if f.sortKey, err = expr.CompileSort(by, at.Key("sortBy")); err != nil {
			return err
		}
		order = func(a, b shown) int { return compareBy(f.sortKey, c.by, a.doc, b.doc) }
	case operator == "$minN":
		order = func(a, b shown) int { return expr.CompareBy(c.by, a.value, b.value) }
	case operator == "$maxN":
		order = func(a, b shown) int { return expr.CompareBy(c.by, b.value, a.value) }
	}
	keys := f.sortKey
	if sorted {
		order = func(a, b shown) int { return compareBy(keys, c.by, a.doc, b.doc) }
	}
	last := operator == "$lastN" || operator == "$bottom" || operator == "$bottomN"
	f.make = func() accumulator {
		return &several{n: n, one: one, last: last, order: order, nulls: sorted || operator == "$firstN" || last}
	}
	return nil
}

// several keeps the first, or last, n values in an order; those that compare
// equal stay in the order in which they came.
type several struct {
	n         int
	one, last bool
	nulls     bool // null and what is missing count
	order     func(a, b shown) int
	list      []shown
}

func (a *several) add(v shown) int {
	if !a.nulls && v.value.IsNullish() {
		return 0
	}
	i, _ := slices.BinarySearchFunc(a.list, v, func(have, v shown) int {
		if a.order(have, v) <= 0 {
			return -1
		}
		return 1
	})
	switch {
	case len(a.list) < a.n:
		a.list = slices.Insert(a.list, i, v)
		return 128 + v.value.Size() + v.doc.Size()
	case a.last && i > 0: // the first goes
		copy(a.list, a.list[1:i])
		a.list[i-1] = v
	case !a.last && i < a.n: // the last goes
		copy(a.list[i+1:], a.list[i:a.n-1])
		a.list[i] = v
	}
	return 0
}

func (a *several) result() expr.Value {
	if a.one {
		if len(a.list) == 0 {
			return expr.NullValue()
		}
		return a.list[0].value
	}
	out := make([]expr.Value, len(a.list))
	for i, v := range a.list {
		if out[i] = v.value; v.value.Kind() == expr.Missing {
			out[i] = expr.NullValue()
		}
	}
	return expr.ArrayValue(out...)
}
