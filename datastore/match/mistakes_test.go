package match_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

// operatorsOf returns the names that a function of the compiler has a case for.
func operatorsOf(t *testing.T, function string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == function {
				ast.Inspect(f, func(n ast.Node) bool {
					if c, ok := n.(*ast.CaseClause); ok {
						addNames(names, c.List)
					}
					return true
				})
			}
		}
	}
	require.NotEmpty(t, names, function)
	return slices.Sorted(maps.Keys(names))
}

func addNames(names map[string]bool, list []ast.Expr) {
	for _, e := range list {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if name, _ := strconv.Unquote(lit.Value); strings.HasPrefix(name, "$") {
				names[name] = true
			}
		}
	}
}

// compiled is every operator that the compiler knows, and where it stands: in
// criteria, in a field, or in a field with the name of another.
func compiled(t *testing.T) (inCriteria, inField, beside []string) {
	t.Helper()
	inCriteria = operatorsOf(t, "member")
	inField = append(operatorsOf(t, "operator"), operatorsOf(t, "lokiOperator")...)
	for _, name := range operatorsOf(t, "besideOperator") {
		beside = append(beside, "$"+name)
	}
	return inCriteria, inField, beside
}

// TestEveryOperatorIsInATable fails for an operator of the compiler that no table
// of criteria and documents has.
func TestEveryOperatorIsInATable(t *testing.T) {
	var tables strings.Builder
	for _, file := range []string{"filter_test.go", "beside_test.go", "schema_test.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		right, _, _ := strings.Cut(string(source), "func TestMistakes")
		tables.WriteString(right)
	}
	inCriteria, inField, beside := compiled(t)
	for _, name := range slices.Concat(inCriteria, inField, beside) {
		if name != "$not" { // in criteria it is a mistake, in a field it has its cases
			require.True(t, strings.Contains(tables.String(), `{"`+name+`":`), "no case begins with %s", name)
		}
	}
}

// TestEveryOperatorNamesItselfInMistakes gives every operator arguments of every
// kind. What it refuses, it must refuse by its name and its place; and it must
// refuse something, unless any value is an argument.
func TestEveryOperatorNamesItselfInMistakes(t *testing.T) {
	arguments := []string{`null`, `true`, `-1`, `0.5`, `"("`, `""`, `[]`, `[null]`, `["(",1,2]`, `[[]]`, `{}`, `{"a":1}`, `{"$bogus":1}`, `[{"$bogus":1}]`}
	anything := strings.Fields("$eq $ne $gt $gte $lt $lte $jgt $jgte $jlt $jlte $exists $finite $aeq $dteq $contains $containsAny $containsNone $comment")
	try := func(name, form, place string) {
		refused := 0
		for _, arg := range arguments {
			_, err := match.CompileFilter([]byte(strings.Replace(form, "?", `{"`+name+`":`+arg+`}`, 1)))
			if err == nil {
				continue
			}
			refused++
			if name == "$regex" && err.Error() == "$regex parameter value must be an Array or a string" {
				continue // the words that clients of happn-3 know
			}
			require.Contains(t, err.Error(), name, arg)
			require.Contains(t, err.Error(), " at "+place, "%s of %s", name, arg)
		}
		require.Equal(t, slices.Contains(anything, name), refused == 0, "%s refuses %d arguments", name, refused)
	}
	inCriteria, inField, beside := compiled(t)
	for _, name := range inCriteria {
		try(name, `?`, "criteria")
		try(name, `{"$or":[{"x":1},?]}`, "criteria.$or[1]")
	}
	for _, name := range append(inField, beside...) {
		try(name, `{"f":?}`, "criteria.f")
		try(name, `{"$and":[{"x":1},{"f.g":{"$not":?}}]}`, "criteria.$and[1].f.g.$not")
	}
}
