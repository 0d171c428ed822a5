package plugin

import (
	"bytes"
	"strings"

	"github.com/happn-host/happn-host/abi"
)

// filter decides, for every message, whether a hook sees it. It allocates
// nothing.
type filter struct {
	kinds   uint32 // bit per abi.Kind
	actions uint32 // bit per abi.Action
	all     bool   // every path
	paths   []pattern
}

func newFilter(h *Hook) filter {
	f := filter{all: len(h.Paths) == 0}
	if h.Kind == HookInbound {
		f.kinds = 1 << abi.KindRequest
	} else {
		for _, k := range h.Kinds {
			f.kinds |= 1 << k
		}
		if len(h.Kinds) == 0 {
			f.kinds = 1<<abi.KindResponse | 1<<abi.KindPublication
		}
	}
	for _, a := range h.Actions {
		f.actions |= 1 << a
	}
	if len(h.Actions) == 0 {
		f.actions = ^uint32(0)
	}
	for _, p := range h.Paths {
		if strings.Trim(p, "*") == "" && p != "" {
			f.all = true
		}
		f.paths = append(f.paths, newPattern(p))
	}
	return f
}

// matches reports whether the hook sees such a message. One with a wildcard in its
// path is about all paths that it stands for: a hook sees it if one of them may be
// its own, so that a wildcard gets nobody past a layer.
func (f *filter) matches(kind abi.Kind, action abi.Action, path []byte) bool {
	if f.kinds>>kind&1 == 0 || f.actions>>action&1 == 0 {
		return false
	}
	if f.all {
		return true
	}
	if action == abi.ActionOn || action == abi.ActionOff {
		path = channelPath(path)
	}
	many := bytes.IndexByte(path, '*') >= 0
	for i := range f.paths {
		if many && f.paths[i].meets(path) || !many && f.paths[i].match(path) {
			return true
		}
	}
	return false
}

// channelPath returns the path of a channel such as /SET@/a/*.
func channelPath(channel []byte) []byte {
	if len(channel) == 0 || channel[0] != '/' {
		return channel
	}
	for i, c := range channel[1:] {
		switch {
		case c == '@':
			return channel[i+2:]
		case c < 'A' || c > 'Z':
			return channel
		}
	}
	return channel
}

// pattern is text in which "*" stands for any text, also none, also with
// slashes. Matching takes time in proportion to the text.
type pattern struct {
	first, last []byte   // before the first and after the last star
	middle      [][]byte // between stars
	exact       bool     // no star at all; first is the text
	text        string
}

func newPattern(s string) pattern {
	parts := strings.Split(s, "*")
	p := pattern{first: []byte(parts[0]), exact: len(parts) == 1, text: s}
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

func (p *pattern) match(s []byte) bool {
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

// maxMeets bounds the work of meets, in comparisons of characters. What would take
// more is taken to meet.
const maxMeets = 1 << 16

// meets reports whether there is a text that both p and another pattern, in which
// "*" has the same meaning, stand for.
func (p *pattern) meets(other []byte) bool {
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
