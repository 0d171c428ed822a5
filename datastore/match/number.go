package match

import (
	"cmp"

	"github.com/happn-host/happn-host/datastore/expr"
)

// compareNumbers compares two numbers by their exact decimal values.
func compareNumbers(a, b value) int {
	x, xok := a.int()
	y, yok := b.int()
	if xok && yok {
		return cmp.Compare(x, y)
	}
	var s, t [20]byte
	return expr.CompareDecimals(a.decimal(s[:0]), b.decimal(t[:0]))
}
