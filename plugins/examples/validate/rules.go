package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// config is the plugin's configuration.
type config struct {
	Rules []struct {
		Path     string            `json:"path"`
		Required map[string]string `json:"required"`
		Optional map[string]string `json:"optional"`
	} `json:"rules"`
}

// rule is what documents on some paths must look like.
type rule struct {
	path   string // "*" stands for any text
	fields []field
}

// field is a member, found by its names from the top.
type field struct {
	name     string
	steps    []string
	types    []rawjson.Type
	spelling string // of the types, for errors
	required bool
}

// parseRules reads the configuration. It runs once, so that it may cost what it
// likes.
func parseRules(text []byte) (rules []rule, err error) {
	var c config
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, err
	}
	for i, r := range c.Rules {
		out := rule{path: r.Path}
		if r.Path == "" {
			return nil, fmt.Errorf("rules[%d].path is missing", i)
		}
		for _, group := range []struct {
			key      string
			fields   map[string]string
			required bool
		}{{"required", r.Required, true}, {"optional", r.Optional, false}} {
			for name, types := range group.fields {
				f, err := parseField(name, types, group.required)
				if err != nil {
					return nil, fmt.Errorf("rules[%d].%s.%s: %w", i, group.key, name, err)
				}
				out.fields = append(out.fields, f)
			}
		}
		// The order of a map is random; errors should not be.
		slices.SortFunc(out.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
		rules = append(rules, out)
	}
	return rules, nil
}

func parseField(name, types string, required bool) (field, error) {
	f := field{name: name, steps: strings.Split(name, "."), spelling: types, required: required}
	if slices.Contains(f.steps, "") {
		return f, errors.New("the name has an empty part")
	}
	for word := range strings.SplitSeq(types, "|") {
		if word = strings.TrimSpace(word); word == "any" {
			f.types = nil
			return f, nil
		}
		t := rawjson.ParseType(word)
		if t == rawjson.Invalid {
			return f, fmt.Errorf(`%q is no type; use any, null, boolean, number, string, array or object, or several with "|" between them`, word)
		}
		f.types = append(f.types, t)
	}
	return f, nil
}

// allows reports whether a value has a type that the field may have.
func (f *field) allows(value []byte) bool {
	return len(f.types) == 0 || slices.Contains(f.types, rawjson.TypeOf(value))
}

// find returns the field's value in a document.
func (f *field) find(document []byte) (value []byte, ok bool) {
	value, ok = document, true
	for _, name := range f.steps {
		if value, ok = rawjson.Lookup(value, name); !ok {
			return nil, false
		}
	}
	return value, true
}
