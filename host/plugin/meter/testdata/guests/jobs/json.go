package jobs

import (
	"encoding/json"
	"math"
)

// JSON parses a document and returns the mark of its value, or 0 if it is none.
func JSON(input []byte) uint64 {
	var v any
	if json.Unmarshal(input, &v) != nil {
		return 0
	}
	return mark(v)
}

// mark returns a number that tells values apart. The order of an object's
// fields is none of its value.
func mark(v any) uint64 {
	switch v := v.(type) {
	case bool:
		if v {
			return 3
		}
		return 2
	case float64:
		return math.Float64bits(v)*prime + 5
	case string:
		return markText([]byte(v))
	case []any:
		m := uint64(7)
		for _, e := range v {
			m = (m ^ mark(e)) * prime
		}
		return m
	case map[string]any:
		m := uint64(11)
		for name, e := range v {
			m += (markText([]byte(name)) ^ mark(e)) * prime
		}
		return m
	}
	return 1 // null
}

// The numbers of FNV-1a.
const (
	basis = 14695981039346656037
	prime = 1099511628211
)

func markText(text []byte) uint64 {
	m := uint64(basis)
	for _, c := range text {
		m = (m ^ uint64(c)) * prime
	}
	return m
}
