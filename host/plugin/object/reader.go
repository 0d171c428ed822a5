package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Reader reads a decoded JSON or YAML value key by key. It knows the file and the
// way to the key, so that an error can name both, and which keys were asked
// for, so that it can tell the ones nobody knows. Only the first error is kept.
type Reader struct {
	file string
	path string
	m    map[string]any
	know []string
	err  *error
}

// New returns what reads the object that a value is, of a file; nil is one without keys.
func New(file string, v any) (*Reader, error) {
	var err error
	r := &Reader{file: file, err: &err}
	if v == nil {
		v = map[string]any{}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: expected an object at the top, got %s", file, typeName(v))
	}
	r.m = m
	return r, nil
}

// Fail keeps what is wrong at a key, unless something was wrong before.
func (r *Reader) Fail(key, format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf("%s: %s: %s", r.file, r.at(key), fmt.Sprintf(format, args...))
	}
}

func (r *Reader) at(key string) string {
	if r.path == "" {
		return key
	}
	return r.path + "." + key
}

// Get returns the value of a key. Null counts as absent.
func (r *Reader) Get(key string) (any, bool) {
	r.know = append(r.know, key)
	v, ok := r.m[key]
	return v, ok && v != nil
}

// Has reports whether there is a key, though it may be null.
func (r *Reader) Has(key string) bool {
	_, ok := r.m[key]
	return ok
}

// Keys returns the keys of the object, sorted.
func (r *Reader) Keys() []string { return slices.Sorted(maps.Keys(r.m)) }

// Finish reports the keys that were never asked for.
func (r *Reader) Finish() error {
	for _, key := range r.Keys() {
		if !slices.Contains(r.know, key) {
			r.Fail(key, "unknown key%s", Suggest(key, r.know))
		}
	}
	return *r.err
}

// Text reads a string. Like all that follow it leaves alone what it reads to where there
// is no key.
func (r *Reader) Text(key string, to *string) {
	if v, ok := r.Get(key); ok {
		s, isString := v.(string)
		if !isString {
			r.Fail(key, "expected a string, got %s", typeName(v))
		}
		*to = s
	}
}

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// IsName reports whether a text can be the name of a plugin or of what it provides.
func IsName(text string) bool { return name.MatchString(text) }

// Name reads a string that must be a name.
func (r *Reader) Name(key string, to *string) {
	if r.Text(key, to); *to != "" && !IsName(*to) {
		r.Fail(key, "%q must begin with a letter or digit and hold at most 64 letters, digits, dots, dashes and underscores", *to)
	}
}

// Word reads a string that must be one of the choices.
func (r *Reader) Word(key string, choices []string, to *string) {
	var s string
	r.Text(key, &s)
	if s == "" {
		return
	}
	if !slices.Contains(choices, s) {
		r.Fail(key, "%q is not one of %s%s", s, strings.Join(choices, ", "), Suggest(s, choices))
	}
	*to = s
}

// Bool reads true or false.
func (r *Reader) Bool(key string, to *bool) {
	if v, ok := r.Get(key); ok {
		b, isBool := v.(bool)
		if !isBool {
			r.Fail(key, "expected true or false, got %s", typeName(v))
		}
		*to = b
	}
}

// Int reads a whole number between two.
func (r *Reader) Int(key string, lowest, highest int, to *int) {
	v, ok := r.Get(key)
	if !ok {
		return
	}
	n, isInt := wholeNumber(v)
	if !isInt || n < int64(lowest) || n > int64(highest) {
		r.Fail(key, "expected a whole number from %d to %d, got %v", lowest, highest, v)
	}
	*to = int(n)
}

// Duration reads "50ms" and the like.
func (r *Reader) Duration(key string, highest time.Duration, to *time.Duration) {
	var s string
	r.Text(key, &s)
	if s == "" {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > highest {
		r.Fail(key, `expected a duration such as "50ms", up to %s, got %q`, highest, s)
	}
	*to = d
}

// Texts reads a list of strings. present is true where there is a key, whatever its value.
func (r *Reader) Texts(key string) (out []string, present bool) {
	v, ok := r.Get(key)
	if !ok {
		return nil, false
	}
	list, isList := v.([]any)
	if !isList {
		r.Fail(key, "expected a list of strings, got %s", typeName(v))
		return nil, true
	}
	out = []string{}
	for i, e := range list {
		s, isString := e.(string)
		if !isString {
			r.Fail(fmt.Sprintf("%s[%d]", key, i), "expected a string, got %s", typeName(e))
			return nil, true
		}
		out = append(out, s)
	}
	return out, true
}

// Words reads a list of strings that must each be one of the choices.
func (r *Reader) Words(key string, choices []string) (out []string, present bool) {
	out, present = r.Texts(key)
	for i, s := range out {
		if !slices.Contains(choices, s) {
			r.Fail(fmt.Sprintf("%s[%d]", key, i), "%q is not one of %s%s", s, strings.Join(choices, ", "), Suggest(s, choices))
		}
	}
	return out, present
}

// JSON returns a value as JSON.
func (r *Reader) JSON(key string) json.RawMessage {
	v, ok := r.Get(key)
	if !ok {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		r.Fail(key, "cannot be written as JSON: %v", err)
	}
	return b
}

// Object calls read for the object at key, when there is one.
func (r *Reader) Object(key string, read func(*Reader)) {
	if v, ok := r.Get(key); ok {
		r.child(key, v, read)
	}
}

// Objects calls read for each object of the list at key.
func (r *Reader) Objects(key string, read func(*Reader)) {
	v, ok := r.Get(key)
	if !ok {
		return
	}
	list, isList := v.([]any)
	if !isList {
		r.Fail(key, "expected a list of objects, got %s", typeName(v))
		return
	}
	for i, e := range list {
		r.child(fmt.Sprintf("%s[%d]", key, i), e, read)
	}
}

func (r *Reader) child(key string, v any, read func(*Reader)) {
	m, isObject := v.(map[string]any)
	if !isObject {
		r.Fail(key, "expected an object, got %s", typeName(v))
		return
	}
	c := &Reader{file: r.file, path: r.at(key), m: m, err: r.err}
	read(c)
	_ = c.Finish()
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

// Suggest names the choice nearest to what was written, if one is near.
func Suggest(got string, choices []string) string {
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
