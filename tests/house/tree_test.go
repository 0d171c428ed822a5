package house

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/happn-host/happn-host"

// source is one Go file of the tree.
type source struct {
	path    string // from the root of the tree, with slashes
	room    string // its folder, "." for the root
	test    bool
	lines   int
	syntax  *ast.File
	imports []string
}

var positions = token.NewFileSet()

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-json").Output()
	require.NoError(t, err)
	var found struct{ Path, Dir string }
	require.NoError(t, json.Unmarshal(out, &found))
	require.Equal(t, module, found.Path)
	return found.Dir
}

// walk visits every file that belongs to the project: what git ignores (built
// modules, data, installed packages) does not.
func walk(t *testing.T, visit func(name string, content []byte)) {
	t.Helper()
	dir := root(t)
	for _, name := range tracked(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, and not yet committed
			continue
		}
		require.NoError(t, err)
		visit(name, content)
	}
}

// tracked lists the files that git knows or would add. Without git, as in a
// source archive, it lists everything.
func tracked(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	}
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		names = append(names, filepath.ToSlash(name))
		return err
	}))
	return names
}

// sources parses every Go file of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	walk(t, func(name string, content []byte) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			return
		}
		syntax, err := parser.ParseFile(positions, name, content, parser.ParseComments)
		require.NoError(t, err)
		s := source{path: name, room: path.Dir(name), syntax: syntax,
			test:  strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(content), "\n")}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
	})
	require.NotEmpty(t, all)
	return all
}

// generated reports whether a tool wrote the file.
func (s source) generated() bool { return ast.IsGenerated(s.syntax) }

// within reports whether a room is the named one or below it.
func within(room, name string) bool {
	return room == name || strings.HasPrefix(room, name+"/")
}

func withinAny(room string, names []string) bool {
	for _, name := range names {
		if within(room, name) {
			return true
		}
	}
	return false
}
