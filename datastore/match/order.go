package match

import (
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// maxOrderFields bounds the fields of a sort, as MongoDB does.
const maxOrderFields = 32

// Order is a compiled sort. It is immutable and safe for concurrent use. A nil
// Order finds all documents equal.
type Order struct {
	fields []orderField
	source []byte
}

type orderField struct {
	name string // translated
	from source
	path []segment
	desc bool
	by   expr.Collation // how texts compare; nil is by bytes
}

var _ datastore.Order = (*Order)(nil)

// CompileOrder compiles a sort as a client sends it: {field: 1, other: -1},
// where anything but the number -1 is ascending and the first field counts
// most. Errors that the client caused are of type *Error.
func CompileOrder(raw []byte) (*Order, error) { return compileOrder(raw, nil) }

// CompileOrderBy is CompileOrder with texts compared by the collation; nil is by
// bytes.
func CompileOrderBy(raw []byte, by expr.Collation) (*Order, error) { return compileOrder(raw, by) }

func compileOrder(raw []byte, by expr.Collation) (*Order, error) {
	raw, err := checked(raw, "sort")
	if err != nil {
		return nil, err
	}
	o := &Order{}
	at := expr.Root("sort")
	for name, val := range rawjson.Members(raw) {
		if err := o.add(string(name), val, at); err != nil {
			return nil, err
		}
	}
	for i := range o.fields {
		o.fields[i].by = by
	}
	o.source = append(o.source, '{')
	for _, f := range o.fields {
		o.source = append(rawjson.AppendString(o.source, f.name), ":1,"...)
		if f.desc {
			o.source = append(o.source[:len(o.source)-2], "-1,"...)
		}
	}
	o.source = closeWith(o.source, '}')
	return o, nil
}

// Native reports whether MongoDB sorts the same by Source, which says nothing of
// a collation: that has no bearing on times.
func (o *Order) Native() bool {
	return o == nil || !slices.ContainsFunc(o.fields, func(f orderField) bool {
		return f.by != nil && f.from != fromCreated && f.from != fromModified
	})
}

// Collation is the collation by which texts are compared, as it was asked for; nil
// if there is none, or if it does not tell.
func (o *Order) Collation() []byte {
	if o == nil || len(o.fields) == 0 {
		return nil
	}
	return sourceOf(o.fields[0].by)
}

func (o *Order) add(name string, val []byte, at *expr.Place) error {
	if strings.HasPrefix(name, "$") {
		return at.Errorf("unknown operator %s", name)
	}
	v := valueOf(val)
	f := orderField{desc: v.kind == number && compareNumbers(v, intValue(-1)) == 0}
	var within string
	f.from, f.name, within = translate(name)
	if strings.Count(within, ".") >= maxSegments {
		return at.Key(name).Errorf("the path has more than %d components", maxSegments)
	}
	f.path, _ = segments(within)
	for i := range o.fields { // a name that comes twice keeps its first place
		if o.fields[i].name == f.name {
			o.fields[i].desc = f.desc
			return nil
		}
	}
	if len(o.fields) == maxOrderFields {
		return at.Errorf("more than %d fields", maxOrderFields)
	}
	o.fields = append(o.fields, f)
	return nil
}

// Compare returns a negative number, zero or a positive number as a sorts
// before, with or after b. It finds the sort keys anew each time: to sort many
// documents use Sort or Top.
func (o *Order) Compare(a, b *datastore.Document) int {
	if o == nil {
		return 0
	}
	for i := range o.fields {
		f := &o.fields[i]
		if c := f.compare(f.key(a), f.key(b)); c != 0 {
			return c
		}
	}
	return 0
}

// Source returns the sort as raw JSON with field names translated. It must not
// be changed.
func (o *Order) Source() []byte {
	if o == nil {
		return []byte("{}")
	}
	return o.source
}

func (f *orderField) compare(a, b value) int {
	if f.desc {
		a, b = b, a
	}
	return compareBy(f.by, a, b)
}

// key returns the value by which a document is sorted. Of an array that is the
// least element, or the greatest if the sort is descending; an empty array
// sorts before null, and what is not there as null.
func (f *orderField) key(doc *datastore.Document) value {
	if f.from != fromData {
		v := metaValue(doc, f.from)
		if v.kind == undefined {
			v.kind = null
		}
		return v
	}
	var k extreme
	k.greatest, k.by = f.desc, f.by
	k.walk(doc.Data, f.path)
	return k.value
}

// extreme keeps the least or greatest of the values it is shown.
type extreme struct {
	value    value
	greatest bool
	by       expr.Collation
	found    bool
}

func (k *extreme) take(v value) {
	if k.found {
		c := compareBy(k.by, v, k.value)
		if (k.greatest && c <= 0) || (!k.greatest && c >= 0) {
			return
		}
	}
	k.value, k.found = v, true
}

func (k *extreme) walk(raw []byte, path []segment) {
	for len(path) > 0 {
		switch {
		case len(raw) > 0 && raw[0] == '{':
			raw = lookup(raw, path[0].name)
			path = path[1:]
		case len(raw) > 0 && raw[0] == '[':
			k.walkElements(raw, path)
			return
		default:
			k.take(value{kind: null})
			return
		}
	}
	v := valueOf(raw)
	switch v.kind {
	case undefined:
		v.kind = null
	case array:
		k.takeElements(raw)
		return
	}
	k.take(v)
}

func (k *extreme) takeElements(arr []byte) {
	empty := true
	for i := 1; ; empty = false {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 {
			break
		}
		k.take(valueOf(elem))
	}
	if empty {
		k.take(value{kind: undefined})
	}
}

// walkElements goes on in the element that the next component is the index of
// or else in all of them.
func (k *extreme) walkElements(arr []byte, path []segment) {
	if want := path[0].index; want >= 0 {
		i := 1
		for at := 0; ; at++ {
			var elem []byte
			if elem, i = rawjson.NextElement(arr, i); i < 0 {
				break
			}
			if at == want {
				k.walk(elem, path[1:])
				return
			}
		}
	}
	empty := true
	for i := 1; ; empty = false {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 {
			break
		}
		if elem[0] == '{' {
			k.walk(elem, path)
		} else {
			k.take(value{kind: null})
		}
	}
	if empty {
		k.take(value{kind: null})
	}
}
