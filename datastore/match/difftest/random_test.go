package difftest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// random makes documents and criteria from few names and values, so that they
// often have to do with each other. It leaves out what the two sides are known
// to see differently, see TestKnownDifferences.
type random struct {
	*rand.Rand
	arrays bool // documents have arrays; otherwise nulls and types matter
}

func newRandom(seed uint64, arrays bool) random {
	return random{rand.New(rand.NewPCG(seed, 0)), arrays}
}

func (r random) pick(list ...string) string { return list[r.IntN(len(list))] }

func (r random) scalar() string {
	if !r.arrays && r.IntN(15) == 0 {
		return "null"
	}
	return r.pick("0", "1", "2", "3", "-1", "1.5", "2.0", "10", `""`, `"a"`, `"b"`, `"ab"`, `"10"`, `"A\n"`, `"\u00e9"`, "true", "false")
}

func (r random) value(depth int) string {
	if depth > 0 && r.IntN(10) < 2 {
		return r.object(depth - 1)
	}
	return r.scalar()
}

// list makes arrays without arrays anywhere in them: of objects as b, or else
// of scalars.
func (r random) list(name string) string {
	var parts []string
	for range 1 + r.IntN(3) {
		if name == "b" {
			parts = append(parts, strings.Replace(random{r.Rand, false}.object(1), "{", `{"n":1,`, 1))
		} else {
			parts = append(parts, r.scalar())
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (r random) object(depth int) string {
	var parts []string
	for _, name := range []string{"a", "b", "c"} {
		switch n := r.IntN(10); {
		case r.arrays && n < 2:
			parts = append(parts, fmt.Sprintf("%q:%s", name, r.list(name)))
		case n < 5:
			parts = append(parts, fmt.Sprintf("%q:%s", name, r.value(depth)))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, `"d":`+r.scalar())
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// document has an integer as n, and the rest at random.
func (r random) document() string {
	return strings.Replace(r.object(3), "{", fmt.Sprintf(`{"n":%d,`, r.IntN(9)-4), 1)
}

func (r random) name() string {
	name := r.pick("a", "b", "c")
	for r.IntN(10) < 4 && len(name) < 6 {
		name += r.pick(".a", ".b", ".c", ".0", ".1")
	}
	return name
}

func (r random) criteria(depth int) string {
	if depth > 0 && r.IntN(10) < 3 {
		var parts []string
		for range 1 + r.IntN(3) {
			parts = append(parts, r.criteria(depth-1))
		}
		return fmt.Sprintf("{%q:[%s]}", r.pick("$and", "$or", "$nor"), strings.Join(parts, ","))
	}
	return r.criteriaOn(r.name(), depth)
}

func (r random) criteriaOn(name string, depth int) string {
	parts := []string{fmt.Sprintf("%q:%s", name, r.condition(depth, name))}
	if r.IntN(2) == 0 {
		parts = append(parts, fmt.Sprintf(`"n":{%s}`, r.integerOperator()))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (r random) condition(depth int, name string) string {
	if r.IntN(10) < 2 {
		return r.operand(name)
	}
	first, arg := r.operator(depth, name)
	second, arg2 := r.operator(depth, name)
	if first == second || r.IntN(2) == 0 {
		return fmt.Sprintf("{%q:%s}", first, arg)
	}
	return fmt.Sprintf("{%q:%s,%q:%s}", first, arg, second, arg2)
}

// operand is a value to compare with; lists only where no list is on the way.
func (r random) operand(field string) string {
	if r.arrays && !strings.Contains(field, ".") && r.IntN(5) == 0 {
		return r.list(field)
	}
	return r.value(1)
}

func (r random) operator(depth int, field string) (name, arg string) {
	switch n := r.IntN(14); {
	case n < 3:
		return r.pick("$eq", "$ne"), r.operand(field)
	case n < 6:
		return r.pick("$gt", "$gte", "$lt", "$lte"), strings.ReplaceAll(r.scalar(), "null", "3")
	case n < 8:
		return r.pick("$in", "$nin"), "[" + r.value(1) + "," + r.scalar() + "]"
	case n < 10 && r.IntN(4) == 0:
		return "$regex", r.pick(`"A"`, `"^AB?$"`, `"a$"`) + `,"$options":` + r.pick(`"i"`, `"m"`, `"im"`)
	case n < 10:
		return "$regex", r.pick(`"a"`, `"^a"`, `"b$"`, `"^a.*b"`, `"[ab]+"`)
	case n < 12 && depth > 0:
		return "$not", r.operators(depth-1, field)
	case !r.arrays:
		if n == 12 {
			return "$exists", r.pick("true", "false")
		}
		return "$type", r.pick(`"number"`, `"string"`, `"object"`, `"array"`, `"bool"`, `"null"`, `2`)
	case strings.Contains(field, "."):
		return "$gte", r.scalar()
	case n == 12:
		return "$size", r.pick("0", "1", "2")
	case field == "b":
		return "$elemMatch", random{r.Rand, false}.criteriaOn(r.pick("a", "b", "c"), 0)
	}
	return "$elemMatch", r.operators(0, field+".x")
}

func (r random) integerOperator() string {
	if r.IntN(2) == 0 {
		return `"$mod":` + r.pick("[2,0]", "[2,1]", "[3,1]", "[-2,0]", "[3,-1]")
	}
	return fmt.Sprintf("%q:%s", r.pick("$bitsAllSet", "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear"), r.pick("1", "2", "3", "[0]", "[0,1]"))
}

func (r random) operators(depth int, field string) string {
	name, arg := r.operator(depth, field)
	return fmt.Sprintf("{%q:%s}", name, arg)
}

// sortable is a document in which a, b.c and d are scalars or not there.
func (r random) sortable() string {
	var parts []string
	for _, form := range []string{`"a":%s`, `"b":{"c":%s}`, `"d":%s`} {
		if r.IntN(5) > 0 {
			parts = append(parts, fmt.Sprintf(form, r.scalar()))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (r random) sort() string {
	names := []string{"a", "b.c", "d"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var all []string
	for _, name := range names[:1+r.IntN(len(names))] {
		all = append(all, fmt.Sprintf("%q:%s", name, r.pick("1", "-1")))
	}
	return "{" + strings.Join(all, ",") + "}"
}

func (r random) projection() string {
	value := r.pick("1", "0")
	var all []string
	for _, name := range []string{"a", "b.a", "b.c", "c"} {
		if r.IntN(10) < 4 {
			all = append(all, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

func raws(n int, f func() string) []json.RawMessage {
	list := make([]json.RawMessage, n)
	for i := range list {
		list[i] = json.RawMessage(f())
	}
	return list
}
