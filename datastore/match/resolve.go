package match

import (
	"bytes"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// test is one condition on one value. It must not keep the value.
type test interface {
	holds(v value) bool
}

// anyHolds reports whether t holds for any value that path leads to from raw
// (nil if there is nothing), as MongoDB walks it:
//
//   - A member that is not there, also because its parent is not an object,
//     is one undefined value.
//   - In an array on the way, the path goes on in each element that is an
//     object, and in the element whose index is the next component. An array
//     where it goes on nowhere has no value at all.
//   - An array at the end stands for each of its elements and for itself,
//     unless whole is set; one that was reached by an index only for itself.
func anyHolds(raw []byte, path []segment, t test, whole bool) bool {
	for len(path) > 0 {
		if len(raw) == 0 {
			return t.holds(value{})
		}
		switch raw[0] {
		case '{':
			raw = lookup(raw, path[0].name)
			path = path[1:]
		case '[':
			return anyElementHolds(raw, path, t, whole)
		default:
			return t.holds(value{})
		}
	}
	if len(raw) > 0 && raw[0] == '[' && !whole {
		for i := 1; ; {
			var elem []byte
			if elem, i = rawjson.NextElement(raw, i); i < 0 {
				break
			}
			if t.holds(valueOf(elem)) {
				return true
			}
		}
	}
	return t.holds(valueOf(raw))
}

func anyElementHolds(arr []byte, path []segment, t test, whole bool) bool {
	i := 1
	for at := 0; ; at++ {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 {
			return false
		}
		if elem[0] == '{' && anyHolds(elem, path, t, whole) {
			return true
		}
		if at != path[0].index {
			continue
		}
		if len(path) == 1 {
			if t.holds(valueOf(elem)) {
				return true
			}
		} else if (elem[0] == '{' || elem[0] == '[') && anyHolds(elem, path[1:], t, whole) {
			return true
		}
	}
}

// lookup returns the raw value of a member, nil without one. Of several with
// the same name the last one counts, as it does to JSON.parse.
func lookup(obj []byte, name string) []byte {
	var found []byte
	for i := 1; ; {
		var key, val []byte
		if key, val, i = rawjson.NextMember(obj, i); i < 0 {
			return found
		}
		if string(key) == name || (len(key) > len(name) && bytes.IndexByte(key, '\\') >= 0 && string(rawjson.Name(key)) == name) {
			found = val
		}
	}
}
