package house

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const maxLines = 600 // of a file that a person wrote

// exported through the linker: a guest's hooks are registered before its start.
var mayInit = []string{"plugins/sdk", "plugins/examples"}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range sources(t) {
		if withinAny(s.room, mayInit) {
			continue
		}
		for _, decl := range s.syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				assert.Failf(t, "init function", "%s: whoever needs this calls it", positions.Position(f.Pos()))
			}
		}
	}
}

func TestFilesCanBeReadInOneSitting(t *testing.T) {
	for _, s := range sources(t) {
		if !s.generated() {
			assert.LessOrEqual(t, s.lines, maxLines, "%s: tell its things in files of their own", s.path)
		}
	}
}

func TestEveryPackageIntroducesItself(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if path.Base(s.path) == "doc.go" && s.syntax.Doc != nil {
			documented[s.room] = true
		}
	}
	told := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || told[s.room] || within(s.room, "plugins/examples") {
			continue
		}
		told[s.room] = true
		assert.True(t, documented[s.room], "%s has no doc.go with a package comment", s.room)
	}
}

// kept are package variables that change, each with its reason.
var kept = map[string]string{}

// TestNoPackageState looks for package variables that the package itself writes
// to. Tables, compiled expressions and sentinel errors are written once, where
// they are declared.
func TestNoPackageState(t *testing.T) {
	all := sources(t)
	for room, vars := range packageVars(all) {
		if withinAny(room, mayInit) {
			continue
		}
		for _, s := range all {
			if s.room == room && !s.test {
				checkWrites(t, s, vars)
			}
		}
	}
}

// packageVars lists the package variables of every room, but of test files.
func packageVars(all []source) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, s := range all {
		if s.test {
			continue
		}
		for _, decl := range s.syntax.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if name.Name != "_" {
						if found[s.room] == nil {
							found[s.room] = map[string]bool{}
						}
						found[s.room][name.Name] = true
					}
				}
			}
		}
	}
	return found
}

func checkWrites(t *testing.T, s source, vars map[string]bool) {
	t.Helper()
	for _, decl := range s.syntax.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		local := localNames(f)
		report := func(at ast.Expr, how string) {
			name := base(at)
			if name == "" || !vars[name] || local[name] || kept[s.room+"."+name] != "" {
				return
			}
			assert.Failf(t, "package state", "%s: %s is %s; keep it in a value that somebody owns",
				positions.Position(at.Pos()), name, how)
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						report(left, "assigned to")
					}
				}
			case *ast.IncDecStmt:
				report(n.X, "counted")
			case *ast.CallExpr:
				if method, ok := n.Fun.(*ast.SelectorExpr); ok && changes[method.Sel.Name] {
					report(method.X, "changed by "+method.Sel.Name)
				}
			}
			return true
		})
	}
}

// changes are methods of the sync and atomic types that change their receiver.
// Get and Put are not among them: what is in a sync.Pool nobody can tell.
var changes = map[string]bool{"Lock": true, "RLock": true, "Store": true, "Add": true, "Swap": true,
	"CompareAndSwap": true, "LoadOrStore": true, "Do": true}

// base is the variable that an assignable expression is a part of.
func base(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// localNames lists what a function declares itself: such a name is not the
// package's.
func localNames(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, left := range n.Lhs {
					names[base(left)] = true
				}
			}
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if e != nil {
						names[base(e)] = true
					}
				}
			}
		}
		return true
	})
	return names
}

// foreign are words that belong to a machine or a registry, not to the project.
// They are put together here so that this file does not hold them itself.
var foreign = []*regexp.Regexp{
	regexp.MustCompile(`(?:^|[^\w.])/` + `work/(?:main|shared|\.)`),
	regexp.MustCompile(`(?:^|[^\w.])/` + `tmp/[A-Za-z]`),
	regexp.MustCompile(`/` + `root/|/` + `home/[a-z]`),
	regexp.MustCompile(`registry\.` + `npmjs|npm` + `mirror|proxy\.` + `golang\.org|"` + `resolved":`),
}

func TestNothingOfAMachineIsInTheTree(t *testing.T) {
	walk(t, func(name string, content []byte) {
		if !strings.Contains(name, "testdata/") && isBinary(content) {
			return
		}
		for number, text := range strings.Split(string(content), "\n") {
			for _, word := range foreign {
				if found := word.FindString(text); found != "" {
					assert.Failf(t, "a word of the machine", "%s:%d: %q", name, number+1, found)
				}
			}
		}
	})
}

func isBinary(content []byte) bool {
	return strings.IndexByte(string(content[:min(len(content), 8000)]), 0) >= 0
}
