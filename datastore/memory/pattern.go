package memory

import "strings"

// pattern is a compiled path pattern: a run of '*' stands for any text, also
// for '/' and for no text at all; every other byte stands for itself. It covers
// the whole path.
type pattern struct {
	exact  bool   // no '*': prefix is the path
	prefix string // literal text before the first '*'
	middle string // text between the first and the last '*', with the '*' in it
	suffix string // literal text after the last '*'
}

// compile parses a pattern. Its cost is one pass over the text.
func compile(text string) pattern {
	first := strings.IndexByte(text, '*')
	if first < 0 {
		return pattern{exact: true, prefix: text}
	}
	last := strings.LastIndexByte(text, '*')
	p := pattern{prefix: text[:first], suffix: text[last+1:]}
	if last > first {
		p.middle = strings.Trim(text[first:last], "*")
	}
	return p
}

// all reports whether every path with the pattern's prefix matches.
func (p *pattern) all() bool {
	return !p.exact && p.middle == "" && p.suffix == ""
}

// match reports whether the pattern covers the whole path. Each literal piece
// is taken at its leftmost place, which never has to be taken back because only
// the last piece is anchored, and that one is looked at first.
func (p *pattern) match(path string) bool {
	if p.exact {
		return path == p.prefix
	}
	if len(path) < len(p.prefix)+len(p.suffix) ||
		!strings.HasPrefix(path, p.prefix) || !strings.HasSuffix(path, p.suffix) {
		return false
	}
	rest := path[len(p.prefix) : len(path)-len(p.suffix)]
	for pieces := p.middle; pieces != ""; {
		piece, others, _ := strings.Cut(pieces, "*")
		pieces = others
		if piece == "" {
			continue // a run of '*'
		}
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return true
}
