package router

import "bytes"

// pattern is a path pattern in which each run of '*' has become one.
type pattern struct {
	text   []byte
	exact  bool   // no '*'
	prefix []byte // literal text before the first '*'; the whole path if exact
	middle []byte // text between the first and the last '*', without either
	suffix []byte // literal text after the last '*'
}

func compile(text []byte) pattern {
	p := pattern{text: make([]byte, 0, len(text))}
	for i, c := range text {
		if c != '*' || i == 0 || text[i-1] != '*' {
			p.text = append(p.text, c)
		}
	}
	first, last := bytes.IndexByte(p.text, '*'), bytes.LastIndexByte(p.text, '*')
	if first < 0 {
		p.exact, p.prefix = true, p.text
		return p
	}
	p.prefix, p.suffix = p.text[:first], p.text[last+1:]
	if last > first {
		p.middle = p.text[first+1 : last]
	}
	return p
}

// matches reports whether the pattern covers the whole path. A '*' in the path
// is a letter that only a '*' of the pattern covers, so it also tells whether
// the pattern covers every path that another pattern covers.
func (p *pattern) matches(path []byte) bool {
	if p.exact {
		return bytes.Equal(path, p.prefix)
	}
	if len(path) < len(p.prefix)+len(p.suffix) || !bytes.HasPrefix(path, p.prefix) || !bytes.HasSuffix(path, p.suffix) {
		return false
	}
	rest := path[len(p.prefix) : len(path)-len(p.suffix)]
	// Each piece at its leftmost place: none has to be taken back, because only
	// the last piece is anchored, and that has been looked at.
	for pieces := p.middle; len(pieces) > 0; {
		piece, others, _ := bytes.Cut(pieces, star)
		at := bytes.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest, pieces = rest[at+len(piece):], others
	}
	return true
}

var star = []byte{'*'}

// meets reports whether there is a path that both patterns cover. Two patterns
// with a '*' each leave room for all that stands between: only their ends can
// contradict one another.
func (p *pattern) meets(q *pattern) bool {
	switch {
	case q.exact:
		return p.matches(q.prefix)
	case p.exact:
		return q.matches(p.prefix)
	}
	return (bytes.HasPrefix(p.prefix, q.prefix) || bytes.HasPrefix(q.prefix, p.prefix)) &&
		(bytes.HasSuffix(p.suffix, q.suffix) || bytes.HasSuffix(q.suffix, p.suffix))
}
