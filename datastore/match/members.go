package match

import "github.com/happn-host/happn-host/datastore"

var (
	_ datastore.Selective = (*Filter)(nil)
	_ datastore.Selective = (*Order)(nil)
)

// Members implements datastore.Selective. Expressions and schemas may look at
// anything.
func (f *Filter) Members() (names []string, known bool) {
	if f == nil {
		return nil, true
	}
	return f.group.names, !f.group.root.looksAround()
}

// looksAround reports whether a condition looks at more than the members that
// its group has found.
func (n *node) looksAround() bool {
	if n.op == computed || n.op == described {
		return true
	}
	for i := range n.kids {
		if n.kids[i].looksAround() {
			return true
		}
	}
	return false
}

// Members implements datastore.Selective.
func (o *Order) Members() (names []string, known bool) {
	if o == nil {
		return nil, true
	}
	for i := range o.fields {
		if f := &o.fields[i]; f.from == fromData {
			names = append(names, f.path[0].name)
		}
	}
	return names, true
}

// Members returns the top-level members of the data that a projection shows, not
// nil; known is false if those are all but some.
func (f *Fields) Members() (names []string, known bool) {
	if f == nil || f.exclude {
		return nil, false
	}
	names = make([]string, 0, len(f.data.kids))
	for i := range f.data.kids {
		names = append(names, f.data.kids[i].name)
	}
	return names, true
}
