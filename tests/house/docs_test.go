package house

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attackRow is a row of the table of attacks: its last two columns are tests and
// the packages that they are in.
var (
	attackRow = regexp.MustCompile(`(?m)^\| .* \| (` + "`Test[^|]*" + `) \| ([^|]*) \|$`)
	testName  = regexp.MustCompile("`(Test\\w+)`")
)

func TestEveryTestThatTheAttacksNameIsInThePackageThatTheyName(t *testing.T) {
	var text string
	walk(t, func(name string, content []byte) {
		if name == "docs/security/attacks.md" {
			text = string(content)
		}
	})
	there := testsByRoom(sources(t))
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
			assert.True(t, found, "%s is not in %s: correct the table in docs/security/attacks.md", name[1], row[2])
		}
	}
	require.Len(t, testName.FindAllString(text, -1), seen, "each test is named in a row of the table")
	require.Equal(t, strings.Count(text, "\n| ")-1, len(rows), "each row but the heading names a test and a package")
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
