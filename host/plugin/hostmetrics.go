package plugin

import (
	"fmt"
	"math"
)

// metric_define (definition, len) -> number
func hostMetricDefine(i *instance, stack []uint64) {
	i.charge(fuelImport)
	definition, ok := i.mem.Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		stack[0] = i.fail(fmt.Errorf("%w: the definition lies outside of memory", ErrInvalid))
		return
	}
	n, err := i.gen.defined.Define(definition, &i.gen.manifest.Limits)
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = uint64(n)
}

// metric_add (number, value, labels, len) -> 0
func hostMetricAdd(i *instance, stack []uint64) {
	labels, ok := i.mem.Read(uint32(stack[2]), uint32(stack[3]))
	if !ok {
		stack[0] = i.fail(fmt.Errorf("%w: the labels lie outside of memory", ErrInvalid))
		return
	}
	if err := i.gen.defined.Add(int(int32(stack[0])), math.Float64frombits(stack[1]), labels, &i.gen.manifest.Limits); err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = 0
}
