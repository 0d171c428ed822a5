package aggregate

import (
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// groupField is a field of a group and the accumulator that makes it.
type groupField struct {
	name  string
	make  func() accumulator
	value *expr.Expression
}

// accumulator makes one value of what it is shown.
type accumulator interface {
	// add returns by how many bytes that changes what it keeps.
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
		if !rawjson.IsObject(arg) || expr.FromJSON(arg).Len() > 0 {
			return f, at.Errorf("$count needs an empty object")
		}
		operator, arg = "$sum", []byte("1")
	case "$firstN", "$lastN", "$minN", "$maxN", "$top", "$topN", "$bottom", "$bottomN":
		return f, c.several(&f, operator, arg, at)
	case "$median", "$percentile":
		return f, c.percentile(&f, operator, arg, at)
	}
	if _, ok := expr.NewAccumulator(operator, c.by); !ok {
		return f, up.Errorf("unknown accumulator %s", operator)
	}
	f.make = func() accumulator { a, _ := expr.NewAccumulator(operator, c.by); return simple{a} }
	f.value, err = c.expression(arg, at)
	return f, err
}

// simple is an accumulator that does not look at the document.
type simple struct{ expr.Accumulator }

func (a simple) add(v shown) int { return a.Add(v.value) }

func (a simple) result() expr.Value { return a.Result() }

func (c *compiler) percentile(f *groupField, operator string, arg []byte, at *expr.Place) error {
	if err := known(operator, arg, at, expr.PercentileMembers(operator)...); err != nil {
		return err
	}
	input, ok := rawjson.Lookup(arg, "input")
	if !ok {
		return at.Errorf("%s needs \"input\"", operator)
	}
	newAccumulator, err := expr.CompilePercentile(operator, arg, at)
	if err != nil {
		return err
	}
	f.make = func() accumulator { return simple{newAccumulator()} }
	f.value, err = c.expression(input, at.Key("input"))
	return err
}
