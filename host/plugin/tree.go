package plugin

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// tree reads a decoded JSON or YAML value key by key. It knows the file and the
// way to the key, so that an error can name both, and which keys were asked
// for, so that it can tell the ones nobody knows. Only the first error is kept.
type tree struct {
	file string
	path string
	m    map[string]any
	know []string
	err  *error
}

func newTree(file string, v any) (*tree, error) {
	var err error
	t := &tree{file: file, err: &err}
	if v == nil {
		v = map[string]any{}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: expected an object at the top, got %s", file, typeName(v))
	}
	t.m = m
	return t, nil
}

func (t *tree) fail(key, format string, args ...any) {
	if *t.err == nil {
		*t.err = fmt.Errorf("%s: %s: %s", t.file, t.at(key), fmt.Sprintf(format, args...))
	}
}

func (t *tree) at(key string) string {
	if t.path == "" {
		return key
	}
	return t.path + "." + key
}

// get returns the value of a key. Null counts as absent.
func (t *tree) get(key string) (any, bool) {
	t.know = append(t.know, key)
	v, ok := t.m[key]
	return v, ok && v != nil
}

// finish reports the keys that were never asked for.
func (t *tree) finish() error {
	for _, key := range sortedKeys(t.m) {
		if !slices.Contains(t.know, key) {
			t.fail(key, "unknown key%s", suggest(key, t.know))
		}
	}
	return *t.err
}

func (t *tree) str(key string, to *string) {
	if v, ok := t.get(key); ok {
		s, isString := v.(string)
		if !isString {
			t.fail(key, "expected a string, got %s", typeName(v))
		}
		*to = s
	}
}

// word reads a string that must be one of the choices.
func (t *tree) word(key string, choices []string, to *string) {
	var s string
	t.str(key, &s)
	if s == "" {
		return
	}
	if !slices.Contains(choices, s) {
		t.fail(key, "%q is not one of %s%s", s, strings.Join(choices, ", "), suggest(s, choices))
	}
	*to = s
}

func (t *tree) boolean(key string, to *bool) {
	if v, ok := t.get(key); ok {
		b, isBool := v.(bool)
		if !isBool {
			t.fail(key, "expected true or false, got %s", typeName(v))
		}
		*to = b
	}
}

func (t *tree) integer(key string, lowest, highest int, to *int) {
	v, ok := t.get(key)
	if !ok {
		return
	}
	n, isInt := wholeNumber(v)
	if !isInt || n < int64(lowest) || n > int64(highest) {
		t.fail(key, "expected a whole number from %d to %d, got %v", lowest, highest, v)
	}
	*to = int(n)
}

// duration reads "50ms" and the like.
func (t *tree) duration(key string, highest time.Duration, to *time.Duration) {
	var s string
	t.str(key, &s)
	if s == "" {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > highest {
		t.fail(key, `expected a duration such as "50ms", up to %s, got %q`, highest, s)
	}
	*to = d
}

func (t *tree) strings(key string) (out []string, present bool) {
	v, ok := t.get(key)
	if !ok {
		return nil, false
	}
	list, isList := v.([]any)
	if !isList {
		t.fail(key, "expected a list of strings, got %s", typeName(v))
		return nil, true
	}
	out = []string{}
	for i, e := range list {
		s, isString := e.(string)
		if !isString {
			t.fail(fmt.Sprintf("%s[%d]", key, i), "expected a string, got %s", typeName(e))
			return nil, true
		}
		out = append(out, s)
	}
	return out, true
}

// words reads a list of strings that must each be one of the choices.
func (t *tree) words(key string, choices []string) (out []string, present bool) {
	out, present = t.strings(key)
	for i, s := range out {
		if !slices.Contains(choices, s) {
			t.fail(fmt.Sprintf("%s[%d]", key, i), "%q is not one of %s%s", s, strings.Join(choices, ", "), suggest(s, choices))
		}
	}
	return out, present
}

// raw returns a value as JSON.
func (t *tree) raw(key string) json.RawMessage {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.fail(key, "cannot be written as JSON: %v", err)
	}
	return b
}

// object calls read for the object at key, when there is one.
func (t *tree) object(key string, read func(*tree)) {
	if v, ok := t.get(key); ok {
		t.child(key, v, read)
	}
}

// objects calls read for each object of the list at key.
func (t *tree) objects(key string, read func(*tree)) {
	v, ok := t.get(key)
	if !ok {
		return
	}
	list, isList := v.([]any)
	if !isList {
		t.fail(key, "expected a list of objects, got %s", typeName(v))
		return
	}
	for i, e := range list {
		t.child(fmt.Sprintf("%s[%d]", key, i), e, read)
	}
}

func (t *tree) child(key string, v any, read func(*tree)) {
	m, isObject := v.(map[string]any)
	if !isObject {
		t.fail(key, "expected an object, got %s", typeName(v))
		return
	}
	c := &tree{file: t.file, path: t.at(key), m: m, err: t.err}
	read(c)
	_ = c.finish()
}

func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case map[any]any:
		return "an object with keys that are no strings"
	case int, int64, uint64, float64, json.Number:
		return "a number"
	}
	return fmt.Sprintf("a %T", v)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// suggest names the choice nearest to what was written, if one is near.
func suggest(got string, choices []string) string {
	best, distance := "", len(got)/2+2
	for _, c := range choices {
		if d := editDistance(strings.ToLower(got), strings.ToLower(c)); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is Levenshtein's, cut off at strings that are no key.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return math.MaxInt
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := corner
			if a[i-1] != b[j-1] {
				cost++
			}
			corner = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
