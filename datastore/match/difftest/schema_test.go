package difftest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// schema is a random schema of JSON Schema's draft 4, as $jsonSchema takes it.
func (r random) schema(depth int) string {
	parts := map[string]string{}
	for range 1 + r.IntN(3) {
		name, val := r.keyword(depth)
		parts[name] = val
	}
	if _, ok := parts["minimum"]; ok && r.IntN(3) == 0 {
		parts["exclusiveMinimum"] = r.pick("true", "false")
	}
	if _, ok := parts["maximum"]; ok && r.IntN(3) == 0 {
		parts["exclusiveMaximum"] = r.pick("true", "false")
	}
	var out []string
	for name, val := range parts {
		out = append(out, fmt.Sprintf("%q:%s", name, val))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (r random) keyword(depth int) (name, val string) {
	if depth > 0 && r.IntN(2) == 0 {
		sub := func() string { return r.schema(depth - 1) }
		switch r.IntN(7) {
		case 0:
			return r.pick("allOf", "anyOf", "oneOf"), "[" + sub() + "," + sub() + "]"
		case 1:
			return "not", sub()
		case 2:
			return "items", r.pick(sub(), "["+sub()+"]", "["+sub()+","+sub()+"]")
		case 3:
			return r.pick("additionalProperties", "additionalItems"), r.pick("true", "false", sub())
		case 4:
			return "dependencies", fmt.Sprintf(`{"a":%s}`, r.pick(`["b"]`, sub()))
		case 5:
			return "patternProperties", fmt.Sprintf(`{%q:%s}`, r.pick("^a", "[bc]$"), sub())
		}
		return "properties", fmt.Sprintf(`{%q:%s}`, r.pick("a", "b", "c"), sub())
	}
	switch r.IntN(8) {
	case 0:
		return "type", r.pick(`"object"`, `"string"`, `"number"`, `"array"`, `"boolean"`, `"null"`, `["string","number"]`)
	case 1:
		return "enum", r.pick(`["a",1]`, `[null,true,"ab"]`, `[2,{"a":1},"10"]`, `[0,1.5,"b",false]`)
	case 2:
		return "required", r.pick(`["a"]`, `["b","c"]`)
	case 3:
		return r.pick("minimum", "maximum"), r.pick("0", "1", "1.5", "2")
	case 4:
		return "multipleOf", r.pick("1", "2", "0.5")
	case 5:
		return r.pick("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), r.pick("0", "1", "2", "3")
	case 6:
		return "pattern", r.pick(`"a"`, `"^a"`, `"b$"`)
	}
	return "uniqueItems", r.pick("true", "false")
}

// TestSchemasAgreeWithAjv has mingo check $jsonSchema by the npm package
// ajv-draft-04. The schemas have no bsonType, which the draft does not know, and
// only patterns that mean the same to RE2; in the rest both must agree.
func TestSchemasAgreeWithAjv(t *testing.T) {
	both(t, func(t *testing.T, r random) {
		q := question{Docs: raws(100, r.document), Filters: raws(150, func() string { return `{"$jsonSchema":` + r.schema(3) + `}` })}
		a := ask(t, q)
		held := 0
		for i, criteria := range q.Filters {
			f, err := match.CompileFilter(criteria)
			require.NoError(t, err, "%s", criteria)
			for j, theirs := range decoded[[]bool](t, a.Filters[i], criteria) {
				require.Equal(t, theirs, f.Match(&datastore.Document{Data: q.Docs[j]}), "%s on %s", criteria, q.Docs[j])
				if theirs {
					held++
				}
			}
		}
		require.Greater(t, held, 500, "the schemas are too strict to tell anything")
		require.Less(t, held, 14_000, "or too lax")
	})
}
