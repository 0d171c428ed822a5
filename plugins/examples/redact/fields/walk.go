package fields

import "github.com/happn-host/happn-host/plugins/sdk/rawjson"

// next returns where a member leads, nil for nowhere.
func (n *node) next(name []byte) *node {
	if c := n.children[string(name)]; c != nil {
		return c
	}
	if n.any != nil {
		return n.any
	}
	return nil
}

// holds reports whether value has a field that n leads to. Lists are looked
// through: a field of each element counts.
func holds(value []byte, n *node) bool {
	switch rawjson.TypeOf(value) {
	case rawjson.Array:
		for element := range rawjson.Elements(value) {
			if holds(element, n) {
				return true
			}
		}
	case rawjson.Object:
		for name, member := range rawjson.Members(value) {
			if next := n.next(name); next != nil && (next.hit || holds(member, next)) {
				return true
			}
			if n.deep && holds(member, n) {
				return true
			}
		}
	}
	return false
}

// append writes value without the fields that n leads to. What is not on the
// way to one is copied as it is.
func (s *Set) append(dst, value []byte, n *node) []byte {
	kind := rawjson.TypeOf(value)
	// Below "**" everything is on the way; looking ahead saves writing it anew.
	if kind != rawjson.Array && kind != rawjson.Object || n.deep && !holds(value, n) {
		return append(dst, value...)
	}
	separator := byte('[')
	if kind == rawjson.Array {
		for element := range rawjson.Elements(value) {
			dst = s.append(append(dst, separator), element, n)
			separator = ','
		}
		return closed(dst, separator, '[', ']')
	}
	separator = '{'
	for name, member := range rawjson.Members(value) {
		next := n.next(name)
		if next != nil && next.hit && s.mask == nil {
			continue
		}
		dst = append(dst, separator)
		separator = ','
		dst = append(rawjson.AppendString(dst, string(name)), ':')
		switch {
		case next != nil && next.hit:
			dst = append(dst, s.mask...)
		case next != nil && n.deep:
			// Both ways lead on: what next hides, and what lies deeper.
			dst = s.append(dst, s.append(nil, member, next), n)
		case next != nil:
			dst = s.append(dst, member, next)
		case n.deep:
			dst = s.append(dst, member, n)
		default:
			dst = append(dst, member...)
		}
	}
	return closed(dst, separator, '{', '}')
}

// closed ends a list or an object, which has not begun when nothing was written.
func closed(dst []byte, separator, begin, end byte) []byte {
	if separator == begin {
		dst = append(dst, begin)
	}
	return append(dst, end)
}
