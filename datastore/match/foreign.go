package match

import (
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Foreign knows the operators and queries in criteria that are worked out neither
// here nor by a store, but by somebody else. It is asked for names that nothing
// here has, see IsOperator.
type Foreign interface {
	// HasOperator is asked for what stands in a field, such as $near.
	HasOperator(name string) bool
	// HasQuery is asked for what stands in $search, such as fulltext.
	HasQuery(name string) bool
}

// Search is what stands in $search: {fulltext: {...}}.
type Search struct {
	Name     string
	Argument []byte // raw JSON
}

// Operator is a foreign operator on a field.
type Operator struct {
	Name     string
	Argument []byte // raw JSON

	from   source
	member string // fromData: the top-level member
	path   []segment
}

// IsOperator reports whether a name is one of the operators of criteria that this
// package has itself, so that nobody else can.
func IsOperator(name string) bool {
	for _, criteria := range []string{`{"a":{` + quoted(name) + `:null}}`, `{` + quoted(name) + `:null}`} {
		_, err := CompileFilter([]byte(criteria))
		if err == nil || !strings.Contains(err.Error(), "unknown operator") {
			return true
		}
	}
	return name == searchName
}

func quoted(name string) string { return string(rawjson.AppendString(nil, name)) }

// searchName is the operator that has whole queries in it.
const searchName = "$search"

// ParseOptionsWith is ParseOptions for criteria that may have foreign operators and
// queries; foreign may be nil.
func ParseOptionsWith(raw []byte, foreign Foreign) (*Options, error) {
	found, err := readOptions(raw)
	if err != nil {
		return nil, err
	}
	if found.isEmpty() {
		return noOptions, nil
	}
	return found.compile(foreign)
}

// Foreign reports whether the criteria have parts that Filter says nothing of.
func (o *Options) Foreign() bool { return o.Search != nil || len(o.Operators) > 0 }

// Values calls yield for each value that the operator's field has in a document, as
// raw JSON, until yield returns false. An array at the end of the way is one
// value; what is not there, and null, is none.
func (o *Operator) Values(doc *datastore.Document, yield func(raw []byte) bool) {
	v := visitor{yield}
	if o.from != fromData {
		v.holds(metaValue(doc, o.from))
		return
	}
	anyHolds(lookup(doc.Data, o.member), o.path, v, true)
}

// Members adds the top-level member of the data that the operator looks at.
func (o *Operator) Members(names []string) []string {
	if o.from != fromData {
		return names
	}
	return append(names, o.member)
}

// visitor is a test that shows values to somebody and holds when that has enough.
type visitor struct{ yield func(raw []byte) bool }

func (t visitor) holds(v value) bool {
	return v.kind != undefined && v.kind != null && !t.yield(v.json())
}

// foreignOperator takes an operator out of the criteria, which say nothing of it
// afterwards.
func (c *compiler) foreignOperator(k call) (node, error) {
	if !k.scope.joined || k.field.bare {
		return node{}, k.errorf("%s is worked out by a plugin, and can only narrow down whole criteria: put it in a field at the top, or in $and, not", k.name)
	}
	o := Operator{Name: k.name, Argument: k.arg, from: k.field.from, path: k.field.path}
	if o.from == fromData {
		o.member = k.scope.group.names[k.field.slot]
	}
	c.operatorsOf = append(c.operatorsOf, o)
	return node{op: all}, nil
}

// search compiles $search.
func (c *compiler) search(val []byte, at *expr.Place, s scope) (node, error) {
	if !rawjson.IsObject(val) {
		return node{}, at.Errorf("$search needs an object with the name of a query, such as {$search: {fulltext: {...}}}")
	}
	var found []Search
	for name, arg := range rawjson.Members(val) {
		found = append(found, Search{string(name), arg})
	}
	switch {
	case len(found) != 1:
		return node{}, at.Errorf("$search takes one query, these are %d", len(found))
	case !c.foreign.HasQuery(found[0].Name):
		return node{}, at.Up().Errorf("unknown operator $search (no plugin has the query %q)", found[0].Name)
	case !s.joined || c.searchOf != nil:
		return node{}, at.Errorf("$search can stand once, at the top of criteria or in $and")
	}
	c.searchOf = &found[0]
	return node{op: all}, nil
}
