package permit

import (
	"bytes"
	"strings"
)

// pattern is text with at least one `*`, each run of which stands for any text.
type pattern struct {
	prefix string // literal text before the first '*'
	middle string // text between the first and the last '*', with the '*' in it
	suffix string // literal text after the last '*'
}

// compilePattern parses text that has a `*`.
func compilePattern(text string) pattern {
	first, last := strings.IndexByte(text, '*'), strings.LastIndexByte(text, '*')
	p := pattern{prefix: text[:first], suffix: text[last+1:]}
	if last > first {
		p.middle = strings.Trim(text[first:last], "*")
	}
	return p
}

// match reports whether the pattern covers the whole text. Taking each piece at
// its leftmost place is enough, since only the last one, which is looked at
// first, is bound to a place.
func (p *pattern) match(text []byte) bool {
	if len(text) < len(p.prefix)+len(p.suffix) || string(text[:len(p.prefix)]) != p.prefix ||
		string(text[len(text)-len(p.suffix):]) != p.suffix {
		return false
	}
	rest := text[len(p.prefix) : len(text)-len(p.suffix)]
	for pieces := p.middle; pieces != ""; {
		piece, others, _ := strings.Cut(pieces, "*")
		pieces = others
		at := indexText(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return true
}

// indexText is bytes.Index for a string.
func indexText(b []byte, text string) int {
	if len(text) == 0 {
		return 0
	}
	for i := 0; ; i++ {
		at := bytes.IndexByte(b[i:], text[0])
		if at < 0 || len(b)-i-at < len(text) {
			return -1
		}
		if i += at; string(b[i:i+len(text)]) == text {
			return i
		}
	}
}

// open reports whether the pattern is a prefix and nothing more.
func (p *pattern) open() bool { return p.middle == "" && p.suffix == "" }

// literal returns the text before the first `*`, and whether there is one.
func literal(path string) (before string, wild bool) {
	before, _, wild = strings.Cut(path, "*")
	return before, wild
}
