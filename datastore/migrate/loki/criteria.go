package loki

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
)

// condition judges a value as decoded from JSON; undefined is what is not there.
type condition func(value any) bool

// undefined is the value of a member that is missing.
type undefined struct{}

// decoded returns the document as criteria see it.
func decoded(doc *datastore.Document) any {
	var data any
	if json.Unmarshal(doc.Data, &data) != nil {
		data = undefined{}
	}
	return map[string]any{
		"path": doc.Path, "created": float64(doc.Created), "modified": float64(doc.Modified), "data": data,
	}
}

// compileCriteria compiles the criteria of a removal with the meaning that
// happn-3's default store gives them: of several operators on a field the first
// one counts.
func compileCriteria(raw []byte) (condition, error) {
	members, err := ordered(raw)
	if err != nil {
		return nil, err
	}
	var all []condition
	for _, m := range members {
		c, err := compileMember(m)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return every(all), nil
}

func every(all []condition) condition {
	return func(v any) bool { return !slices.ContainsFunc(all, func(c condition) bool { return !c(v) }) }
}

func some(all []condition) condition {
	return func(v any) bool { return slices.ContainsFunc(all, func(c condition) bool { return c(v) }) }
}

// criterion is one member of criteria.
type criterion struct {
	name string
	raw  json.RawMessage
}

// ordered returns the members of an object in their order.
func ordered(raw []byte) ([]criterion, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("%.40s is no object", raw)
	}
	var all []criterion
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := criterion{name: fmt.Sprint(name)}
		if err := d.Decode(&m.raw); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// compileMember compiles a condition on a field, or $and and $or of whole
// criteria.
func compileMember(m criterion) (condition, error) {
	if m.name == "$and" || m.name == "$or" {
		return compileList(m, compileCriteria)
	}
	if strings.HasPrefix(m.name, "$") {
		return nil, fmt.Errorf("operator %s", m.name)
	}
	var inner condition
	var err error
	if bytes.HasPrefix(m.raw, []byte("{")) {
		inner, err = compileOperators(m.raw)
	} else {
		inner, err = compileOperator(criterion{"$eq", m.raw})
	}
	names := strings.Split(m.name, ".")
	return func(v any) bool { return descend(v, names, inner) }, err
}

// descend looks for the field; of elements on the way any may satisfy.
func descend(v any, names []string, inner condition) bool {
	var member any = undefined{}
	if object, ok := v.(map[string]any); ok {
		if m, ok := object[names[0]]; ok {
			member = m
		}
	}
	if len(names) == 1 {
		return inner(member)
	}
	if list, ok := member.([]any); ok {
		return slices.ContainsFunc(list, func(e any) bool { return descend(e, names[1:], inner) })
	}
	return descend(member, names[1:], inner)
}

func compileList(m criterion, compile func([]byte) (condition, error)) (condition, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(m.raw, &parts); err != nil {
		return nil, fmt.Errorf("operator %s without a list", m.name)
	}
	var all []condition
	for _, part := range parts {
		c, err := compile(part)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if m.name == "$or" {
		return some(all), nil
	}
	return every(all), nil
}

// compileOperators compiles the operators on a field: the first one counts.
func compileOperators(raw []byte) (condition, error) {
	members, err := ordered(raw)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("a field without operator")
	}
	return compileOperator(members[0])
}

func compileOperator(m criterion) (condition, error) {
	switch m.name {
	case "$and", "$or":
		return compileList(m, compileOperators)
	case "$not":
		inner, err := compileOperators(m.raw)
		return func(v any) bool { return !inner(v) }, err
	case "$regex":
		return compileRegex(m.raw)
	}
	var want any
	if err := json.Unmarshal(m.raw, &want); err != nil {
		return nil, err
	}
	list, isList := want.([]any)
	switch m.name {
	case "$eq":
		return func(v any) bool { return same(v, want) }, nil
	case "$ne":
		return func(v any) bool { return !same(v, want) }, nil
	case "$gt":
		return func(v any) bool { return compare(v, want) > 0 }, nil
	case "$gte":
		return func(v any) bool { return compare(v, want) >= 0 }, nil
	case "$lt":
		return func(v any) bool { return compare(v, want) < 0 }, nil
	case "$lte":
		return func(v any) bool { return compare(v, want) <= 0 }, nil
	case "$exists":
		return func(v any) bool { return (v != any(undefined{})) == truthy(want) }, nil
	case "$contains", "$containsAny", "$containsNone":
		return compileContains(m.name, want), nil
	case "$size":
		return func(v any) bool { a, ok := v.([]any); return ok && any(float64(len(a))) == want }, nil
	case "$between":
		if len(list) == 2 {
			return func(v any) bool {
				return v != nil && v != any(undefined{}) && compare(v, list[0]) >= 0 && compare(v, list[1]) <= 0
			}, nil
		}
	case "$in", "$nin":
		if isList {
			in := m.name == "$in"
			return func(v any) bool { return within(v, list) == in }, nil
		}
	}
	return nil, fmt.Errorf("operator %s", m.name)
}

func within(v any, list []any) bool {
	return slices.ContainsFunc(list, func(e any) bool { return same(v, e) })
}

// compileContains compiles the operators on lists, texts and names of members.
func compileContains(name string, want any) condition {
	wanted, ok := want.([]any)
	if !ok {
		wanted = []any{want}
	}
	return func(v any) bool {
		has := func(e any) bool { return contains(v, e) }
		switch {
		case name == "$containsNone":
			return !slices.ContainsFunc(wanted, has)
		case name == "$containsAny":
			return slices.ContainsFunc(wanted, has)
		}
		switch v.(type) {
		case []any, string, map[string]any:
			return !slices.ContainsFunc(wanted, func(e any) bool { return !has(e) })
		}
		return false
	}
}

func contains(v, e any) bool {
	text, isText := e.(string)
	switch v := v.(type) {
	case []any:
		return within(e, v)
	case string:
		if !isText {
			text = spelled(e)
		}
		return strings.Contains(v, text)
	case map[string]any:
		_, ok := v[text]
		return ok && isText
	}
	return false
}

// compileRegex compiles a pattern, or a pattern and its flags. happn-3 writes the
// regular expressions of its clients as {}.
func compileRegex(raw []byte) (condition, error) {
	var pattern string
	var pair []string
	switch {
	case json.Unmarshal(raw, &pattern) == nil:
	case json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && strings.Trim(pair[1], "ims") == "":
		pattern = pair[0]
		if pair[1] != "" {
			pattern = "(?" + pair[1] + ")" + pattern
		}
	default:
		return nil, fmt.Errorf("the file does not hold the regular expression, happn-3 wrote %.40s", raw)
	}
	re, err := regexp.Compile(pattern)
	return func(v any) bool { return re.MatchString(spelled(v)) }, err
}
