package match

import (
	"github.com/happn-host/happn-host/datastore/expr"
)

// equals is the test of a bare value, by the collation if there is one.
func (c *compiler) equals(want value) test {
	if c.by == nil || want.kind == null || want.kind == number || want.kind == boolean {
		return equals(want)
	}
	return collated{by: c.by, bound: want.settled(), equal: true}
}

func (c *compiler) order(name string, bound value) test {
	t := order(name, bound)
	if o, ok := t.(ordered); ok && c.by != nil && bound.kind >= text && bound.kind <= array {
		return collated{by: c.by, bound: o.bound, before: o.before, equal: o.equal, after: o.after}
	}
	return t
}

func (c *compiler) oneOf(arr []byte) test {
	if c.by == nil {
		return oneOf(arr)
	}
	set := setOf(c.by, elementsOf(arr))
	return &set
}

// collated is ordered with texts compared by a collation. It is a type of its
// own because indexes can tell nothing of it.
type collated struct {
	by                   expr.Collation
	bound                value
	before, equal, after bool
}

func (t collated) holds(v value) bool {
	if v.kind != t.bound.kind {
		return false
	}
	c := compareBy(t.by, v, t.bound)
	return (c < 0 && t.before) || (c == 0 && t.equal) || (c > 0 && t.after)
}
