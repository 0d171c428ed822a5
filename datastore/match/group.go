package match

import (
	"bytes"
	"unsafe"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// group is a criterion on one object: a document's data, or an element that
// $elemMatch looks at. All members it needs are found in one pass.
type group struct {
	names  []string       // members of the object that nodes look at
	byName map[string]int // names, once there are many
	root   node
}

// fewNames is how many names are compared one by one, and kept on the stack.
const fewNames = 8

// slot returns the number of a member, adding it if it is new.
func (g *group) slot(name string) int {
	if g.byName == nil {
		g.byName = map[string]int{}
	}
	n, ok := g.byName[name]
	if !ok {
		n = len(g.names)
		g.names = append(g.names, name)
		g.byName[name] = n
	}
	return n
}

// match reports whether obj satisfies the group. doc is nil unless obj is its data;
// given is what expressions get beside it.
func (g *group) match(doc *datastore.Document, obj []byte, given []expr.Value) bool {
	var few [fewNames][]byte
	slots := few[:]
	if len(g.names) > fewNames {
		slots = make([][]byte, len(g.names))
	}
	if len(g.names) > 0 && len(obj) > 0 {
		if obj[0] == '[' {
			g.gatherElements(obj, slots)
		} else {
			g.gather(obj, slots)
		}
	}
	return g.root.match(doc, slots, given)
}

func (g *group) gather(obj []byte, slots [][]byte) {
	for i := 1; ; {
		var name, val []byte
		if name, val, i = rawjson.NextMember(obj, i); i < 0 {
			return
		}
		if n := g.find(name); n >= 0 {
			slots[n] = val
		}
	}
}

// find returns the slot of a name as it stands between its quotes, or -1.
func (g *group) find(name []byte) int {
	if bytes.IndexByte(name, '\\') >= 0 {
		name = rawjson.Name(name)
	}
	if len(g.names) > fewNames {
		if n, ok := g.byName[string(name)]; ok {
			return n
		}
		return -1
	}
	for n, want := range g.names {
		if string(name) == want {
			return n
		}
	}
	return -1
}

// gatherElements treats an array as an object whose names are the indexes.
func (g *group) gatherElements(arr []byte, slots [][]byte) {
	for n, name := range g.names {
		want := arrayIndex(name)
		if want < 0 {
			continue
		}
		i := 1
		for at := 0; ; at++ {
			var elem []byte
			if elem, i = rawjson.NextElement(arr, i); i < 0 {
				break
			}
			if at == want {
				slots[n] = elem
				break
			}
		}
	}
}

// operation is what a node does with its children or its test.
type operation uint8

const (
	all       operation = iota // every child matches; also without children
	some                       // at least one child matches
	none                       // no child matches
	field                      // test holds for a value of the field
	computed                   // the expression is true for the document
	described                  // the data satisfy the schema that is the test
	beside                     // test, made of another field, holds for a value of the field
	collected                  // the values of the field are all that the test has
)

// node is a compiled condition. It is a struct with a switch, not an
// interface, so that the slots can stay on the caller's stack.
type node struct {
	op    operation
	kids  []node
	from  source
	slot  int       // fromData: the member
	path  []segment // fromData: the way from there
	bare  bool      // a value is tested that is no field: an element, or a size
	whole bool      // an array at the end of the way is tested as a whole only
	test  test

	other      *otherField      // beside
	expression *expr.Expression // computed
	object     bool             // computed: the document is its data alone
	by         expr.Collation   // computed: how texts compare
}

func (n *node) match(doc *datastore.Document, slots [][]byte, given []expr.Value) bool {
	switch n.op {
	case all:
		for i := range n.kids {
			if !n.kids[i].match(doc, slots, given) {
				return false
			}
		}
		return true
	case some, none:
		for i := range n.kids {
			if n.kids[i].match(doc, slots, given) {
				return n.op == some
			}
		}
		return n.op == none
	case computed:
		return n.compute(doc, given)
	}
	switch n.op {
	case beside:
		return n.matchBeside(doc, slots)
	case described:
		return n.test.holds(valueOf(doc.Data))
	case collected:
		return n.collect(doc, slots)
	}
	if n.from == fromData {
		return anyHolds(slots[n.slot], n.path, n.test, n.whole)
	}
	return n.test.holds(metaValue(doc, n.from))
}

// metaValue returns a field that the document keeps beside its data.
func metaValue(doc *datastore.Document, from source) value {
	switch from {
	case fromPath:
		return textValue(bytesOf(doc.Path))
	case fromCreated:
		return intValue(doc.Created)
	case fromModified:
		return intValue(doc.Modified)
	case fromModifiedBy:
		if doc.ModifiedBy != "" {
			return textValue(bytesOf(doc.ModifiedBy))
		}
	}
	return value{}
}

// bytesOf lends the bytes of s without copying them; nobody may write to them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
