package permit

import "strings"

// maxFilled bounds the paths that one template makes for one session: a client
// has a say in what its session's values are.
const maxFilled = 1000

// template is a permission path with places for values.
type template struct {
	parts []part
	names []string // the distinct names in it
	effect
}

// part is literal text, or the name of a value.
type part struct {
	text string
	name bool
}

// parseTemplate finds the {{names}} in a path. A path without any is no template.
func parseTemplate(path string) (template, bool) {
	var t template
	for {
		before, rest, found := strings.Cut(path, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		if !found || !closed {
			break
		}
		t.parts = append(t.parts, part{text: before}, part{text: name, name: true})
		if !t.has(name) {
			t.names = append(t.names, name)
		}
		path = after
	}
	t.parts = append(t.parts, part{text: path})
	return t, len(t.names) > 0
}

func (t *template) has(name string) bool {
	for _, known := range t.names {
		if known == name {
			return true
		}
	}
	return false
}

// fill returns the paths that the values make. Each value of a name with several
// stands in all of its places at once. A name without a value leaves no paths. So
// does a broken template: a value has a `*`, and would cover more than a value
// may, or there are too many paths.
func (t *template) fill(session func(string) []string) (paths []string, broken bool) {
	values := make([][]string, len(t.names))
	count := 1
	for i, name := range t.names {
		values[i] = session(name)
		for _, v := range values[i] {
			broken = broken || strings.IndexByte(v, '*') >= 0
		}
		if count *= len(values[i]); count == 0 {
			return nil, false
		}
		if count > maxFilled {
			return nil, true
		}
	}
	if broken {
		return nil, true
	}
	for n := range count {
		paths = append(paths, t.join(func(name string) string { return pick(t.names, values, name, n) }))
	}
	return paths, false
}

// pick returns the value of a name in the n-th combination.
func pick(names []string, values [][]string, name string, n int) string {
	for i := range names {
		if names[i] == name {
			return values[i][n%len(values[i])]
		}
		n /= len(values[i])
	}
	return ""
}

// join returns the path with a text for each name.
func (t *template) join(value func(name string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name {
			b.WriteString(value(p.text))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// widest returns the path with `*` for every value.
func (t *template) widest() string { return t.join(func(string) string { return "*" }) }
