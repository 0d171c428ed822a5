package match

import "github.com/happn-host/happn-host/datastore/expr"

// ContainsBy is $contains or $containsAny on a value, with texts in arrays compared
// by a collation, which a test can have count.
func ContainsBy(by expr.Collation, list []byte, every bool) func(raw []byte) bool {
	t := containing(valueOf(list), every)
	t.values.by = by
	return func(raw []byte) bool { return t.holds(valueOf(raw)) }
}

// Unordered is the key by which a schema tells values apart.
func Unordered(raw []byte) string { return string(appendUnordered(nil, raw)) }

// Visits counts the values that a dotted path leads to from a document. Each is
// looked at once by each condition on the path.
func Visits(path string, raw []byte) int {
	way, _ := segments(path)
	var t visits
	anyHolds(raw, way, &t, false)
	return t.made
}

type visits struct{ made int }

// holds implements test. It is never satisfied, so that nothing ends the walk.
func (t *visits) holds(value) bool { t.made++; return false }
