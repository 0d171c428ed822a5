package match

import "bytes"

// needle is a piece of text without which no document can satisfy a filter, so
// that most documents are ruled out before anything in them is looked for.
// Escapes could hide it: a document with a backslash is never ruled out.
type needle struct {
	text []byte
	rare int // index of the byte in text that documents are least likely to hold
}

// literal is a test that holds only for texts which contain these bytes;
// closed says that the text is no longer than that.
type literal interface {
	literal() (part []byte, closed bool)
}

// needleOf returns the longest needle of the conditions that must all hold.
func needleOf(n *node) needle {
	var best needle
	switch n.op {
	case all:
		for i := range n.kids {
			if kid := needleOf(&n.kids[i]); len(kid.text) > len(best.text) {
				best = kid
			}
		}
	case field:
		if l, ok := n.test.(literal); ok && n.from == fromData {
			part, closed := l.literal()
			best = newNeedle(part, closed)
		}
	}
	return best
}

func newNeedle(part []byte, closed bool) needle {
	for _, c := range part {
		if c < 0x20 || c == '"' || c == '\\' {
			return needle{} // stands escaped in a document
		}
	}
	if closed {
		part = append(append([]byte{'"'}, part...), '"')
	}
	n := needle{text: part}
	for i, c := range part {
		if commonness(c) < commonness(part[n.rare]) {
			n.rare = i
		}
	}
	if len(part) < 2 {
		return needle{}
	}
	return n
}

// maybeIn reports false only if the needle is certainly not in data.
func (n *needle) maybeIn(data []byte) bool {
	if len(n.text) == 0 {
		return true
	}
	c := n.text[n.rare]
	for from := n.rare; from < len(data); from++ {
		i := bytes.IndexByte(data[from:], c)
		if i < 0 {
			break
		}
		from += i
		if bytes.HasPrefix(data[from-n.rare:], n.text) {
			return true
		}
	}
	return bytes.IndexByte(data, '\\') >= 0
}

// commonness ranks bytes by how often JSON text holds them.
func commonness(c byte) int {
	switch {
	case c == '"':
		return 100
	case c == ' ' || c == ':' || c == ',':
		return 80
	case bytes.IndexByte([]byte("eariotnsl"), c) >= 0:
		return 70
	case c >= '0' && c <= '9':
		return 50
	case bytes.IndexByte([]byte("jqxzkvwy"), c) >= 0:
		return 10
	case c >= 'a' && c <= 'z':
		return 40
	}
	return 20
}
