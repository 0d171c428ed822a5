package policy

import (
	"bytes"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// flattened rewrites a session filter so that nested objects mean what they
// mean to happn-3, conditions on the members of the member, and not equality
// with the object as in MongoDB: {user: {name: "x"}} becomes {"user.name": "x"}.
func flattened(filter []byte) []byte {
	return append(flatten([]byte{'{'}, filter, nil), '}')
}

// flatten appends the members of obj, which stands at the dotted path.
func flatten(dst, obj, path []byte) []byte {
	var operators []byte
	for name, val := range rawjson.Members(obj) {
		switch {
		case bytes.HasPrefix(name, []byte("$")) && len(path) == 0:
			dst = member(dst, name, logical(val))
		case bytes.HasPrefix(name, []byte("$")):
			operators = member(operators, name, val)
		case rawjson.IsObject(val):
			dst = flatten(dst, val, dotted(path, name))
		default:
			dst = member(dst, dotted(path, name), val)
		}
	}
	if operators != nil {
		dst = member(dst, path, append(append([]byte{'{'}, operators...), '}'))
	}
	return dst
}

// logical rewrites the filters in the array of an $and, $or or $nor.
func logical(val []byte) []byte {
	if !rawjson.IsArray(val) {
		return val
	}
	out := []byte{'['}
	for elem := range rawjson.Elements(val) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if rawjson.IsObject(elem) {
			elem = flattened(elem)
		}
		out = append(out, elem...)
	}
	return append(out, ']')
}

// member appends a member to the inside of an object.
func member(dst, name, val []byte) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(rawjson.AppendString(dst, name), ':'), val...)
}

func dotted(path, name []byte) []byte {
	if len(path) == 0 {
		return name
	}
	return bytes.Join([][]byte{path, name}, []byte{'.'})
}
