package client

import (
	"encoding/json"
	"errors"
)

var errMalformed = errors.New("frame is not the JSON that the protocol promises")

// members calls visit for every member of the JSON object in b, with the key
// as written between its quotes and the raw value, until visit returns false.
// It finds the extent of values without checking all of their syntax; what is
// inside is checked by whoever decodes it.
func members(b []byte, visit func(key, value []byte) bool) error {
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return errMalformed
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return errMalformed
		}
		end := stringEnd(b, i)
		if end < 0 {
			return errMalformed
		}
		key := b[i+1 : end-1]
		i = space(b, end)
		if i >= len(b) || b[i] != ':' {
			return errMalformed
		}
		i = space(b, i+1)
		if end = valueEnd(b, i); end < 0 {
			return errMalformed
		}
		if !visit(key, b[i:end]) {
			return nil
		}
		var more bool
		if i, more = next(b, end, '}'); i < 0 {
			return errMalformed
		} else if !more {
			return nil
		}
	}
}

// elements calls visit for every element of the JSON array in b.
func elements(b []byte, visit func(value []byte)) error {
	i := space(b, 0)
	if i >= len(b) || b[i] != '[' {
		return errMalformed
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return nil
	}
	for {
		end := valueEnd(b, i)
		if end < 0 {
			return errMalformed
		}
		visit(b[i:end])
		var more bool
		if i, more = next(b, end, ']'); i < 0 {
			return errMalformed
		} else if !more {
			return nil
		}
	}
}

// next steps over what follows a value: a comma, or the closing character. It
// returns a negative position when it is neither.
func next(b []byte, i int, closing byte) (int, bool) {
	i = space(b, i)
	switch {
	case i >= len(b):
		return -1, false
	case b[i] == ',':
		return space(b, i+1), true
	case b[i] == closing:
		return i, false
	}
	return -1, false
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the position after the string that opens at i, or -1.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd returns the position after the value that starts at i, or -1.
func valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		return nestedEnd(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func nestedEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			if i = stringEnd(b, i); i < 0 {
				return -1
			}
			continue
		}
		i++
	}
	return -1
}

// text returns the string that a raw JSON value is, or "" when it is none.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	for _, c := range raw {
		if c == '\\' {
			var s string
			if json.Unmarshal(raw, &s) != nil {
				return ""
			}
			return s
		}
	}
	return string(raw[1 : len(raw)-1])
}

// number returns the non-negative integer that a raw JSON value is.
func number(raw []byte) (uint64, bool) {
	if len(raw) == 0 || len(raw) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// object reports whether a raw JSON value is an object.
func object(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// null reports whether a raw JSON value is null or missing.
func null(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }
