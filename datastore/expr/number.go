package expr

import (
	"math"
	"strconv"
)

// FloatValue returns a number; one without a fraction becomes a whole number.
func FloatValue(f float64) Value {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return IntValue(int64(f))
	}
	return Value{kind: Number, form: asFloat, n: int64(math.Float64bits(f))}
}

// Int returns the value of a number that an int64 holds exactly.
func (v Value) Int() (int64, bool) {
	if v.kind != Number {
		return 0, false
	}
	switch v.form {
	case asInt:
		return v.n, true
	case asJSON:
		if n, err := strconv.ParseInt(string(v.raw), 10, 64); err == nil {
			return n, true
		}
		if len(v.raw) > 16 { // more digits than a float keeps
			return 0, false
		}
	}
	f := v.Float()
	if f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Float returns the value of a number as a float; NaN if it is none.
func (v Value) Float() float64 {
	if v.kind != Number {
		return math.NaN()
	}
	switch v.form {
	case asInt:
		return float64(v.n)
	case asFloat:
		return math.Float64frombits(uint64(v.n))
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// whole returns a number without a fraction that fits an int.
func (v Value) whole() (int, bool) {
	n, ok := v.Int()
	if !ok || n > math.MaxInt32 || n < math.MinInt32 {
		return 0, false
	}
	return int(n), true
}

// appendFloat writes a float as JavaScript does.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// sum adds exactly while the numbers are whole and fit, and as floats from
// then on, with the error of each addition carried along.
type sum struct {
	inexact bool
	n       int64
	f, lost float64
}

func (s *sum) add(v Value) {
	n, ok := v.Int()
	if ok && !s.inexact {
		if t := s.n + n; (t > s.n) == (n > 0) {
			s.n = t
			return
		}
	}
	if !s.inexact {
		s.inexact, s.f = true, float64(s.n)
	}
	s.addFloat(v.Float())
}

func (s *sum) addFloat(x float64) {
	t := s.f + x
	switch {
	case math.IsInf(t, 0) || math.IsNaN(t):
		s.lost = 0
	case math.Abs(s.f) >= math.Abs(x):
		s.lost += (s.f - t) + x
	default:
		s.lost += (x - t) + s.f
	}
	s.f = t
}

func (s *sum) value() Value {
	if s.inexact {
		return FloatValue(s.f + s.lost)
	}
	return IntValue(s.n)
}

func multiply(a, b Value) Value {
	x, xok := a.Int()
	y, yok := b.Int()
	if xok && yok {
		if p := x * y; x == 0 || (p/x == y && !(x == -1 && y == math.MinInt64)) {
			return IntValue(p)
		}
	}
	return FloatValue(a.Float() * b.Float())
}

func subtract(a, b Value) Value {
	x, xok := a.Int()
	y, yok := b.Int()
	if xok && yok {
		if d := x - y; (d < x) == (y > 0) {
			return IntValue(d)
		}
	}
	return FloatValue(a.Float() - b.Float())
}
