package match

import (
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
)

// expression compiles $expr. Its paths are those of the stored document, as in
// "$data.region" and "$created".
func (c *compiler) expression(val []byte, at *expr.Place, s scope) (node, error) {
	if !s.top {
		return node{}, at.Up().Errorf("$expr belongs at the top, not inside $elemMatch, but stands")
	}
	e, err := expr.Compile(val, at, c.variables...)
	if err != nil {
		return node{}, err
	}
	c.keep("$expr", val)
	return node{op: computed, expression: e, object: s.whole, by: c.by}, nil
}

// compute reports whether the expression is true for a document. One that the
// expression cannot be worked out for does not match.
func (n *node) compute(doc *datastore.Document, given []expr.Value) bool {
	env := expr.Env{Now: time.Now().UnixMilli(), Given: given, By: n.by}
	v := expr.FromJSON(doc.Data)
	if !n.object {
		v = DocumentValue(doc)
	}
	result, err := n.expression.Eval(&env, v)
	return err == nil && result.Truthy()
}

// DocumentValue returns a document as expressions and pipelines see it: an
// object with path, data, created, modified and, if there is one, modifiedBy.
// It aliases the document.
func DocumentValue(doc *datastore.Document) expr.Value {
	data := expr.FromJSON(doc.Data)
	if len(doc.Data) == 0 {
		data = expr.ObjectValue(nil)
	}
	members := make([]expr.Member, 0, 5)
	members = append(members,
		expr.Member{Name: "path", Value: expr.TextValue(bytesOf(doc.Path))},
		expr.Member{Name: "data", Value: data},
		expr.Member{Name: "created", Value: expr.IntValue(doc.Created)},
		expr.Member{Name: "modified", Value: expr.IntValue(doc.Modified)})
	if doc.ModifiedBy != "" {
		members = append(members, expr.Member{Name: "modifiedBy", Value: expr.TextValue(bytesOf(doc.ModifiedBy))})
	}
	return expr.ObjectValue(members)
}

// ObjectFilter is a criterion on objects that are not stored documents, as in
// a $match of a pipeline: field names are taken as they are. It is immutable
// and safe for concurrent use.
type ObjectFilter struct{ group group }

// CompileObjectFilter compiles criteria of valid JSON text, of which it keeps
// nothing. Texts are compared by the collation, nil is by bytes. where is named
// in errors, which are of type *Error. The variables are those that expressions
// may use beside the object.
func CompileObjectFilter(raw []byte, where string, by expr.Collation, variables ...string) (*ObjectFilter, error) {
	raw = append([]byte(nil), raw...)
	f := &ObjectFilter{}
	native := true
	c := compiler{native: &native, by: by, variables: variables}
	n, err := c.criteria(raw, expr.Root(where), scope{group: &f.group, element: true, whole: true, top: true})
	f.group.root = n
	return f, err
}

// Match reports whether an object, as JSON text, satisfies the criterion.
// given are the values of the variables.
func (f *ObjectFilter) Match(object []byte, given []expr.Value) bool {
	doc := datastore.Document{Data: object}
	return f.group.match(&doc, object, given)
}
