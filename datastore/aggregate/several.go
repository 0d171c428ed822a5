package aggregate

import (
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

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
	order := ordering{by: c.by}
	switch {
	case sorted:
		by, _ := rawjson.Lookup(arg, "sortBy")
		if order.keys, err = expr.CompileSort(by, at.Key("sortBy")); err != nil {
			return err
		}
	case operator == "$minN" || operator == "$maxN":
		order.keys = []expr.SortKey{{Desc: operator == "$maxN"}}
	}
	s := several{one: one, sorted: sorted}
	last := operator == "$lastN" || operator == "$bottom" || operator == "$bottomN"
	s.nulls = sorted || operator == "$firstN" || last
	f.make = func() accumulator {
		s := s
		s.best = best{ordering: order, n: n, last: last}
		return &s
	}
	return nil
}

// several keeps the first, or last, n values in an order.
type several struct {
	one    bool
	sorted bool // by the document, not by the value
	nulls  bool // null and what is missing count
	best   best
}

func (a *several) add(v shown) int {
	if !a.nulls && v.value.IsNullish() {
		return 0
	}
	by := v.value
	if a.sorted {
		by = v.doc
	}
	_, grown := a.best.add(v.value, by)
	return grown
}

func (a *several) result() expr.Value {
	list := a.best.inOrder()
	out := make([]expr.Value, len(list))
	for i := range list {
		if out[i] = list[i].value; out[i].Kind() == expr.Missing {
			out[i] = expr.NullValue()
		}
	}
	switch {
	case !a.one:
		return expr.ArrayValue(out...)
	case len(out) == 0:
		return expr.NullValue()
	}
	return out[0]
}
