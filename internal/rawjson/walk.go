package rawjson

import "iter"

// End returns the offset after the value that starts at b[i]. The text must be
// valid.
func End(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		return containerEnd(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
		i++
	}
	return i
}

func stringEnd(b []byte, i int) int {
	i++
	for i < len(b) {
		if i += plainRun(b[i:]); i >= len(b) {
			break
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
	return len(b)
}

func containerEnd(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// Members yields the members of an object in the order of the text: decoded
// name and raw value. A name without escapes aliases obj. Anything that is not
// an object has no members.
func Members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := Space(obj, 0)
		if i >= len(obj) || obj[i] != '{' {
			return
		}
		for i = Space(obj, i+1); i < len(obj) && obj[i] == '"'; {
			nameEnd := stringEnd(obj, i)
			name := Unquote(obj[i:nameEnd])
			i = Space(obj, nameEnd)
			i = Space(obj, i+1) // the colon
			end := End(obj, i)
			if i > len(obj) || !yield(name, obj[i:end]) {
				return
			}
			if i = Space(obj, end); i < len(obj) && obj[i] == ',' {
				i = Space(obj, i+1)
			}
		}
	}
}

// Elements yields the raw elements of an array. Anything that is not an array
// has none.
func Elements(arr []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		i := Space(arr, 0)
		if i >= len(arr) || arr[i] != '[' {
			return
		}
		for i = Space(arr, i+1); i < len(arr) && arr[i] != ']'; {
			end := End(arr, i)
			if !yield(arr[i:end]) || end == i {
				return
			}
			if i = Space(arr, end); i < len(arr) && arr[i] == ',' {
				i = Space(arr, i+1)
			}
		}
	}
}

// Lookup returns the raw value of a member. Of several with the same name the
// last one counts, as it does to JSON.parse.
func Lookup(obj []byte, name string) (value []byte, ok bool) {
	for k, v := range Members(obj) {
		if string(k) == name {
			value, ok = v, true
		}
	}
	return value, ok
}
