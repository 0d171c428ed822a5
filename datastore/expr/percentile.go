package expr

import (
	"math"
	"slices"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// percentile is $median and $percentile: of the numbers that it is shown those
// that stand at given parts of the way through all of them. It is exact, where
// MongoDB's only method calls itself approximate.
type percentile struct {
	at      []float64
	one     bool // the result is one value, not a list
	numbers []float64
}

// PercentileMembers are the names of what $percentile takes; $median does
// without p.
func PercentileMembers(name string) []string {
	if name == "$median" {
		return []string{"input", "method"}
	}
	return []string{"input", "method", "p"}
}

// CompilePercentile reads the argument of $median or $percentile but for its
// input, and returns what makes the accumulators.
func CompilePercentile(name string, arg []byte, at *Place) (func() Accumulator, error) {
	method, _ := rawjson.Lookup(arg, "method")
	if string(FromJSON(method).Text()) != "approximate" {
		return nil, at.Errorf("%s needs method to be \"approximate\"", name)
	}
	p := []float64{0.5}
	if name == "$percentile" {
		raw, _ := rawjson.Lookup(arg, "p")
		if p = fractions(FromJSON(raw)); p == nil {
			return nil, at.Errorf("$percentile needs p, an array of numbers from 0 to 1")
		}
	}
	return func() Accumulator { return &percentile{at: p, one: name == "$median"} }, nil
}

// fractions returns the numbers of an array, or nil if there are none or others
// than from 0 to 1.
func fractions(list Value) []float64 {
	var out []float64
	for v := range list.Elements() {
		f := v.Float()
		if !(f >= 0 && f <= 1) {
			return nil
		}
		out = append(out, f)
	}
	return out
}

func (a *percentile) Add(v Value) int {
	if v.kind != Number {
		return 0
	}
	a.numbers = append(a.numbers, v.Float())
	return 16 // a number, and the room that a growing list has to spare
}

func (a *percentile) Result() Value {
	slices.Sort(a.numbers)
	out := make([]Value, len(a.at))
	for i, p := range a.at {
		out[i] = NullValue()
		if n := len(a.numbers); n > 0 {
			out[i] = FloatValue(a.numbers[max(0, int(math.Ceil(p*float64(n)))-1)])
		}
	}
	if a.one {
		return out[0]
	}
	return ArrayValue(out...)
}

// percentileNode is $median and $percentile as expressions, over one array.
type percentileNode struct {
	input node
	make  func() Accumulator
}

func (c *compiler) percentile(name string, arg []byte, at *Place, s scope) (node, error) {
	kids, err := c.named(name, arg, at, s, PercentileMembers(name)...)
	if err != nil {
		return nil, err
	}
	newAccumulator, err := CompilePercentile(name, arg, at)
	return percentileNode{kids[0], newAccumulator}, err
}

func (n percentileNode) eval(env *Env) Value {
	input := n.input.eval(env)
	acc := n.make()
	if input.kind != Array {
		acc.Add(input)
	}
	for elem := range input.Elements() {
		if !env.spend(8 + elem.Size()/32) {
			break
		}
		acc.Add(elem)
	}
	return acc.Result()
}
