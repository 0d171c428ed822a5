package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// config is the plugin's configuration.
type config struct {
	// Fields to remove or mask, by their names from the top, with dots between
	// them. "*" stands for any one name, "**" for any number of them.
	Fields []string `json:"fields"`
	// Mask replaces a field's value. Without it the field is removed.
	Mask json.RawMessage `json:"mask"`
}

// node is a place on the way to fields.
type node struct {
	children map[string]*node
	any      *node // for names that are not among children, and for those too
	deep     bool  // this node's children are looked for at any depth below
	hit      bool  // the field itself
}

// redactor holds what to hide.
type redactor struct {
	fields []*node // each the top of one field's path
	mask   []byte  // nil removes
	// Two buffers that are used again, in turns: one field's result is the next
	// one's input.
	out [2][]byte
}

func (r *redactor) configure(text []byte) error {
	var c config
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	r.fields, r.mask = nil, nil
	if len(c.Mask) > 0 {
		r.mask = append([]byte(nil), c.Mask...)
	}
	for i, field := range c.Fields {
		top, err := parseField(field)
		if err != nil {
			return fmt.Errorf("fields[%d]: %w", i, err)
		}
		r.fields = append(r.fields, top)
	}
	return nil
}

func parseField(field string) (top *node, err error) {
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

// redact looks at one response or publication. One that holds nothing to hide
// is passed on as it is, without garbage.
func (r *redactor) redact(m *sdk.Message) sdk.Verdict {
	data := m.Data()
	for i, top := range r.fields {
		if !holds(data, top) {
			continue
		}
		out := &r.out[i%2]
		*out = r.append((*out)[:0], data, top)
		data = *out
		m.SetData(data)
	}
	return sdk.Pass()
}
