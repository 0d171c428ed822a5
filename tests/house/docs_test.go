package house

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attackRow is a row of a table of attacks or claims: its last two columns are tests and
// the packages that they are in.
var (
	attackRow = regexp.MustCompile(`(?m)^\| .* \| (` + "`Test[^|]*" + `) \| ([^|]*) \|$`)
	testName  = regexp.MustCompile("`(Test\\w+)`")
)

// securityPages are those whose claims have tests.
var securityPages = []string{"docs/security/attacks.md", "docs/security/plugins.md"}

func TestEveryTestThatClaimsOfSecurityNameIsInThePackageThatTheyName(t *testing.T) {
	there := testsByRoom(sources(t))
	found := 0
	walk(t, func(name string, content []byte) {
		if slices.Contains(securityPages, name) {
			found++
			checkClaims(t, name, string(content), there)
		}
	})
	require.Len(t, securityPages, found)
}

func checkClaims(t *testing.T, page, text string, there map[string]map[string]bool) {
	rows := attackRow.FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, rows)
	seen := 0
	for _, row := range rows {
		rooms := strings.Split(row[2], ", ")
		for _, name := range testName.FindAllStringSubmatch(row[1], -1) {
			seen++
			found := false
			for _, room := range rooms {
				found = found || there[room][name[1]]
			}
			assert.True(t, found, "%s is not in %s: correct the table in %s", name[1], row[2], page)
		}
	}
	require.Len(t, testName.FindAllString(text, -1), seen, "each test is named in a row of a table of %s", page)
	require.Equal(t, strings.Count(text, "\n| ")-strings.Count(text, "\n|--"), len(rows), "each row of %s but headings names a test and a package", page)
}

// testsByRoom returns the names of the tests in each room.
func testsByRoom(all []source) map[string]map[string]bool {
	there := map[string]map[string]bool{}
	for _, s := range all {
		if !s.test {
			continue
		}
		for _, declared := range s.syntax.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				if there[s.room] == nil {
					there[s.room] = map[string]bool{}
				}
				there[s.room][f.Name.Name] = true
			}
		}
	}
	return there
}
