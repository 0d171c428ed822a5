package expr

import (
	"math"
	"math/big"
	"strconv"
)

func arithmeticFunction(name string) (function, bool) {
	switch name {
	case "$add":
		return function{min: 0, max: -1, nulls: true, do: add}, true
	case "$subtract":
		return function{min: 2, max: 2, nulls: true, do: subtractValues}, true
	case "$multiply":
		return function{min: 0, max: -1, nulls: true, do: func(k *call) Value {
			product := IntValue(1)
			if k.number() {
				for _, v := range k.args {
					product = multiply(product, v)
				}
			}
			return product
		}}, true
	case "$divide":
		return numeric(2, func(k *call) Value {
			if k.args[1].Float() == 0 {
				return k.fail("cannot divide by zero")
			}
			return FloatValue(k.args[0].Float() / k.args[1].Float())
		}), true
	case "$mod":
		return numeric(2, modulo), true
	case "$pow":
		return numeric(2, func(k *call) Value {
			if k.args[0].Float() == 0 && k.args[1].Float() < 0 {
				return k.fail("cannot raise 0 to a negative power")
			}
			return FloatValue(math.Pow(k.args[0].Float(), k.args[1].Float()))
		}), true
	case "$log":
		return numeric(2, func(k *call) Value {
			n, base := k.args[0].Float(), k.args[1].Float()
			if n <= 0 || base <= 0 || base == 1 {
				return k.fail("needs a positive number and a positive base other than 1")
			}
			return FloatValue(math.Log(n) / math.Log(base))
		}), true
	case "$abs":
		return numeric(1, func(k *call) Value {
			if k.args[0].Float() < 0 {
				return subtract(IntValue(0), k.args[0])
			}
			return k.args[0]
		}), true
	case "$ceil":
		return rounded(math.Ceil), true
	case "$floor":
		return rounded(math.Floor), true
	case "$round":
		return function{min: 1, max: 2, nulls: true, do: func(k *call) Value { return roundTo(k, big.ToNearestEven) }}, true
	case "$trunc":
		return function{min: 1, max: 2, nulls: true, do: func(k *call) Value { return roundTo(k, big.ToZero) }}, true
	case "$exp":
		return float(math.Exp), true
	case "$sqrt":
		return positive(math.Sqrt, true), true
	case "$ln":
		return positive(math.Log, false), true
	case "$log10":
		return positive(math.Log10, false), true
	case "$bitAnd", "$bitOr", "$bitXor":
		return function{min: 0, max: -1, nulls: true, do: bitwise}, true
	case "$bitNot":
		return function{min: 1, max: 1, nulls: true, do: func(k *call) Value {
			n, ok := k.args[0].Int()
			if !ok {
				return k.fail("needs a whole number")
			}
			return IntValue(^n)
		}}, true
	}
	return function{}, false
}

// numeric is a function of n numbers that is null if one of them is.
func numeric(n int, do func(k *call) Value) function {
	return function{min: n, max: n, nulls: true, do: func(k *call) Value {
		if !k.number() {
			return Value{}
		}
		return do(k)
	}}
}

func float(f func(float64) float64) function {
	return numeric(1, func(k *call) Value { return FloatValue(f(k.args[0].Float())) })
}

func rounded(f func(float64) float64) function {
	return numeric(1, func(k *call) Value {
		if _, ok := k.args[0].Int(); ok {
			return k.args[0]
		}
		return FloatValue(f(k.args[0].Float()))
	})
}

func positive(f func(float64) float64, zero bool) function {
	return numeric(1, func(k *call) Value {
		n := k.args[0].Float()
		if n < 0 || (n == 0 && !zero) {
			return k.fail("needs a positive number, found %s", k.args[0].AppendJSON(nil))
		}
		return FloatValue(f(n))
	})
}

func add(k *call) Value {
	var total sum
	dates := 0
	for _, v := range k.args {
		switch v.kind {
		case Number:
			total.add(v)
		case Date:
			dates++
			total.add(IntValue(v.n))
		default:
			return k.fail("needs numbers or a date, found %s", v.kind)
		}
	}
	if dates > 1 {
		return k.fail("takes one date only")
	}
	if dates == 1 {
		return DateValue(int64(math.Round(total.value().Float())))
	}
	return total.value()
}

