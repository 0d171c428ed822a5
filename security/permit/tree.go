package permit

import (
	"bytes"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/security"
)

// effect is what permissions that cover a path come to.
type effect struct{ allow, prohibit security.Actions }

func (e *effect) add(other effect) {
	e.allow |= other.allow
	e.prohibit |= other.prohibit
}

// verdict returns the actions that are allowed. Any among them means those
// without a bit of their own.
func (e effect) verdict() security.Actions { return e.allow.Expand() &^ e.prohibit.Expand() }

// tree finds the permissions that cover a path. It never changes once built.
// Permission paths without `*` are in a table. The others stand at the node of
// all their segments but the last, so that a walk down the segments of a path
// passes those that can cover it, and looks at each once.
type tree struct {
	exact map[string]effect
	root  node
	// all are the permission paths, sorted; prohibits those that prohibit.
	all       []entry
	prohibits []entry
}

type entry struct {
	path    string
	literal string // its text before the first `*`
	effect
}

type node struct {
	rules   []rule
	literal map[string]*node
	wild    []branch
}

type rule struct {
	pattern
	effect
}

// branch is a segment with a `*`.
type branch struct {
	text string
	pattern
	node *node
}

func newTree(effects map[string]effect) *tree {
	t := &tree{exact: map[string]effect{}}
	for path, e := range effects {
		before, wild := literal(path)
		t.all = append(t.all, entry{path, before, e})
		if wild {
			t.insert(path, e)
		} else {
			t.exact[path] = e
		}
	}
	slices.SortFunc(t.all, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	for _, e := range t.all {
		if e.prohibit != 0 {
			t.prohibits = append(t.prohibits, e)
		}
	}
	return t
}

func (t *tree) insert(path string, e effect) {
	at := &t.root
	for rest := strings.TrimPrefix(path, "/"); ; {
		segment, more, found := strings.Cut(rest, "/")
		if !found {
			break
		}
		at, rest = at.child(segment), more
	}
	at.rules = append(at.rules, rule{compilePattern(path), e})
}

// child returns the node of a segment below n, made if it is missing.
func (n *node) child(segment string) *node {
	if strings.IndexByte(segment, '*') < 0 {
		if n.literal == nil {
			n.literal = map[string]*node{}
		}
		if n.literal[segment] == nil {
			n.literal[segment] = &node{}
		}
		return n.literal[segment]
	}
	for _, b := range n.wild {
		if b.text == segment {
			return b.node
		}
	}
	b := branch{segment, compilePattern(segment), &node{}}
	n.wild = append(n.wild, b)
	return b.node
}

// collect adds what the permissions that cover the path come to.
func (t *tree) collect(path []byte, e *effect) {
	e.add(t.exact[string(path)])
	rest := path
	if len(rest) > 0 && rest[0] == '/' {
		rest = rest[1:]
	}
	t.root.collect(path, rest, e)
}

// collect goes on below n with the segments that are left.
func (n *node) collect(path, rest []byte, e *effect) {
	for {
		for i := range n.rules {
			if n.rules[i].match(path) {
				e.add(n.rules[i].effect)
			}
		}
		slash := bytes.IndexByte(rest, '/')
		if slash < 0 {
			return
		}
		segment := rest[:slash]
		rest = rest[slash+1:]
		for i := range n.wild {
			if n.wild[i].match(segment) {
				n.wild[i].node.collect(path, rest, e)
			}
		}
		if n = n.literal[string(segment)]; n == nil {
			return
		}
	}
}

// covers reports whether one permission allows the action on everything that
// begins with the text.
func (t *tree) covers(a security.Actions, text []byte) bool {
	n, rest := &t.root, text
	if len(rest) > 0 && rest[0] == '/' {
		rest = rest[1:]
	}
	for n != nil {
		for i := range n.rules {
			r := &n.rules[i]
			if r.open() && r.allow.Has(a) && len(text) >= len(r.prefix) && string(text[:len(r.prefix)]) == r.prefix {
				return true
			}
		}
		segment, more, found := bytes.Cut(rest, []byte("/"))
		if !found {
			return false
		}
		n, rest = n.literal[string(segment)], more
	}
	return false
}
