package match

import (
	"strconv"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Append appends the selected data, an object, to data, and the selected
// members of _meta, without braces around them, to meta.
func (f *Fields) Append(data, meta []byte, doc *datastore.Document) (newData, newMeta []byte) {
	return f.appendData(data, doc), f.appendMeta(meta, doc)
}

// appendMeta appends the selected members of _meta, without braces around
// them. The path is always there, and the first.
func (f *Fields) appendMeta(dst []byte, doc *datastore.Document) []byte {
	show := showAllMeta
	if f != nil {
		show = f.meta
	}
	dst = append(dst, `"path":`...)
	dst = rawjson.AppendString(dst, doc.Path)
	if show&showCreated != 0 {
		dst = append(dst, `,"created":`...)
		dst = strconv.AppendInt(dst, doc.Created, 10)
	}
	if show&showModified != 0 {
		dst = append(dst, `,"modified":`...)
		dst = strconv.AppendInt(dst, doc.Modified, 10)
	}
	if show&showModifiedBy != 0 && doc.ModifiedBy != "" {
		dst = append(dst, `,"modifiedBy":`...)
		dst = rawjson.AppendString(dst, doc.ModifiedBy)
	}
	return dst
}

// appendData appends the selected data, an object.
func (f *Fields) appendData(dst []byte, doc *datastore.Document) []byte {
	switch {
	case f == nil, f.exclude && len(f.data.kids) == 0:
		return append(dst, doc.Data...)
	case len(doc.Data) == 0:
		return append(dst, "{}"...)
	case f.exclude:
		return f.data.appendWithout(dst, doc.Data)
	case len(f.data.kids) == 0:
		return append(dst, "{}"...)
	}
	return f.data.appendOnly(dst, doc.Data)
}

// appendOnly appends an object or array with nothing but the members in t. Of
// an array it takes the elements that can have members.
func (t *fieldTree) appendOnly(dst, raw []byte) []byte {
	if raw[0] == '[' {
		dst = append(dst, '[')
		for i := 1; ; {
			var elem []byte
			if elem, i = rawjson.NextElement(raw, i); i < 0 {
				return closeWith(dst, ']')
			}
			if elem[0] == '{' || elem[0] == '[' {
				dst = append(t.appendOnly(dst, elem), ',')
			}
		}
	}
	dst = append(dst, '{')
	for i := 1; ; {
		var name, val []byte
		if name, val, i = rawjson.NextMember(raw, i); i < 0 {
			return closeWith(dst, '}')
		}
		kid := t.find(rawjson.Name(name))
		if kid == nil || (len(kid.kids) > 0 && val[0] != '{' && val[0] != '[') {
			continue
		}
		if kid.cut != nil {
			dst = kid.cut.appendMember(dst, name, val)
			continue
		}
		dst = appendName(dst, name)
		if len(kid.kids) > 0 {
			dst = kid.appendOnly(dst, val)
		} else {
			dst = append(dst, val...)
		}
		dst = append(dst, ',')
	}
}

// appendWithout appends an object or array without the members in t.
func (t *fieldTree) appendWithout(dst, raw []byte) []byte {
	if raw[0] == '[' {
		dst = append(dst, '[')
		for i := 1; ; {
			var elem []byte
			if elem, i = rawjson.NextElement(raw, i); i < 0 {
				return closeWith(dst, ']')
			}
			dst = append(t.appendPruned(dst, elem), ',')
		}
	}
	dst = append(dst, '{')
	for i := 1; ; {
		var name, val []byte
		if name, val, i = rawjson.NextMember(raw, i); i < 0 {
			return closeWith(dst, '}')
		}
		kid := t.find(rawjson.Name(name))
		if kid != nil && len(kid.kids) == 0 {
			if kid.cut != nil {
				dst = kid.cut.appendMember(dst, name, val)
			}
			continue
		}
		dst = appendName(dst, name)
		if kid != nil {
			dst = kid.appendPruned(dst, val)
		} else {
			dst = append(dst, val...)
		}
		dst = append(dst, ',')
	}
}

func (t *fieldTree) appendPruned(dst, val []byte) []byte {
	if val[0] == '{' || val[0] == '[' {
		return t.appendWithout(dst, val)
	}
	return append(dst, val...)
}

// appendName appends a name as it stood between its quotes.
func appendName(dst, inner []byte) []byte {
	dst = append(append(dst, '"'), inner...)
	return append(dst, '"', ':')
}
