package pattern

import (
	"bytes"
	"strings"
)

// Pattern is text in which "*" stands for any text, also none, also with
// slashes. Matching takes time in proportion to the text.
type Pattern struct {
	first, last []byte   // before the first and after the last star
	middle      [][]byte // between stars
	exact       bool     // no star at all; first is the text
	text        string
}

// New reads a pattern. Every text is one.
func New(s string) Pattern {
	parts := strings.Split(s, "*")
	p := Pattern{first: []byte(parts[0]), exact: len(parts) == 1, text: s}
	if p.exact {
		return p
	}
	p.last = []byte(parts[len(parts)-1])
	for _, part := range parts[1 : len(parts)-1] {
		if part != "" {
			p.middle = append(p.middle, []byte(part))
		}
	}
	return p
}

// Match reports whether p stands for s. It allocates nothing.
func (p *Pattern) Match(s []byte) bool {
	if p.exact {
		return bytes.Equal(s, p.first)
	}
	if len(s) < len(p.first)+len(p.last) || !bytes.HasPrefix(s, p.first) || !bytes.HasSuffix(s, p.last) {
		return false
	}
	s = s[len(p.first) : len(s)-len(p.last)]
	for _, part := range p.middle {
		at := bytes.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return true
}

// maxMeets bounds the work of Meets, in comparisons of characters. What would take
// more is taken to meet.
const maxMeets = 1 << 16

// Meets reports whether there is a text that both p and another pattern, in which
// "*" has the same meaning, stand for.
func (p *Pattern) Meets(other []byte) bool {
	a := p.text
	if len(a)*len(other) > maxMeets {
		return true
	}
	// met[j] says whether the beginnings of both up to here may stand for one text.
	var few [128]bool
	met := few[:]
	if len(other) >= len(few) {
		met = make([]bool, len(other)+1)
	}
	met = met[:len(other)+1]
	met[0] = true
	for j := 0; j < len(other) && other[j] == '*'; j++ {
		met[j+1] = true
	}
	for i := range len(a) {
		before := met[0] // met[j] of the shorter beginning of a
		met[0] = met[0] && a[i] == '*'
		for j := range len(other) {
			above := met[j+1]
			if a[i] == '*' || other[j] == '*' { // which stands for nothing, or for one more
				met[j+1] = above || met[j]
			} else {
				met[j+1] = before && a[i] == other[j]
			}
			before = above
		}
	}
	return met[len(other)]
}
