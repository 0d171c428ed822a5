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
