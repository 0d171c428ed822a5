package expr

import (
	"math"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

func typeFunction(name string) (function, bool) {
	switch name {
	case "$type":
		return function{min: 1, max: 1, do: func(k *call) Value { return TextValue(typeName(k.args[0])) }}, true
	case "$isNumber":
		return function{min: 1, max: 1, do: func(k *call) Value { return BoolValue(k.args[0].kind == Number) }}, true
	case "$toString", "$toInt", "$toLong", "$toDouble", "$toDecimal", "$toBool", "$toDate":
		to := map[string]string{"$toString": "string", "$toInt": "int", "$toLong": "long", "$toDouble": "double",
			"$toDecimal": "decimal", "$toBool": "bool", "$toDate": "date"}[name]
		return function{min: 1, max: 1, nulls: true, do: func(k *call) Value {
			v, problem := convert(k.args[0], to)
			if problem != "" {
				return k.fail("%s", problem)
			}
			k.env.spend(len(v.raw) / 8)
			return v
		}}, true
	case "$convert":
		return function{min: 2, named: []string{"input", "to", "onError", "onNull"}, do: convertTo}, true
	}
	return function{}, false
}

// typeName names the type as MongoDB does: numbers by the smallest type that
// holds them exactly.
func typeName(v Value) string {
	if v.kind != Number {
		return v.kind.String()
	}
	n, ok := v.Int()
	switch {
	case !ok:
		return "double"
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return "int"
	}
	return "long"
}

func convertTo(k *call) Value {
	if k.args[0].IsNullish() {
		if k.args[3].kind != Missing {
			return k.args[3]
		}
		return NullValue()
	}
	to := string(k.args[1].Text())
	if n, ok := k.args[1].Int(); ok {
		to = map[int64]string{1: "double", 2: "string", 8: "bool", 9: "date", 16: "int", 18: "long", 19: "decimal"}[n]
	}
	v, problem := convert(k.args[0], to)
	switch {
	case problem == "":
		k.env.spend(len(v.raw) / 8)
		return v
	case k.args[2].kind != Missing:
		return k.args[2]
	}
	return k.fail("%s", problem)
}

// convert makes a value of another type, or says why it cannot.
func convert(v Value, to string) (out Value, problem string) {
	switch to {
	case "string":
		switch v.kind {
		case Text:
			return v, ""
		case Number, Boolean:
			return TextValue(v.AppendJSON(nil)), ""
		case Date:
			return TextValue(isoDate(v.n)), ""
		}
	case "bool":
		return BoolValue(v.Truthy()), ""
	case "date":
		if ms, ok := instant(v); ok {
			return DateValue(ms), ""
		}
	case "int", "long", "double", "decimal":
		if n, ok := toNumber(v, to); ok {
			return n, ""
		}
	default:
		return Value{}, "does not know the type " + strconv.Quote(to)
	}
	found := v.AppendJSON(nil)
	if len(found) > 40 {
		found = append(found[:40], "..."...)
	}
	return Value{}, "cannot make " + to + " of " + string(found)
}

func toNumber(v Value, to string) (Value, bool) {
	whole := to == "int" || to == "long"
	switch v.kind {
	case Boolean:
		return IntValue(v.n), true
	case Date:
		if to == "int" {
			return Value{}, false
		}
		return IntValue(v.n), true
	case Text:
		raw := v.Text()
		if new(rawjson.Scanner).Valid(raw) != nil || FromJSON(raw).kind != Number {
			return Value{}, false
		}
		v = FromJSON(append([]byte(nil), raw...))
		if _, ok := v.Int(); whole && !ok {
			return Value{}, false
		}
	}
	if v.kind != Number {
		return Value{}, false
	}
	if !whole {
		return v, true
	}
	n, ok := v.Int()
	if !ok {
		f := math.Trunc(v.Float())
		if !(f >= -(1<<63) && f < 1<<63) {
			return Value{}, false
		}
		n = int64(f)
	}
	if to == "int" && (n > math.MaxInt32 || n < math.MinInt32) {
		return Value{}, false
	}
	return IntValue(n), true
}
