package loki

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// same is JavaScript's === between values that were decoded apart: lists and
// objects are never the same.
func same(a, b any) bool {
	switch a.(type) {
	case map[string]any, []any:
		return false
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}

// truthy is what JavaScript takes for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return true
}

// rank is the order of values that loki does not compare as numbers or text.
func rank(v any) int {
	switch v := v.(type) {
	case nil, undefined:
		return 1
	case bool:
		if v {
			return 4
		}
		return 3
	case string:
		if v == "" {
			return 5
		}
	}
	return 9
}

// compare is the order of happn-3's default store (happn-wire.md, 7.3): numbers
// and texts that read as numbers by value and before all others, the rest as
// text.
func compare(a, b any) int {
	if x, y := rank(a), rank(b); x != 9 || y != 9 {
		return cmp.Compare(x, y)
	}
	x, y := numeric(a), numeric(b)
	switch {
	case !math.IsNaN(x) && !math.IsNaN(y):
		return cmp.Compare(x, y)
	case !math.IsNaN(x):
		return -1
	case !math.IsNaN(y):
		return 1
	}
	return strings.Compare(spelled(a), spelled(b))
}

// numeric is JavaScript's Number, NaN for what reads as none.
func numeric(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		if text := strings.TrimSpace(v); !strings.ContainsAny(text, "_pPnN") {
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				return f
			}
		}
	case []any:
		switch len(v) {
		case 0:
			return 0
		case 1:
			return numeric(v[0])
		}
	}
	return math.NaN()
}

// spelled is JavaScript's String.
func spelled(v any) string {
	switch v := v.(type) {
	case undefined:
		return "undefined"
	case string:
		return v
	case float64:
		raw, _ := json.Marshal(v) // what was decoded can be encoded
		return string(raw)
	case []any:
		var parts []string
		for _, e := range v {
			if e == nil {
				parts = append(parts, "")
				continue
			}
			parts = append(parts, spelled(e))
		}
		return strings.Join(parts, ",")
	case map[string]any:
		return "[object Object]"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}