func subtractValues(k *call) Value {
	a, b := k.args[0], k.args[1]
	switch {
	case a.kind == Date && b.kind == Date:
		return IntValue(a.n - b.n)
	case a.kind == Date && b.kind == Number:
		return DateValue(a.n - int64(b.Float()))
	}
	if !k.number() {
		return Value{}
	}
	return subtract(a, b)
}

func modulo(k *call) Value {
	a, aok := k.args[0].Int()
	b, bok := k.args[1].Int()
	switch {
	case k.args[1].Float() == 0:
		return k.fail("cannot divide by zero")
	case aok && bok && b == -1:
		return IntValue(0)
	case aok && bok:
		return IntValue(a % b)
	}
	return FloatValue(math.Mod(k.args[0].Float(), k.args[1].Float()))
}

// roundTo rounds to a number of decimal places, which may be negative. It
// looks at the number as it is written: 2.675 to two places is 2.68.
func roundTo(k *call, mode big.RoundingMode) Value {
	if !k.number() {
		return Value{}
	}
	places := 0
	if len(k.args) == 2 {
		var ok bool
		if places, ok = k.args[1].whole(); !ok || places < -20 || places > 100 {
			return k.fail("needs a number of places from -20 to 100")
		}
	}
	if _, ok := k.args[0].Int(); ok && places >= 0 {
		return k.args[0]
	}
	f := k.args[0].Float()
	if math.IsInf(f, 0) || math.IsNaN(f) || math.Abs(f) >= 1<<62 {
		return k.args[0]
	}
	return FloatValue(roundDecimal(f, places, mode))
}

func roundDecimal(f float64, places int, mode big.RoundingMode) float64 {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	if !ok || math.Abs(f) < 1e-120 {
		return 0
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(places, -places))), nil)
	scale := new(big.Rat).SetInt(power)
	if places < 0 {
		scale.Inv(scale)
	}
	r.Mul(r, scale)
	whole, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if mode == big.ToNearestEven {
		twice := rest.Lsh(rest.Abs(rest), 1).Cmp(r.Denom())
		if twice > 0 || (twice == 0 && whole.Bit(0) == 1) {
			whole.Add(whole, big.NewInt(int64(r.Sign())))
		}
	}
	out, _ := new(big.Rat).Quo(new(big.Rat).SetInt(whole), scale).Float64()
	return out
}

func bitwise(k *call) Value {
	var out int64
	if k.node.name == "$bitAnd" {
		out = -1
	}
	for _, v := range k.args {
		n, ok := v.Int()
		if !ok {
			return k.fail("needs whole numbers")
		}
		switch k.node.name {
		case "$bitAnd":
			out &= n
		case "$bitOr":
			out |= n
		default:
			out ^= n
		}
	}
	return IntValue(out)
}

func trigonometryFunction(name string) (function, bool) {
	switch name {
	case "$sin":
		return float(math.Sin), true
	case "$cos":
		return float(math.Cos), true
	case "$tan":
		return float(math.Tan), true
	case "$asin":
		return float(math.Asin), true
	case "$acos":
		return float(math.Acos), true
	case "$atan":
		return float(math.Atan), true
	case "$sinh":
		return float(math.Sinh), true
	case "$cosh":
		return float(math.Cosh), true
	case "$tanh":
		return float(math.Tanh), true
	case "$asinh":
		return float(math.Asinh), true
	case "$acosh":
		return float(math.Acosh), true
	case "$atanh":
		return float(math.Atanh), true
	case "$atan2":
		return numeric(2, func(k *call) Value { return FloatValue(math.Atan2(k.args[0].Float(), k.args[1].Float())) }), true
	case "$degreesToRadians":
		return float(func(f float64) float64 { return f * math.Pi / 180 }), true
	case "$radiansToDegrees":
		return float(func(f float64) float64 { return f * 180 / math.Pi }), true
	}
	return function{}, false
}
