package fields

import (
	"errors"
	"fmt"
	"strings"
)

// node is a place on the way to fields.
type node struct {
	children map[string]*node
	any      *node // for names that are not among children, and for those too
	deep     bool  // this node's children are looked for at any depth below
	hit      bool  // the field itself
}

// Set is fields to hide. It is for one goroutine.
type Set struct {
	fields []*node // each the top of one field's path
	mask   []byte  // nil removes
	// Two buffers that are used again, in turns: one field's result is the next
	// one's input.
	out [2][]byte
}

// New returns what hides fields, which are named by the names from the top with
// dots between them. "*" stands for any one name, "**" for any number of them.
// mask is JSON that replaces a field's value; without it the field is removed.
func New(names []string, mask []byte) (*Set, error) {
	s := &Set{}
	if len(mask) > 0 {
		s.mask = append([]byte(nil), mask...)
	}
	for i, name := range names {
		top, err := parse(name)
		if err != nil {
			return nil, fmt.Errorf("fields[%d]: %w", i, err)
		}
		s.fields = append(s.fields, top)
	}
	return s, nil
}

func parse(field string) (top *node, err error) {
	top = &node{}
	at := top
	names := strings.Split(field, ".")
	for i, name := range names {
		switch {
		case name == "":
			return nil, fmt.Errorf("%q has an empty part", field)
		case name == "**" && i == len(names)-1:
			return nil, errors.New(`"**" cannot come last: it says how deep, not what`)
		case name == "**":
			at.deep = true
			continue
		}
		next := &node{hit: i == len(names)-1}
		if name == "*" {
			at.any = next
		} else {
			at.children = map[string]*node{name: next}
		}
		at = next
	}
	return top, nil
}

// Hide returns data without the fields, valid until the next call, and whether it
// had any. What has nothing to hide costs no garbage.
func (s *Set) Hide(data []byte) (hidden []byte, had bool) {
	for i, top := range s.fields {
		if !holds(data, top) {
			continue
		}
		out := &s.out[i%2]
		*out = s.append((*out)[:0], data, top)
		data, had = *out, true
	}
	return data, had
}
