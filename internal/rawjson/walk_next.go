package rawjson

import (
	"encoding/binary"
	"math/bits"
)

// NextMember is Members for callers that must not pay for a closure: it
// returns the member at or after offset i of an object, and the offset to
// continue from, which is negative after the last one. Begin with i = 1. The
// name is what stands between its quotes, with its escapes; both results alias
// obj.
func NextMember(obj []byte, i int) (name, value []byte, next int) {
	i = Space(obj, i)
	if i < len(obj) && obj[i] == ',' {
		i = Space(obj, i+1)
	}
	if i >= len(obj) || obj[i] != '"' {
		return nil, nil, -1
	}
	end := i + 1
	for end < len(obj) && obj[end] != '"' { // names are short: no call, byte by byte
		if obj[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(obj) {
		return nil, nil, -1
	}
	name = obj[i+1 : end]
	if i = Space(obj, end+1); i >= len(obj) {
		return nil, nil, -1
	}
	i = Space(obj, i+1) // the colon
	end = skip(obj, i)
	if i >= end {
		return nil, nil, -1
	}
	return name, obj[i:end:end], end
}

// NextElement is NextMember for the elements of an array.
func NextElement(arr []byte, i int) (value []byte, next int) {
	i = Space(arr, i)
	if i < len(arr) && arr[i] == ',' {
		i = Space(arr, i+1)
	}
	if i >= len(arr) || arr[i] == ']' {
		return nil, -1
	}
	end := skip(arr, i)
	if i >= end {
		return nil, -1
	}
	return arr[i:end:end], end
}

// skip is End for values of every kind, in one loop.
func skip(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i+1); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(b)
}

// skipString returns the offset after the string whose text begins at b[i],
// looking for its end eight bytes at a time.
func skipString(b []byte, i int) int {
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		found := ((quote-ones)&^quote | (slash-ones)&^slash) & highs
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if b[i] == '"' {
			return i + 1
		}
		i += 2 // a backslash and what it escapes
	}
	for i < len(b) {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
	return len(b)
}
